"""Writes one batch: looks before it overwrites, tries again, and names the record that is refused."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import Batch
from netdoctor.migration.compare import difference
from netdoctor.migration.datatypes import unfit
from netdoctor.migration.digest import Tally, point_digest
from netdoctor.migration.ledger import REFUSED, Ledger, Looked
from netdoctor.migration.points import Layout, Point
from netdoctor.migration.records import Record, place
from netdoctor.migration.retry import Retry
from netdoctor.migration.samples import Sample, sampled
from netdoctor.migration.targets.interface import KeyRefused, Target, TargetRefused, TargetUnreachable, full
from netdoctor.migration.wire import payload_entries, sparse_bytes


class RecordRefused(MigrationFailed):
    """The target does not take this record, alone."""


class WouldOverwrite(MigrationFailed):
    """A point with that id and other content was there before the run."""


class Refusals:
    """Records that the server refuses although they are well-formed: ``most`` of them are left out and named.

    Thread-safe. They are in the ledger, so that a later run knows why they are missing.
    """

    def __init__(self, ledger: Ledger, most: int = 0) -> None:
        self._ledger = ledger
        self._most = most
        self._lock = threading.Lock()
        self.records = ledger.troubles(REFUSED)
        """The reasons by number of the record."""

    def __contains__(self, record: int) -> bool:
        return record in self.records

    def take(self, record: int, reason: str) -> bool:
        """Whether the run may go on without it."""
        with self._lock:
            if record not in self.records:
                if len(self.records) >= self._most:
                    return False
                self._ledger.set_trouble(record, REFUSED, reason)
                self.records[record] = reason
        return True


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: the points sent (fewer than it has when some were there, equal), and its digests."""

    sent: int
    tally: Tally
    samples: Mapping[int, Sample]


@dataclass(frozen=True, slots=True)
class Writer:
    """``foreign`` collections were there before this run, so what they hold is not ours to replace.

    ``skip``: what is there with other content is left alone, and noted; else it stops the run.
    """

    target: Target
    layout: Layout
    retry: Retry
    ledger: Ledger
    foreign: frozenset[str] = frozenset()
    skip: bool = False
    refusals: Refusals | None = None
    """None: the first record that is refused stops the run."""
    replay: bool = False
    """An earlier start may have sent the same already: what is there by now may have been changed by somebody."""

    def write(self, batch: Batch, *, send: bool = True, first: int = 0, total: int = 1) -> Written:
        """``send`` False: it was written by an earlier run, only its digests are wanted.

        ``first`` is the index of its first point in the run, ``total`` the run's size: they choose the samples.
        """
        records = batch.records
        points = self.layout.points(records)
        entries = [payload_entries(point.payload) for point in points]
        alone: frozenset[str] = frozenset()
        there: Collection[str] = ()
        if batch.collection in self.foreign:
            looked = self.ledger.looked(batch.number)
            if send:
                there, looked = self._look(batch, points, looked)
            alone = looked.skipped if looked is not None else alone
        mine = [n for n in range(len(records)) if points[n].id not in alone]
        sent = 0
        if send:
            chosen = [n for n in mine if points[n].id not in there and self._fits(records[n], points[n], batch)]
            bodies = self.target.encode_all([points[n] for n in chosen], [entries[n] for n in chosen])
            encoded = [(records[n], body) for n, body in zip(chosen, bodies, strict=True)]
            sent = self._send(batch.collection, encoded) if encoded else 0
        if self.refusals is not None and self.refusals.records:
            mine = [n for n in mine if records[n].number not in self.refusals]
        tally = Tally.of((points[n].id, _digest(points[n], entries[n])) for n in mine)
        samples = {
            first + n: Sample.of(batch.collection, records[n], points[n]) for n in mine if sampled(first + n, total)
        }
        return Written(sent, tally, samples)

    def _look(self, batch: Batch, points: Sequence[Point], looked: Looked | None) -> tuple[Collection[str], Looked]:
        """The ids that are there, and those that were before the run first looked. Raises WouldOverwrite."""
        there = self.retry.call(lambda: self.target.retrieve(batch.collection, [point.id for point in points]))
        other = set()
        for record, point in zip(batch.records, points, strict=True):
            stored = there.get(point.id)
            # A killed run may have left this very point: equal content is ours, or as good as ours.
            if stored is None or difference(point, stored, self.layout.metric, exact=False) is None:
                continue
            if not self.skip:
                raise WouldOverwrite(
                    f"Collection {batch.collection!r} already has point {point.id} (record {record.number}, "
                    f"id {record.id!r}) with other content.",
                    hint="leave such points alone with --skip-existing, replace them with --overwrite (a snapshot is "
                    "made first), or migrate into another collection; nothing was overwritten",
                )
            other.add(point.id)
        if looked is None:
            looked = Looked(frozenset(there), frozenset(other))
            self.ledger.set_looked(batch.number, batch.collection, looked)
        return there.keys(), looked

    def _fits(self, record: Record, point: Point, batch: Batch) -> bool:
        """Whether the collection can keep the record; else it is left out. Raises RecordRefused."""
        if point.sent is None:
            return True
        reason = unfit(point.sent, self.layout.datatypes[batch.collection])
        if reason is not None:
            self._refuse(record, f"its vector {reason}")
        return reason is None

    def _refuse(self, record: Record, reason: str, cause: Exception | None = None) -> None:
        about = f"record {record.number}{place(record.offset, record.id)}: {reason}"
        if self.refusals is None or not self.refusals.take(record.number, about):
            raise RecordRefused(
                about[0].upper() + about[1:],
                hint="what was written is kept; leave such records out with --max-errors, "
                "or repair it and add --restart",
            ) from cause

    def _send(self, collection: str, encoded: Sequence[tuple[Record, bytes]]) -> int:
        """How many were taken."""
        try:
            how = {"insert_only": True} if self.replay else {}
            self.retry.call(lambda: self.target.upsert(collection, [body for _, body in encoded], **how))
            return len(encoded)
        except (KeyRefused, TargetUnreachable):
            raise
        except TargetRefused as refused:
            if full(refused.message):
                refused.hint = refused.hint or "raise that limit or make room there, then repeat the same command"
                raise  # of no record in particular
            if len(encoded) == 1:
                self._refuse(encoded[0][0], refused.message, refused)
                return 0
            # Too large, or one record in it is: halve until it goes through or stands alone.
            half = len(encoded) // 2
            return self._send(collection, encoded[:half]) + self._send(collection, encoded[half:])


def _digest(point: Point, entries: Sequence[bytes]) -> bytes:
    return point_digest(point.id, entries, point.vector, sparse_bytes(point))
