"""What is written by hand is what the published protobuf and JSON say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.points import Point
from netdoctor.migration.wire import point_json, point_protobuf, upsert_json, upsert_protobuf, varint

ID = "6a15880c-8b29-5463-962c-1c2a0bd1b9c9"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "null_value":
        return None
    if kind == "struct_value":
        return {key: plain(item) for key, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [plain(item) for item in value.list_value.values]
    return getattr(value, kind)


@given(
    st.dictionaries(st.text(), VALUES, max_size=4),
    st.lists(st.floats(width=32, allow_nan=False, allow_subnormal=False), min_size=1, max_size=40),
)
def test_the_bytes_parse_as_the_published_message(payload: dict[str, Any], values: list[float]) -> None:
    from qdrant_client.grpc import UpsertPoints

    point = Point(ID, np.array(values, dtype=np.float32), payload)
    message = UpsertPoints.FromString(upsert_protobuf("naïve", [point_protobuf(point)] * 2))
    assert (message.collection_name, message.wait, len(message.points)) == ("naïve", True, 2)
    for read in message.points:
        assert read.id.uuid == ID
        assert np.array(read.vectors.vector.dense.data, dtype=np.float32).tobytes() == point.vector.tobytes()
        got = {key: plain(value) for key, value in read.payload.items()}
        assert got == payload
        assert {k: type(v) for k, v in got.items()} == {k: type(v) for k, v in payload.items()}


def test_an_integer_beyond_64_bits_becomes_a_double() -> None:
    from qdrant_client.grpc import UpsertPoints

    point = Point(ID, np.zeros(1, dtype=np.float32), {"n": 2**70, "m": -(2**63) - 1})
    (read,) = UpsertPoints.FromString(upsert_protobuf("c", [point_protobuf(point)])).points
    assert read.payload["n"].double_value == float(2**70)
    assert read.payload["m"].double_value == float(-(2**63))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_json_numbers_are_exact_for_readers_of_floats_and_of_doubles(values: list[float]) -> None:
    point = Point(ID, np.array(values, dtype=np.float32), {"a": "é\u2028"})
    (read,) = json.loads(b"".join(upsert_json([point_json(point)])[1]))["points"]
    assert np.array(read["vector"], dtype=np.float64).astype(np.float32).tobytes() == point.vector.tobytes()
    assert read["payload"] == point.payload


@given(st.integers(0, 2**64 - 1))
def test_varints(value: int) -> None:
    data = varint(value)
    assert sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(data)) == value
    assert all(byte & 0x80 for byte in data[:-1]) and not data[-1] & 0x80


@pytest.mark.parametrize(
    "sizes", [[], [1], [5, 7], [70_000], [40_000, 40_000, 9], [70_000, 70_000], [1] * 500 + [65_536]]
)
def test_a_rest_body_in_pieces_is_the_whole_and_as_long_as_told(sizes: list[int]) -> None:
    points = [bytes([0x30 + n % 10]) * size for n, size in enumerate(sizes)]
    length, pieces = upsert_json(points)
    whole = list(pieces)
    assert b"".join(whole) == b'{"points":[' + b",".join(points) + b"]}"
    assert sum(map(len, whole)) == length


def test_a_vector_of_another_type_is_written_as_float32_with_the_length_of_that():
    narrow = Point("00000000-0000-5000-8000-000000000000", np.array([1, 0.5], np.float32), {})
    for kind in (np.float64, np.float16):
        wide = Point(narrow.id, narrow.vector.astype(kind), {})
        assert point_protobuf(wide) == point_protobuf(narrow)
