"""The points that verification searches for: spread evenly over the run, kept with the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdoctor.migration.points import SPARSE_NAME, Point
from netdoctor.migration.records import Record, Sparse, place

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

SAMPLES = 100


def sampled(index: int, total: int) -> bool:
    """Whether point ``index`` (from 0, in the order in which batches are cut) is one of SAMPLES out of ``total``."""
    return (index + 1) * SAMPLES // total != index * SAMPLES // total or total <= SAMPLES


@dataclass(frozen=True, slots=True)
class Sample:
    """One point as it was sent, and the record it came from."""

    collection: str
    namespace: str
    record: int
    offset: int
    original: str
    id: str
    vector: Vector
    sparse: Sparse | None = None
    sparse_name: str = SPARSE_NAME

    @classmethod
    def of(cls, collection: str, record: Record, point: Point) -> Sample:
        return cls(
            collection,
            record.namespace,
            record.number,
            record.offset,
            record.id,
            point.id,
            point.vector,
            point.sparse,
            point.sparse_name,
        )

    @property
    def about(self) -> str:
        """The record, as problems name it."""
        return about(self.record, self.offset, self.original, self.collection)

    def to_bytes(self) -> bytes:
        head: list[object] = [self.collection, self.namespace, self.record, self.offset, self.original, self.id]
        dense = self.vector.astype("<f4").tobytes()
        sparse = b"" if self.sparse is None else self.sparse.to_bytes()
        return json.dumps([*head, len(dense), self.sparse_name]).encode() + b"\n" + dense + sparse

    @classmethod
    def from_bytes(cls, data: bytes) -> Sample:
        import numpy as np

        head, _, rest = data.partition(b"\n")
        collection, namespace, record, offset, original, identity, dense, sparse_name = json.loads(head)
        values = np.frombuffer(rest[:dense], dtype="<f4").astype(np.float32)
        told = (collection, namespace, record, offset, original, identity)
        return cls(*told, values, Sparse.from_bytes(rest[dense:]), sparse_name)


def about(record: int, offset: int, original: str, collection: str) -> str:
    return f"record {record}{place(offset, original)} in collection {collection!r}"
