"""The cut into batches depends on the records and the limits alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.batches import Limits, cut
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
