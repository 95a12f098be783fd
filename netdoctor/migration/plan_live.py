"""The plan of a live index: from its list of ids and a sample, because reading all of it costs time and money.

The list fixes what is migrated, and in which order. What turns out otherwise later (a record that is gone, another
dimension, a fraction in a field of integers) is reported where it is met.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from netdoctor.migration.duplicates import HashLog, RivalLog, Sorted, pair_hash
from netdoctor.migration.listing import Listing
from netdoctor.migration.listlog import forget_list, list_ids
from netdoctor.migration.plan import CollectionPlan, Plan, refuse_key_clash, same_point
from netdoctor.migration.points import (
    Layout,
    MappingRefused,
    default_namespace,
    point_id,
    refuse_name_clash,
    tenant_point_id,
)
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sofar import NumberKinds
from netdoctor.migration.sources.interface import LiveSource

SAMPLE = 1000


def make_live_plan(
    source: LiveSource,
    layout: Layout,
    path: Path,
    *,
    sample: int = SAMPLE,
    on_duplicate: str | None = None,
    tell: Callable[[int, int], None] = lambda _r, _b: None,
) -> Plan:
    """List everything into ``path``, look at a sample. ``tell(ids, 0)`` is called now and then.

    A listing that was killed or failed is gone on with, until :func:`planlog.forget` says that the plan is safe.

    Raises MalformedExport when there is nothing, or no good record in the sample; MappingRefused.
    """
    began = time.monotonic()
    listing = list_ids(source, path, lambda count: tell(count, 0))
    try:
        return _planned(source, layout, listing, sample=sample, on_duplicate=on_duplicate, began=began)
    except (MalformedExport, MappingRefused):
        forget_list(path)  # what is repaired in the index must show in the next list
        raise


def _planned(
    source: LiveSource, layout: Layout, listing: Listing, *, sample: int, on_duplicate: str | None, began: float
) -> Plan:
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    with HashLog() as log:
        for namespace, identity in listing.entries():
            name = names.get(namespace)
            if name is None:
                name = names[namespace] = layout.collection_of(default_namespace(namespace))
            counts[name] += 1
            log.add(pair_hash(name, _target_id(layout, namespace, identity)))
        if not counts:
            raise MalformedExport(f"{source.label} holds no vectors. Nothing was written.")
        if layout.collection is None:
            refuse_name_clash(names.items())
        repeated = log.repeated()
    losers, lost = (
        (Sorted(), Counter[str]()) if not repeated else _losers(listing, layout, names, repeated, on_duplicate)
    )
    counts.subtract(lost)
    dimensions, sparse, kinds, bad = _look(source, sample, layout, names)
    usual = Counter(dimensions.values()).most_common(1)
    if not usual:
        why = f": {bad[0].reason}" if bad else ""
        raise MalformedExport(f"{source.label}: no record of the sample can be migrated{why}.", bad=tuple(bad))
    return Plan(
        records=len(listing),
        # A namespace without a record in the sample has what most have.
        collections=tuple(
            CollectionPlan(name, dimensions.get(name, usual[0][0]), counts[name], name in sparse) for name in counts
        ),
        layout=replace(layout, integers=frozenset() if layout.exact else frozenset(kinds.seen - kinds.fractional)),
        digest=f"{source.digest()} {listing.digest}",
        stamp=source.stamp(),
        losers=losers,
        listing=str(listing.path.resolve()),
        seconds=time.monotonic() - began,
    )


def _target_id(layout: Layout, namespace: str, identity: str) -> str:
    try:
        identity.encode()
    except UnicodeEncodeError:  # a lone surrogate: no point, and refused when it is read
        return f"? {identity!a}"
    if layout.collection is not None:
        return tenant_point_id(identity, default_namespace(namespace))
    return point_id(identity)


def _look(
    source: LiveSource, sample: int, layout: Layout, names: dict[str, str]
) -> tuple[dict[str, int], set[str], NumberKinds, list[BadRecord]]:
    """Dimension by collection, those with sparse vectors, the kinds of numbers, and what is bad already."""
    dimensions: dict[str, Counter[int]] = {}
    sparse: set[str] = set()
    kinds = NumberKinds()
    bad: list[BadRecord] = []
    for found in source.sample(sample):
        if isinstance(found, BadRecord):
            bad.append(found)
            continue
        record: Record = found
        name = names.get(record.namespace) or layout.collection_of(record.namespace)
        refuse_key_clash(record, layout)
        dimensions.setdefault(name, Counter())[len(record.values)] += 1
        if record.sparse is not None:
            sparse.add(name)
        kinds.look(record)
    return {name: found.most_common(1)[0][0] for name, found in dimensions.items()}, sparse, kinds, bad


def _losers(
    listing: Listing, layout: Layout, names: dict[str, str], repeated: Sorted, wins: str | None
) -> tuple[Sorted, Counter[str]]:
    places = list(dict.fromkeys(names.values()))
    number_of = {name: number for number, name in enumerate(places)}
    with RivalLog() as rivals:
        for number, (namespace, identity) in enumerate(listing.entries(), 1):
            target = _target_id(layout, namespace, identity)
            if pair_hash(names[namespace], target) in repeated:
                rivals.add(names[namespace], target, number, number_of[names[namespace]])
        found = list(rivals.rivals(wins or "first"))
    if found and wins is None:
        first = min(found, key=lambda each: each.loser)
        ids = {number: next(listing.entries(number - 1))[1] for number in (first.winner, first.loser)}
        raise same_point(first, ids, places[first.where])
    return Sorted(each.loser for each in found), Counter(places[each.where] for each in found)
