"""Takes back what a run wrote, and nothing else.

A point is deleted only while it is what was sent; a collection that the run created is dropped only while it holds
exactly what was sent, or nothing. What was there before the run, and what somebody changed since, stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from netdoctor.migration.aftermath import refuse_other_target, told_plan, with_source
from netdoctor.migration.batches import Batch, cut
from netdoctor.migration.compare import difference
from netdoctor.migration.deferral import restore
from netdoctor.migration.ledger import CREATED, Ledger
from netdoctor.migration.plan import Plan
from netdoctor.migration.prepare import snapshot_of
from netdoctor.migration.readback import read_back
from netdoctor.migration.retry import Retry
from netdoctor.migration.run import limits_of
from netdoctor.migration.samples import about
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.tracked import Tracker

PutBack = Callable[[str, str, int | None], str]
"""Restores a collection from a snapshot that the server keeps, to so many points (None: not known). What is wrong with
it then, in words, or "". """
_MOST_TOLD = 20
GRACE = 61.0
"""Seconds after which a request of a killed run is surely dead: its timeout, and one."""


@dataclass(slots=True)
class RolledBack:
    """``deleted`` points one by one, ``dropped`` collections whole; ``kept`` points that are not as they were sent."""

    deleted: int = 0
    missing: int = 0
    before: int = 0
    """Points that were there, equal, before the run."""
    kept: int = 0
    dropped: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    """Collections that are again what they were before the run overwrote them."""
    told: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.kept


def roll_back(
    source: Source,
    target: Target,
    ledger: Ledger,
    *,
    name: str,
    retry: Retry,
    put_back: PutBack | None = None,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
    sleep: Callable[[float], None] = time.sleep,
    grace: float = GRACE,
) -> RolledBack:
    """Undo the run of ``ledger``, which is then as new. Raises MigrationFailed, UsageError.

    A collection that was overwritten is only told of, unless ``put_back`` restores it.
    """
    plan, bound = told_plan(ledger)
    refuse_other_target(ledger, bound, name)
    plan = with_source(plan, source)
    if ledger.fact("writing") is not None:
        # That run was killed: what it sent last may still land.
        sleep(max(0.0, min(grace, ledger.touched() + grace - time.time())))
    restore(target, ledger, retry)
    result = RolledBack()
    left = _drop_whole(plan, target, ledger, retry, result)
    overwritten = {name: snapshot for name in left if (snapshot := snapshot_of(name, ledger))}
    _put_back(plan, overwritten, ledger, put_back, result)
    left -= overwritten.keys()
    done = 0
    for batch in cut(plan.good(source), plan.layout.collection_of, limits_of(ledger)):
        if batch.collection in left:
            _take_back(batch, plan, target, ledger, retry, result)
        done += len(batch.records)
        tell(done, plan.points)
    for collection in sorted(left):
        if ledger.origin(collection) == CREATED and retry.call(lambda c=collection: target.count(c)) == 0:  # type: ignore[misc]
            retry.call(lambda c=collection: target.drop(c))  # type: ignore[misc]
            result.dropped.append(collection)
    if overwritten.keys() <= set(result.restored):
        ledger.start_over()
        ledger.forget_collections()
    return result


def _put_back(
    plan: Plan, overwritten: dict[str, str], ledger: Ledger, put_back: PutBack | None, result: RolledBack
) -> None:
    """What was there before is only in the snapshot: deleting what replaced it would help nobody."""
    for collection, snapshot in sorted(overwritten.items()):
        problem = "add --restore to put back what was there before; what was written to it since is lost then"
        if put_back is not None:
            before = ledger.fact(f"points before {collection}")
            problem = put_back(collection, snapshot, None if before is None else int(before))
            if not problem:
                result.restored.append(collection)
                continue
        result.kept += sum(each.points for each in plan.collections if each.name == collection)
        result.told.append(f"collection {collection!r} was overwritten, and its snapshot is {snapshot}: {problem}")


def _drop_whole(plan: Plan, target: Target, ledger: Ledger, retry: Retry, result: RolledBack) -> frozenset[str]:
    """Drop the collections that are ours and hold what was sent, all of it and nothing else. The others."""
    run, there = ledger.fact("run") or "", []
    for each in plan.collections:
        state = retry.call(lambda name=each.name: target.collection(name))  # type: ignore[misc]
        if state is None:
            result.missing += each.points
        else:
            there.append((each, state))
    left = {each.name for each, _ in there}
    ours = [each for each, state in there if ledger.origin(each.name) == CREATED and state.run in ("", run)]
    if not ledger.complete or not ours:
        return frozenset(left)
    expected = Tracker(ledger, plan.collections).sums
    held = read_back(ours, plan.layout, expected, target, retry=retry, workers=2, tell=lambda _points: None)
    for each in ours:
        found = held[each.name]
        if found.points == each.points and not found.other and not expected[each.name].differing(found.sums):
            retry.call(lambda name=each.name: target.drop(name))  # type: ignore[misc]
            result.dropped.append(each.name)
            result.deleted += each.points
            left.discard(each.name)
    return frozenset(left)


def _take_back(batch: Batch, plan: Plan, target: Target, ledger: Ledger, retry: Retry, result: RolledBack) -> None:
    points = [plan.layout.point(record) for record in batch.records]
    stored = retry.call(lambda: target.retrieve(batch.collection, [point.id for point in points]))
    looked = ledger.looked(batch.number)
    before = looked.present if looked is not None else frozenset()
    mine: list[str] = []
    for record, point in zip(batch.records, points, strict=True):
        there = stored.get(point.id)
        if point.id in before:
            result.before += 1
        elif there is None:
            result.missing += 1
        else:
            problem = difference(point, there, plan.layout.metric, exact=target.transport != "folder")
            if problem is None:
                mine.append(point.id)
                continue
            result.kept += 1
            if len(result.told) < _MOST_TOLD:
                result.told.append(f"{about(record.number, record.offset, record.id, batch.collection)}: {problem}")
    if mine:
        retry.call(lambda: target.delete(batch.collection, mine))
        result.deleted += len(mine)
