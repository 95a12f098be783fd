"""The cut into batches depends on the records and the limits alone."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.batches import Limits, Place, cut, cut_listed
from netdoctor.migration.records import Record

VECTOR = np.zeros(1, dtype=np.float32)


def make(shapes: list[tuple[int, int]]) -> list[Record]:
    return [Record(n, 0, size, str(n), VECTOR, {}, f"n{space}") for n, (space, size) in enumerate(shapes, 1)]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50)), max_size=80),
    st.integers(1, 10),
    st.integers(1, 120),
    st.integers(1, 200),
)
def test_every_record_once_in_order_within_the_limits(
    shapes: list[tuple[int, int]], points: int, size: int, open_size: int
) -> None:
    records = make(shapes)
    limits = Limits(points, size, open_size)
    batches = list(cut(records, lambda ns: ns.upper(), limits))
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert sorted(record.number for batch in batches for record in batch.records) == [r.number for r in records]
    for batch in batches:
        assert {record.namespace.upper() for record in batch.records} == {batch.collection}
        assert len(batch.records) <= points
        assert batch.size == sum(record.size for record in batch.records)
        assert batch.size <= size or len(batch.records) == 1
    for name in {batch.collection for batch in batches}:
        own = [batch for batch in batches if batch.collection == name]
        assert [batch.nth for batch in own] == list(range(1, len(own) + 1))
        numbers = [record.number for batch in own for record in batch.records]
        assert numbers == sorted(numbers)
    again = list(cut(records, lambda ns: ns.upper(), limits))
    assert [b.records for b in again] == [b.records for b in batches]


def test_many_small_namespaces_do_not_fill_the_memory() -> None:
    records = make([(n, 10) for n in range(1000)])
    waiting = 0
    for produced, batch in enumerate(cut(iter(records), str, Limits(100, 1000, 50)), 1):
        waiting = max(waiting, batch.records[-1].number - produced)
    assert waiting <= 6


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50)), max_size=60),
    st.integers(1, 10),
    st.integers(1, 120),
    st.integers(1, 200),
)
def test_a_cut_goes_on_at_any_place_that_it_told_with_the_same_batches(
    shapes: list[tuple[int, int]], points: int, size: int, open_size: int
) -> None:
    records = make(shapes)
    limits = Limits(points, size, open_size)
    batches = list(cut(records, str, limits))
    told = [batch for batch in batches if batch.after is not None]
    assert told[:1] == batches[:1]
    for batch in told:
        assert batch.after is not None
        place = Place.from_json(json.loads(json.dumps(batch.after.to_json())))
        assert place.number == batch.number + 1
        for earlier in (0, 3):  # reading may begin before the place
            again = records[max(0, place.start - 1 - earlier) :]
            rest = [(b.number, b.nth, b.first, b.records) for b in cut(again, str, limits, place)]
            assert rest == [(b.number, b.nth, b.first, b.records) for b in batches[place.number :]]


def test_a_place_is_small_where_there_are_few_collections_and_rare_where_there_are_many() -> None:
    many = [Record(n, 0, 1, str(n), VECTOR, {}, f"n{n % 1000}") for n in range(1, 5001)]
    batches = list(cut(many, str, Limits(points=2)))
    told = [batch.after for batch in batches if batch.after is not None]
    assert sum(len(place.nth) + len(place.open) for place in told) < 100 * len(batches)


def test_of_a_live_source_the_list_alone_decides() -> None:
    pages = [(0, "a", ["1", "2", "3"]), (3, "a", ["4"]), (4, "b", ["5", "6"])]
    records = [Record(n, 0, 7, str(n), VECTOR, {}, "a" if n < 5 else "b") for n in (1, 3, 6)]
    batches = list(cut_listed(pages, records, str.upper))
    assert [(b.number, b.collection, b.nth, [r.number for r in b.records], b.first) for b in batches] == [
        (0, "A", 1, [1, 3], 0),
        (1, "A", 2, [], 3),
        (2, "B", 1, [6], 4),
    ]
