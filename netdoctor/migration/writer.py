"""Writes one batch: looks before it overwrites, tries again, and names the record that is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import Batch
from netdoctor.migration.compare import difference
from netdoctor.migration.points import Layout, Point
from netdoctor.migration.records import Record
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import KeyRefused, Target, TargetRefused, TargetUnreachable


class RecordRefused(MigrationFailed):
    """The target does not take this record, alone."""


class WouldOverwrite(MigrationFailed):
    """A point with that id and other content was there before the run."""


@dataclass(frozen=True, slots=True)
class Writer:
    """``foreign(collection)``: it was there before this run, so what it holds is not ours to replace."""

    target: Target
    layout: Layout
    retry: Retry
    foreign: Callable[[str], bool]

    def write(self, batch: Batch) -> int:
        """Returns the number of points sent; fewer than the batch has when some were there already, equal."""
        points = [self.layout.point(record) for record in batch.records]
        pairs = list(zip(batch.records, points, strict=True))
        if self.foreign(batch.collection):
            pairs = self._unwritten(batch.collection, pairs)
        encoded = [(record, self.target.encode(point)) for record, point in pairs]
        if encoded:
            self._send(batch.collection, encoded)
        return len(encoded)

    def _unwritten(self, collection: str, pairs: Sequence[tuple[Record, Point]]) -> list[tuple[Record, Point]]:
        ids = [point.id for _, point in pairs]
        there = self.retry.call(lambda: self.target.retrieve(collection, ids))
        for record, point in pairs:
            stored = there.get(point.id)
            # A killed run may have left this very point: equal content is ours, or as good as ours.
            if stored is not None and difference(point, stored, self.layout.metric) is not None:
                raise WouldOverwrite(
                    f"Collection {collection!r} already has point {point.id} (record {record.number}, "
                    f"id {record.id!r}) with other content.",
                    hint="remove it there, or migrate into another collection; nothing was overwritten",
                )
        return [(record, point) for record, point in pairs if point.id not in there]

    def _send(self, collection: str, encoded: Sequence[tuple[Record, bytes]]) -> None:
        try:
            self.retry.call(lambda: self.target.upsert(collection, [body for _, body in encoded]))
        except (KeyRefused, TargetUnreachable):
            raise
        except TargetRefused as refused:
            record = encoded[0][0]
            if len(encoded) == 1:
                raise RecordRefused(
                    f"Record {record.number} (byte {record.offset}, id {record.id!r}): {refused.message}",
                    hint="what was written is kept; repair the record, then repeat the command with --restart",
                ) from refused
            # Too large, or one record in it is: halve until it goes through or stands alone.
            half = len(encoded) // 2
            self._send(collection, encoded[:half])
            self._send(collection, encoded[half:])
