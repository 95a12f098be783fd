"""The id rule, the collection names, the payload, the vectors."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.errors import UsageError
from netdoctor.migration.points import (
    Layout,
    MappingRefused,
    Metric,
    canonical_uuid,
    collection_name,
    default_namespace,
    integral,
    point_id,
    refuse_name_clash,
    tenant_point_id,
    unit,
    units,
)
from netdoctor.migration.records import Record

CONTACT = "contact_1764088271366_mj1ve5wuv"
UUID = "0d8f6b1e-7c2a-4b5d-9e3f-1a2b3c4d5e6f"


def record(identity: str = "a", ns: str = "", /, **metadata: object) -> Record:
    return Record(1, 0, 10, identity, np.array([3, 4], dtype=np.float32), metadata, ns)


def test_the_published_vectors_of_the_id_rule() -> None:
    assert point_id(CONTACT) == "6a15880c-8b29-5463-962c-1c2a0bd1b9c9"
    assert tenant_point_id(CONTACT, "user_IFxPCgSA8NapEq5W8jh6yHrtJGJ2") == "cf01751a-0190-59f7-99d7-59d13b210710"
    assert tenant_point_id(CONTACT, "") == "35e66b40-252a-5fd6-92ae-a0ab4b3b3634"


@pytest.mark.parametrize(
    "written",
    [UUID, UUID.upper(), UUID.replace("-", ""), f"urn:uuid:{UUID}", f"URN:UUID:{UUID.upper()}", f"{{{UUID}}}"],
)
def test_a_uuid_in_any_of_its_forms_is_kept_in_lower_case(written: str) -> None:
    assert point_id(written) == UUID


@pytest.mark.parametrize(
    "no_uuid",
    [
        f"urn:uuid:{UUID.replace('-', '')}",
        f"{{{UUID.replace('-', '')}}}",
        f"{{{UUID}",
        f" {UUID}",
        f"{UUID}\n",
        UUID[:-1] + "g",
        UUID.replace("0", "٠"),  # digits, but not ASCII
        UUID.replace("-", "", 1),
        "",
    ],
)
def test_what_only_looks_like_a_uuid_is_hashed(no_uuid: str) -> None:
    assert canonical_uuid(no_uuid) is None
    assert point_id(no_uuid) == str(uuid.uuid5(uuid.NAMESPACE_URL, no_uuid))


def test_in_one_collection_uuids_are_hashed_too() -> None:
    assert tenant_point_id(UUID, "") != UUID


@given(st.text(), st.text(), st.text(), st.text())
def test_tenants_never_share_a_point_unless_id_and_namespace_are_the_same(a: str, b: str, n: str, m: str) -> None:
    same = (a, n) == (b, m)
    assert (tenant_point_id(a, n) == tenant_point_id(b, m)) is same


@given(st.text())
def test_an_id_is_its_exact_text_and_the_result_a_canonical_uuid(identity: str) -> None:
    made = point_id(identity)
    assert made == str(uuid.UUID(made))
    assert point_id(identity) == made


def test_the_default_namespace_has_four_spellings() -> None:
    assert {default_namespace(None), default_namespace(""), default_namespace("__default__")} == {""}
    assert default_namespace("__default__x") == "__default__x"


def test_collection_names() -> None:
    assert collection_name("user_abc", strip_prefix="user_") == "abc"
    assert collection_name("abc", strip_prefix="user_") == "abc"
    assert collection_name("") == "default"
    assert collection_name("user_", strip_prefix="user_", default="rest") == "rest"
    assert collection_name("a/b%c*") == "a%2Fb%25c%2A"
    assert collection_name("a\x1fb\x00") == "a%1Fb%00"


@given(st.text(max_size=60), st.text(max_size=60))
def test_different_namespaces_have_different_names(a: str, b: str) -> None:
    if a and b and a != b and not {a, b} & {".", ".."}:
        assert collection_name(a, default="?") != collection_name(b, default="?")


def test_names_that_cannot_be_are_refused() -> None:
    assert collection_name("x" * 255) == "x" * 255
    for namespace in ("x" * 256, "é" * 128, "..", "."):
        with pytest.raises(MappingRefused):
            collection_name(namespace)


def test_two_namespaces_on_one_name_are_refused_by_both_names() -> None:
    refuse_name_clash([("a", "a"), ("b", "b"), ("a", "a")])
    with pytest.raises(MappingRefused, match=r"'user_a' and 'a'.*'a'"):
        refuse_name_clash([("user_a", "a"), ("a", "a")])


def test_the_payload_keeps_the_original_id_and_leaves_nulls_out() -> None:
    layout = Layout(integers=frozenset({"age"}))
    point = layout.point(record("x", age=42.0, score=1, name="n", gone=None, flags=[1.0, None], yes=True))
    assert point.payload == {"age": 42, "score": 1.0, "name": "n", "flags": [1.0, None], "yes": True, "originalId": "x"}
    assert type(point.payload["age"]) is int
    assert type(point.payload["score"]) is float
    assert point.payload["yes"] is True


def test_a_key_that_the_metadata_already_has_is_a_clash_only_with_another_value() -> None:
    layout = Layout()
    assert layout.clash(record("x", originalId="x")) is None
    assert layout.clash(record("x", originalId="y")) == "originalId"
    assert layout.clash(record("x", originalId=None)) is None
    tenants = Layout(collection="all")
    assert tenants.clash(record("x", "n", namespace="n")) is None
    assert tenants.clash(record("x", "n", namespace="m")) == "namespace"
    assert tenants.point(record("x", "n")).payload["namespace"] == "n"


def test_cosine_vectors_have_length_one_and_others_are_left_alone() -> None:
    assert Layout().point(record()).vector.tolist() == [np.float32(0.6), np.float32(0.8)]
    assert Layout(metric=Metric.DOT).point(record()).vector.tolist() == [3, 4]


@given(st.lists(st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False), min_size=1, max_size=64))
def test_normalising_is_float32_stable_and_spares_vectors_without_direction(values: list[float]) -> None:
    vector = np.array(values, dtype=np.float32)
    made = unit(vector)
    assert made.dtype == np.float32
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if length * length < 1.1920929e-07:
        assert made.tobytes() == vector.tobytes()
    else:
        assert abs(float(np.linalg.norm(made.astype(np.float64))) - 1) < 1e-6


def test_integers_end_where_doubles_can_no_longer_count() -> None:
    assert integral(42.0) and integral(-(2**53) + 1) and integral(0)
    assert not integral(0.5) and not integral(2**53) and not integral(1e300)


@given(st.text(), st.text())
def test_the_short_way_to_a_uuid5_is_the_standard_one(namespace: str, identity: str) -> None:
    spaced = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, namespace), identity)
    assert tenant_point_id(identity, namespace) == str(spaced)
    if canonical_uuid(identity) is None:
        assert point_id(identity) == str(uuid.uuid5(uuid.NAMESPACE_URL, identity))


@given(
    st.integers(1, 70),
    st.integers(1, 300),
    st.sampled_from([1e-30, 1e-5, 3.4e-4, 1.0, 1e18]),
    st.integers(0, 2**32),
)
def test_many_vectors_in_one_step_are_bit_for_bit_what_they_are_alone(
    count: int, dimension: int, scale: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    made = (chance.normal(size=(count, dimension)) * scale).astype(np.float32)
    made[chance.integers(count)] = 0.0
    made[chance.integers(count)] *= np.float32(1e-6)
    together = units(list(made))
    assert [each.tobytes() for each in together] == [unit(each).tobytes() for each in made]
    ragged = [*made, made[0][:1], made[0][:0]]
    assert [each.tobytes() for each in units(ragged)] == [unit(each).tobytes() for each in ragged]


def test_points_in_one_step_are_those_made_alone() -> None:
    layout = Layout(integers=frozenset({"n"}), collection="all")
    some = [record(f"r{n}", "ns", n=float(n), x=n, gone=None, t="t") for n in range(80)]
    for together, alone in zip(layout.points(some), map(layout.point, some), strict=True):
        assert (together.id, together.vector.tobytes(), together.payload) == (
            alone.id,
            alone.vector.tobytes(),
            alone.payload,
        )
        assert type(together.payload["n"]) is int
        assert type(together.payload["x"]) is float


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 256, "é" * 128, "a/b", "a\x1fb", "a\nb", "\udcff", "a|b"])
def test_what_a_person_calls_a_collection_and_no_server_can_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="A collection cannot be called") as caught:
        Layout(collection=name)
    assert len(caught.value.message) < 300
    assert caught.value.hint
    with pytest.raises(UsageError):
        Layout(default_collection=name)


@pytest.mark.parametrize("name", ["a", "x" * 255, "é" * 127, "a b", "100%", "ünï-_.~"])
def test_what_a_server_can_have_is_taken(name: str) -> None:
    assert Layout(collection=name).collection_of("any") == name


@pytest.mark.parametrize("field", ["id_field", "tenant_field", "strip_prefix", "sparse_vector"])
def test_what_is_no_utf_8_is_refused_before_anything_is_written(field: str) -> None:
    with pytest.raises(UsageError, match="it is no UTF-8"):
        Layout(**{field: "a\udcff"})
