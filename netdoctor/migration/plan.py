"""The plan pass: reads the whole export once and decides everything that must not be decided half-way.

Nothing is written before the plan stands: a bad record, two records for one point, or a payload key that would
be overwritten is told with its record and byte offset while the target is still untouched.
"""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import dropwhile
from pathlib import Path
from typing import Any

from netdoctor.errors import MigrationFailed
from netdoctor.migration.duplicates import HashLog, RivalLog, Rivals, Sorted, pair_hash
from netdoctor.migration.listing import Listing
from netdoctor.migration.planlog import PlanLog, planlog_of
from netdoctor.migration.points import Layout, MappingRefused, integral, refuse_name_clash
from netdoctor.migration.records import NOWHERE, BadRecord, MalformedExport, Record, place
from netdoctor.migration.sofar import SoFar
from netdoctor.migration.sources.interface import Cursor, LiveSource, Resumable, Source
from netdoctor.version import __version__

KEEP = 32 << 20
"""Records are kept for the later passes as long as they fit into this many bytes."""
EVERY = 1000
"""Records between two places that the plan keeps."""
_MOST_BAD = 20
_MOST_KEYS = 20


@dataclass(frozen=True, slots=True)
class CollectionPlan:
    """``dimension`` 0: its points have no dense vector; ``sparse``: at least one has a sparse one."""

    name: str
    dimension: int
    points: int
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``records`` in the export, of which ``skipped`` are bad; ``layout`` is complete (number kinds filled in)."""

    records: int
    collections: tuple[CollectionPlan, ...]
    layout: Layout
    digest: str
    stamp: str
    skipped: int = 0
    bad: tuple[BadRecord, ...] = ()
    left_out: tuple[str, ...] = ()
    """Record keys that are not migrated."""
    losers: Collection[int] = frozenset()
    """Numbers of the records that another one for the same point wins over: they are never sent."""
    marks: tuple[tuple[int, Cursor], ...] = ()
    """(Record, where it is in the source) of every thousandth record or so, ascending."""
    listing: str = ""
    """The file with the list of ids that a live source was planned from; "" for a file source."""
    kept: tuple[Record, ...] | None = field(default=None, compare=False)
    seconds: float = 0.0

    @property
    def points(self) -> int:
        return sum(collection.points for collection in self.collections)

    def good(
        self,
        source: Source,
        start: int = 1,
        end: int | None = None,
        bad: Callable[[BadRecord], None] = lambda _bad: None,
    ) -> Iterator[Record]:
        """The records to migrate, again, in the same order: those numbered ``start`` up to, but not, ``end``.

        What is before is not read, except for at most ``EVERY`` records. ``bad`` hears what the plan could not know
        (live sources: a record is gone, or of another kind than the sample).
        """
        last = self.records + 1 if end is None else end
        if self.kept is not None:
            yield from (record for record in self.kept if start <= record.number < last)
            return
        live = bool(self.listing)
        dimensions = {collection.name: collection.dimension for collection in self.collections}
        if live:
            assert isinstance(source, LiveSource)
            source.follow(self._listed())
            cursor: Cursor = start if start > 1 else None
        else:
            cursor = self._cursor(start)
        for record in source.records(cursor):
            if record.number >= last:
                return
            if record.number < start or record.number in self.losers:
                continue
            if isinstance(record, BadRecord):
                if live:
                    bad(record)
                continue
            expected = dimensions.get(self.layout.collection_of(record.namespace))
            if expected == len(record.values):
                if live and (key := self._fraction(record)):
                    bad(
                        BadRecord(
                            record.number, NOWHERE, f"its {key!r} is no whole number as in the sample; kept as it is"
                        )
                    )
                yield record
            elif live:
                bad(BadRecord(record.number, NOWHERE, f"it has {len(record.values)} values, not {expected}: left out"))

    def _listed(self) -> Listing:
        """Raises MigrationFailed when it is not the list that this plan was made from."""
        listing = Listing.read(Path(self.listing))
        if self.digest.rpartition(" ")[2] != listing.digest:
            raise MigrationFailed(
                f"The list of ids {listing.path} is not the one that was planned from.",
                hint="add --restart to list them again",
            )
        return listing

    def _fraction(self, record: Record) -> str | None:
        """A field of integers in which this record has something else."""
        for key in self.layout.integers:
            value: object = record.metadata.get(key)
            if isinstance(value, float) and not integral(value):
                return key
        return None

    def _cursor(self, start: int) -> Cursor:
        at = bisect_right(self.marks, start, key=lambda mark: mark[0])
        return self.marks[at - 1][1] if at and start > 1 else None

    def to_json(self) -> dict[str, Any]:
        """For the ledger; the layout's options are bound separately."""
        return {
            "records": self.records,
            "collections": [[c.name, c.dimension, c.points, c.sparse] for c in self.collections],
            "integers": sorted(self.layout.integers),
            "digest": self.digest,
            "stamp": self.stamp,
            "skipped": self.skipped,
            "bad": [[bad.number, bad.offset, bad.reason, bad.fatal] for bad in self.bad],
            "left_out": list(self.left_out),
            "losers": list(self.losers),
            "marks": [list(mark) for mark in self.marks],
            "listing": self.listing,
            "seconds": round(self.seconds, 1),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], layout: Layout) -> Plan:
        return cls(
            records=data["records"],
            collections=tuple(CollectionPlan(*row) for row in data["collections"]),
            layout=replace(layout, integers=frozenset(data["integers"])),
            digest=data["digest"],
            stamp=data["stamp"],
            skipped=data["skipped"],
            bad=tuple(BadRecord(*row) for row in data["bad"]),
            left_out=tuple(data["left_out"]),
            losers=Sorted(data.get("losers", ())),
            marks=tuple((number, cursor) for number, cursor in data.get("marks", ())),
            listing=data.get("listing", ""),
            seconds=data.get("seconds", 0.0),
        )


def make_plan(
    source: Source,
    layout: Layout,
    *,
    max_errors: int = 0,
    on_duplicate: str | None = None,
    tell: Callable[[int, int], None] = lambda _r, _b: None,
    beside: Path | None = None,
) -> Plan:
    """Read everything. ``tell(records, bytes)`` is called now and then.

    ``beside``: the ledger or plan file that this is for. A pass that was killed left another file there, and this one
    goes on from it; :func:`planlog.forget` it when the plan is safe.

    ``on_duplicate``: which of several records for one point wins, ``first`` or ``last``; None: they stop the plan.

    Raises MalformedExport (more than ``max_errors`` bad records) and MappingRefused.
    """
    began = time.monotonic()
    stamp = source.stamp()
    with ExitStack() as stack:
        log = stack.enter_context(HashLog())
        planlog = None
        if beside is not None and isinstance(source, Resumable):
            planlog = stack.enter_context(PlanLog(planlog_of(beside), _about(source, layout)))
        sofar, total, kept = _read(source, layout, log, planlog, max_errors, began, tell)
        names, counts, bad = sofar.names, sofar.counts, sofar.bad
        if sofar.bad_count > max_errors:
            raise _malformed(source, bad, sofar.bad_count)
        if not counts:
            raise MalformedExport(f"{source.label} has no records to migrate. Nothing was written.", bad=tuple(bad))
        if layout.collection is None:
            refuse_name_clash(names.items())
        repeated = log.repeated()
        losers, lost = Sorted(), Counter[str]()
        if repeated:
            losers, lost = _losers(source, layout, repeated, on_duplicate, sofar.dimensions)
    counts.subtract(lost)
    if kept is not None and losers:
        kept = [record for record in kept if record.number not in losers]
    return Plan(
        records=total,
        collections=tuple(
            CollectionPlan(name, sofar.dimensions[name], counts[name], name in sofar.sparse) for name in counts
        ),
        layout=replace(layout, integers=frozenset(sofar.numbers.seen - sofar.numbers.fractional)),
        digest=source.digest(),
        stamp=stamp,
        skipped=sofar.bad_count,
        bad=tuple(bad),
        left_out=tuple(sorted(sofar.left_out)),
        losers=losers,
        marks=tuple(sofar.marks),
        kept=None if kept is None else tuple(kept),
        seconds=time.monotonic() - began + sofar.seconds,
    )


def _read(
    source: Source,
    layout: Layout,
    log: HashLog,
    planlog: PlanLog | None,
    max_errors: int,
    began: float,
    tell: Callable[[int, int], None],
) -> tuple[SoFar, int, list[Record] | None]:
    """What is counted, the number of records, and the records, where they are few. Hashes of all ids go to ``log``."""
    sofar = (planlog.earlier(log) if planlog else None) or SoFar()
    records: Iterator[Record | BadRecord] = iter(source.records(sofar.marks[-1][1] if sofar.marks else None))
    fingerprint = None
    total = due = weight = 0
    kept: list[Record] | None = []
    if sofar.marks:
        first, kept = sofar.marks[-1][0], None
        due = first + EVERY
        records = dropwhile(lambda found: found.number < first, records)
        assert isinstance(source, Resumable)
        fingerprint = threading.Thread(target=source.fingerprint, name="netdoctor-digest", daemon=True)
        fingerprint.start()
    names, dimensions, counts, numbers = sofar.names, sofar.dimensions, sofar.counts, sofar.numbers
    earlier = sofar.seconds
    for found in records:
        total = found.number
        if total >= due and isinstance(found, Record):
            sofar.marks.append((total, source.cursor(found)))
            due = total + EVERY
            if planlog is not None and planlog.due():
                sofar.seconds = earlier + time.monotonic() - began
                planlog.keep(sofar)
        record = _fitting(found, layout, names, dimensions) if isinstance(found, Record) else found
        if isinstance(record, BadRecord):
            sofar.bad_count += 1
            if len(sofar.bad) < _MOST_BAD:
                sofar.bad.append(record)
            if sofar.bad_count > max_errors and (record.fatal or max_errors or sofar.bad_count >= _MOST_BAD):
                break
            continue
        collection = names[record.namespace]
        refuse_key_clash(record, layout)
        counts[collection] += 1
        if record.sparse is not None:
            sofar.sparse.add(collection)
        numbers.look(record)
        value = pair_hash(collection, layout.id_of(record))
        log.add(value)
        if planlog is not None:
            planlog.fresh.append(value)
        if record.left_out and len(sofar.left_out) < _MOST_KEYS:
            sofar.left_out.update(record.left_out)
        if kept is not None:
            weight += record.values.nbytes + record.size
            kept.append(record)
            if weight > KEEP:
                kept = None
        if not total & 0x3FF:
            tell(total, record.offset + record.size)
    if fingerprint is not None:
        fingerprint.join()
    sofar.seconds = earlier
    return sofar, total, kept


def _about(source: Resumable, layout: Layout) -> dict[str, Any]:
    """What the pass depends on."""
    return {
        "netdoctor": __version__,
        "export": [type(source).__name__, source.label, source.stamp(), source.reading],
        "mapping": layout.binding(),
    }


def _fitting(record: Record, layout: Layout, names: dict[str, str], dimensions: dict[str, int]) -> Record | BadRecord:
    """The record, unless its dimension is not that of its collection's first."""
    name = names.get(record.namespace)
    if name is None:
        name = names[record.namespace] = layout.collection_of(record.namespace)
    expected = dimensions.setdefault(name, len(record.values))
    if len(record.values) == expected:
        return record
    return BadRecord(
        record.number,
        record.offset,
        f"it has {len(record.values)} values, the records before it in collection {name!r} have {expected}",
    )


def refuse_key_clash(record: Record, layout: Layout) -> None:
    key = layout.clash(record)
    if key is not None:
        option = "--id-field" if key == layout.id_field else "--tenant-field"
        raise MappingRefused(
            f"Record {record.number}{place(record.offset)} already has metadata {key!r} with another value. "
            "Nothing was written.",
            hint=f"choose another field with {option}",
        )


def _malformed(source: Source, bad: list[BadRecord], count: int) -> MalformedExport:
    first = bad[0]
    more = f" (and {count - 1} more)" if count > 1 else ""
    hint = "repair the export"
    if not first.fatal or first.number > 1:
        hint += f", or skip what is bad with --max-errors {count}"
    return MalformedExport(
        f"{source.label}, record {first.number}{place(first.offset)}: {first.reason}{more}. Nothing was written.",
        hint=hint,
        bad=tuple(bad),
    )


def _losers(
    source: Source, layout: Layout, repeated: Sorted, wins: str | None, dimensions: Mapping[str, int]
) -> tuple[Sorted, Counter[str]]:
    """The records that lose, and how many by collection. Only equal hashes are looked at: most of the export is not."""
    names = list(dimensions)
    number_of = {name: number for number, name in enumerate(names)}
    with RivalLog() as rivals:
        for record in source.records():
            if isinstance(record, BadRecord):
                continue
            name, identity = layout.collection_of(record.namespace), layout.id_of(record)
            if pair_hash(name, identity) in repeated and len(record.values) == dimensions[name]:
                rivals.add(name, identity, record.number, number_of[name])
        numbers, lost, first = array("Q"), Counter[str](), None
        for rival in rivals.rivals(wins or "first"):
            numbers.append(rival.loser)
            lost[names[rival.where]] += 1
            first = rival if first is None or rival.loser < first.loser else first
    if first is not None and wins is None:
        both = (record for record in source.records() if record.number in first[:2])
        ids = {record.number: record.id for record in both if isinstance(record, Record)}
        raise same_point(first, ids, names[first.where])
    return Sorted(array("Q", sorted(numbers))), lost


def same_point(rivals: Rivals, ids: Mapping[int, str], collection: str) -> MappingRefused:
    """``ids`` of both records by their number."""
    one, other = rivals.winner, rivals.loser
    return MappingRefused(
        f"Records {one} ({ids[one]!r}) and {other} ({ids[other]!r}) would be the same point "
        f"in collection {collection!r}: one would overwrite the other. Nothing was written.",
        hint="remove one of them from the export, or choose with --on-duplicate first|last",
    )
