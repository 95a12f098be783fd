"""The plan pass: reads the whole export once and decides everything that must not be decided half-way.

Nothing is written before the plan stands: a bad record, two records for one point, or a payload key that would
be overwritten is told with its record and byte offset while the target is still untouched.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from netdoctor.migration.duplicates import HashLog, pair_hash
from netdoctor.migration.points import Layout, MappingRefused, integral, refuse_name_clash
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources.interface import Source

KEEP = 32 << 20
"""Records are kept for the later passes as long as they fit into this many bytes."""
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
    losers: frozenset[int] = frozenset()
    """Numbers of the records that another one for the same point wins over: they are never sent."""
    kept: tuple[Record, ...] | None = field(default=None, compare=False)
    seconds: float = 0.0

    @property
    def points(self) -> int:
        return sum(collection.points for collection in self.collections)

    def good(self, source: Source) -> Iterator[Record]:
        """The records to migrate, again, in the same order."""
        if self.kept is not None:
            yield from self.kept
            return
        dimensions = {collection.name: collection.dimension for collection in self.collections}
        for record in source.records():
            if isinstance(record, BadRecord) or record.number in self.losers:
                continue
            if dimensions.get(self.layout.collection_of(record.namespace)) == len(record.values):
                yield record

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
            "losers": sorted(self.losers),
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
            losers=frozenset(data.get("losers", ())),
        )


class _Numbers:
    """Which payload fields hold numbers, and which of those something that is not an integer."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.fractional: set[str] = set()

    def look(self, record: Record) -> None:
        for key, value in record.metadata.items():
            if type(value) in (int, float):
                self.seen.add(key)
                if key not in self.fractional and not integral(value):
                    self.fractional.add(key)


def make_plan(
    source: Source,
    layout: Layout,
    *,
    max_errors: int = 0,
    on_duplicate: str | None = None,
    tell: Callable[[int, int], None] = lambda _r, _b: None,
) -> Plan:
    """Read everything. ``tell(records, bytes)`` is called now and then.

    ``on_duplicate``: which of several records for one point wins, ``first`` or ``last``; None: they stop the plan.

    Raises MalformedExport (more than ``max_errors`` bad records) and MappingRefused.
    """
    began = time.monotonic()
    stamp = source.stamp()
    numbers = _Numbers()
    dimensions: dict[str, int] = {}
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}
    sparse: set[str] = set()
    left_out: set[str] = set()
    bad: list[BadRecord] = []
    kept: list[Record] | None = []
    weight = total = bad_count = 0
    with HashLog() as log:
        for found in source.records():
            total = found.number
            record = _fitting(found, layout, names, dimensions) if isinstance(found, Record) else found
            if isinstance(record, BadRecord):
                bad_count += 1
                if len(bad) < _MOST_BAD:
                    bad.append(record)
                if bad_count > max_errors and (record.fatal or max_errors or bad_count >= _MOST_BAD):
                    break
                continue
            collection = names[record.namespace]
            _refuse_key_clash(record, layout)
            counts[collection] += 1
            if record.sparse is not None:
                sparse.add(collection)
            numbers.look(record)
            log.add(pair_hash(collection, layout.id_of(record)))
            if record.left_out and len(left_out) < _MOST_KEYS:
                left_out.update(record.left_out)
            if kept is not None:
                weight += record.values.nbytes + record.size
                kept.append(record)
                if weight > KEEP:
                    kept = None
            if not total & 0x3FF:
                tell(total, record.offset + record.size)
        if bad_count > max_errors:
            raise _malformed(source, bad, bad_count)
        if not counts:
            raise MalformedExport(f"{source.label} has no records to migrate. Nothing was written.", bad=tuple(bad))
        if layout.collection is None:
            refuse_name_clash(names.items())
        repeated = log.repeated()
    losers = _losers(source, layout, repeated, on_duplicate, dimensions) if repeated else {}
    counts.subtract(losers.values())
    if kept is not None and losers:
        kept = [record for record in kept if record.number not in losers]
    return Plan(
        records=total,
        collections=tuple(CollectionPlan(name, dimensions[name], counts[name], name in sparse) for name in counts),
        layout=replace(layout, integers=frozenset(numbers.seen - numbers.fractional)),
        digest=source.digest(),
        stamp=stamp,
        skipped=bad_count,
        bad=tuple(bad),
        left_out=tuple(sorted(left_out)),
        losers=frozenset(losers),
        kept=None if kept is None else tuple(kept),
        seconds=time.monotonic() - began,
    )


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


def _refuse_key_clash(record: Record, layout: Layout) -> None:
    key = layout.clash(record)
    if key is not None:
        option = "--id-field" if key == layout.id_field else "--tenant-field"
        raise MappingRefused(
            f"Record {record.number} (byte {record.offset}) already has metadata {key!r} with another value. "
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
        f"{source.label}, record {first.number} (byte {first.offset}): {first.reason}{more}. Nothing was written.",
        hint=hint,
        bad=tuple(bad),
    )


def _losers(
    source: Source, layout: Layout, repeated: frozenset[int], wins: str | None, dimensions: dict[str, int]
) -> dict[int, str]:
    """Number and collection of each record that loses. Only equal hashes are looked at: most of the export is not."""
    seen: dict[tuple[str, str], Record] = {}
    losers: dict[int, str] = {}
    for record in source.records():
        if isinstance(record, BadRecord):
            continue
        key = (layout.collection_of(record.namespace), layout.id_of(record))
        if pair_hash(*key) not in repeated or len(record.values) != dimensions[key[0]]:
            continue
        other = seen.setdefault(key, record)
        if other is record:
            continue
        if wins is None:
            raise MappingRefused(
                f"Records {other.number} ({other.id!r}) and {record.number} ({record.id!r}) would be the same point "
                f"in collection {key[0]!r}: one would overwrite the other. Nothing was written.",
                hint="remove one of them from the export, or choose with --on-duplicate first|last",
            )
        loser, seen[key] = (record, other) if wins == "first" else (other, record)
        losers[loser.number] = key[0]
    return losers
