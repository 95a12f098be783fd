"""The points that verification searches for: spread evenly over the run, kept with the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netdoctor.migration.points import Point
from netdoctor.migration.records import Record

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

    @classmethod
    def of(cls, collection: str, record: Record, point: Point) -> Sample:
        return cls(collection, record.namespace, record.number, record.offset, record.id, point.id, point.vector)

    @property
    def about(self) -> str:
        """The record, as problems name it."""
        return about(self.record, self.offset, self.original, self.collection)

    def to_bytes(self) -> bytes:
        head = [self.collection, self.namespace, self.record, self.offset, self.original, self.id]
        return json.dumps(head).encode() + b"\n" + self.vector.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Sample:
        import numpy as np

        head, _, vector = data.partition(b"\n")
        collection, namespace, record, offset, original, identity = json.loads(head)
        values = np.frombuffer(vector, dtype="<f4").astype(np.float32)
        return cls(collection, namespace, record, offset, original, identity, values)


def about(record: int, offset: int, original: str, collection: str) -> str:
    return f"record {record} (byte {offset}, id {original!r}) in collection {collection!r}"
