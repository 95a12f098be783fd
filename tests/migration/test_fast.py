"""The fast parsers read what the strict one reads, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration import fast
from netdoctor.migration.framing import Frame
from netdoctor.migration.json_records import parse_record
from netdoctor.migration.records import BadRecord, Record

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
ODD = st.none() | st.booleans() | st.text(max_size=3) | st.lists(NUMBERS, max_size=2)
# Integers of more than 64 bits become doubles, here by one parser and on the wire by the other.
SMALLER = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
PLAIN = st.none() | st.booleans() | SMALLER | st.text(max_size=8)
KEYS = st.text(max_size=6) | st.just("values")
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=8) | PLAIN,
        "values": st.lists(NUMBERS, max_size=8) | st.lists(NUMBERS | ODD, max_size=4) | PLAIN,
        "metadata": st.dictionaries(KEYS, PLAIN | st.lists(PLAIN, max_size=3)) | PLAIN,
        "namespace": st.text(max_size=4) | PLAIN,
        "extra": PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.text(max_size=2), PLAIN, max_size=2),
    },
)


@pytest.fixture(scope="module", params=["_simdjson", "_orjson"])
def parser(request: pytest.FixtureRequest) -> fast.Fast:
    pytest.importorskip(request.param.lstrip("_"))
    make: Callable[[], fast.Fast] = getattr(fast, request.param)
    return make()


def told(found: Record | BadRecord) -> Any:
    if isinstance(found, BadRecord):
        return found
    return (found.id, found.namespace, found.values.tobytes(), json.dumps(found.metadata), found.left_out)


@given(RECORDS, st.booleans())
def test_both_ways_give_the_same_record_or_the_same_fault(
    parser: fast.Fast, record: dict[str, Any], ascii_only: bool
) -> None:
    raw = json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    strict, quick = (told(parse_record(1, Frame(7, raw), each)) for each in (None, parser))
    assert quick == strict


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id": "a", "values": [[1], [2]]}',
        b'{"id": "a", "values": [[1, 2]]}',
        b'{"id": "a", "values": [1, [2]], "metadata": {"values": [1]}}',
        b'{"id": "a", "v\\u0061lues": [[1]], "metadata": {"values": [1]}}',
        b'{"id": "a", "values": [1, NaN]}',
        b'{"id": "a", "values": [1e400]}',
        b'{"id": "a", "values": [true, 1]}',
        b'{"id": "a", "values": {"0": 1}}',
        b'{"id": "\xff", "values": [1]}',
        b'{"id": "a", "values": [1], }',
    ],
)
def test_what_fast_parsers_get_wrong_is_left_to_the_strict_one(parser: fast.Fast, raw: bytes) -> None:
    strict, quick = (told(parse_record(1, Frame(0, raw), each)) for each in (None, parser))
    assert quick == strict


def test_a_plain_record_is_really_read_the_fast_way(parser: fast.Fast) -> None:
    found = parser(Frame(0, b'{"id": "a", "values": [1, 2.5], "metadata": {"t": ["x"]}, "namespace": "n"}'))
    assert found is not None
    record, numbers = found
    assert record == {"id": "a", "metadata": {"t": ["x"]}, "namespace": "n"}
    assert numbers.tolist() == [1.0, 2.5]


def test_without_any_of_them_the_strict_one_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> fast.Fast:
        raise ImportError

    monkeypatch.setattr(fast, "_simdjson", absent)
    monkeypatch.setattr(fast, "_orjson", absent)
    assert fast.fast_parser() is None


def test_many_with_one_that_is_written_otherwise_are_read_as_each_alone() -> None:
    things = [
        b'{"id": "a", "values": [1, 2], "metadata": {"n": 5764607523034234879}}',
        b'{"id": "b", "values" :\n[3], "x": [5764607523034234879]}',
        b'{"n": 5764607523034234879, "values":[4.5,-6e2]}',
        b'{"values": [7]}',
    ]
    pytest.importorskip("simdjson")
    many = fast.fast_many()
    assert many is not None
    found = many([Frame(0, thing, *_place(thing)) for thing in things])
    assert found is not None
    for thing, (record, vector) in zip(things, found, strict=True):
        whole = json.loads(thing)
        assert vector.tolist() == whole.pop("values")
        assert record == whole


def _place(thing: bytes) -> tuple[int, int]:
    start = thing.index(b"[")
    return start, thing.index(b"]") + 1
