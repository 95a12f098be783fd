"""Takes back what a run wrote, and nothing else.

A point is deleted only while it is what was sent; a collection that the run created is dropped only while it holds
exactly what was sent, or nothing. What was there before the run, and what somebody changed since, stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from netdoctor.migration.aftermath import refuse_other_target, told_plan, with_source
from netdoctor.migration.batches import Batch, Limits
from netdoctor.migration.compare import difference
from netdoctor.migration.datatypes import with_datatypes
from netdoctor.migration.deferral import restore
from netdoctor.migration.digest import Sums, empty_sums
from netdoctor.migration.events import Listener, Waiting, silent
from netdoctor.migration.ledger import CREATED, INTENDED, Ledger
from netdoctor.migration.plan import Plan
from netdoctor.migration.prepare import snapshot_of
from netdoctor.migration.readback import read_back
from netdoctor.migration.retry import Retry
from netdoctor.migration.run import limits_of
from netdoctor.migration.samples import about
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.writing import ALL, Share, batches

PutBack = Callable[[str, str, int | None], str]
"""Restores a collection from a snapshot that the server keeps, to so many points (None: not known). What is wrong with
it then, in words, or "". """
_MOST_TOLD = 20
_LONGEST = 3600.0
"""Seconds that anybody waits for a request of a killed run to be surely dead."""


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


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker wrote, by its own ledger."""

    ledger: Ledger
    share: Share = ALL


@dataclass(frozen=True, slots=True)
class Run:
    """What is undone: by one process, or (``parts``) by several whose ``ledger`` is the coordinator's."""

    plan: Plan
    ledger: Ledger
    limits: Limits
    parts: tuple[Part, ...]
    whole: bool = True
    """False: some worker has left no ledger, so not all was written."""

    @classmethod
    def of(cls, ledger: Ledger, source: Source, name: str) -> Run:
        """Of one process. Raises UsageError, LedgerMismatch when it is of another target or export."""
        plan, bound = told_plan(ledger)
        refuse_other_target(ledger, bound, name)
        return cls(with_source(plan, source), ledger, limits_of(ledger), (Part(ledger),))

    @property
    def ledgers(self) -> list[Ledger]:
        return list({id(each): each for each in (self.ledger, *(part.ledger for part in self.parts))}.values())

    @property
    def complete(self) -> bool:
        return self.whole and all(part.ledger.complete for part in self.parts)

    def sums(self) -> dict[str, Sums]:
        """Of all that was sent, by collection."""
        found = empty_sums(self.plan.collections)
        for part in self.parts:
            for name, sums in Tracker(part.ledger, self.plan.collections).sums.items():
                found[name].merge(sums)
        return found

    def quiet_at(self) -> float:
        """When the last request of a killed process is surely dead, in seconds since 1970."""
        moments = [0.0]
        for ledger in self.ledgers:
            moments.append(float(ledger.fact("quiet at") or 0))
            writing = ledger.fact("writing")
            if writing is not None:
                moments.append(ledger.touched() + float(writing))
        return max(moments)


def roll_back(
    source: Source,
    target: Target,
    run: Run,
    *,
    retry: Retry,
    put_back: PutBack | None = None,
    listener: Listener = silent,
    sleep: Callable[[float], None] = time.sleep,
) -> RolledBack:
    """Undo a run, whose ledgers are then as new. Raises MigrationFailed, UsageError.

    A collection that was overwritten is only told of, unless ``put_back`` restores it.
    """
    names = [collection.name for collection in run.plan.collections]
    run = replace(run, plan=replace(run.plan, layout=with_datatypes(run.plan.layout, names, target, retry)))
    plan, ledger = run.plan, run.ledger
    # Clocks jump; a request does not live longer than this.
    seconds = min(run.quiet_at() - time.time(), _LONGEST)
    if seconds > 0:
        listener(Waiting("a request of the run that was killed may still land", seconds))
        sleep(seconds)
    restore(target, ledger, retry)
    result = RolledBack()
    left = _drop_whole(run, target, retry, result)
    overwritten = {name: snapshot for name in left if (snapshot := snapshot_of(name, ledger))}
    _put_back(plan, overwritten, ledger, put_back, result)
    left -= overwritten.keys()
    for part in run.parts if left else ():
        for batch in batches(plan, source, run.limits, part.share):
            if batch.collection in left and batch.records:
                _take_back(batch, plan, target, ledger, part, retry, result)
    for collection in sorted(left):
        if _ours_and_empty(collection, target, ledger, retry):
            retry.call(lambda c=collection: target.drop(c))  # type: ignore[misc]
            result.dropped.append(collection)
    if overwritten.keys() <= set(result.restored):
        for each in run.ledgers:
            each.start_over()
            each.forget_collections()
    return result


def _ours_and_empty(collection: str, target: Target, ledger: Ledger, retry: Retry) -> bool:
    origin = ledger.origin(collection)
    if origin == INTENDED:
        # Killed between asking for it and hearing of it: ours only with our mark.
        state = retry.call(lambda: target.collection(collection))
        if state is None or not state.run or state.run != ledger.fact("run"):
            return False
    elif origin != CREATED:
        return False
    return retry.call(lambda: target.count(collection)) == 0


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


def _drop_whole(run: Run, target: Target, retry: Retry, result: RolledBack) -> frozenset[str]:
    """Drop the collections that are ours and hold what was sent, all of it and nothing else. The others."""
    plan, ledger = run.plan, run.ledger
    mark, there = ledger.fact("run") or "", []
    for each in plan.collections:
        state = retry.call(lambda name=each.name: target.collection(name))  # type: ignore[misc]
        if state is None:
            result.missing += each.points
        else:
            there.append((each, state))
    left = {each.name for each, _ in there}
    ours = [each for each, state in there if ledger.origin(each.name) == CREATED and state.run in ("", mark)]
    if not run.complete or not ours:
        return frozenset(left)
    expected = run.sums()
    held = read_back(ours, plan.layout, expected, target, retry=retry, workers=2, tell=lambda _points: None)
    for each in ours:
        found = held[each.name]
        if found.points == each.points and not found.other and not expected[each.name].differing(found.sums):
            retry.call(lambda name=each.name: target.drop(name))  # type: ignore[misc]
            result.dropped.append(each.name)
            result.deleted += each.points
            left.discard(each.name)
    return frozenset(left)


def _take_back(
    batch: Batch, plan: Plan, target: Target, ledger: Ledger, part: Part, retry: Retry, result: RolledBack
) -> None:
    points = [plan.layout.point(record) for record in batch.records]
    stored = retry.call(lambda: target.retrieve(batch.collection, [point.id for point in points]))
    looked = part.ledger.looked(batch.number)
    before = looked.present if looked is not None else frozenset()
    if looked is None and ledger.origin(batch.collection) != CREATED:
        # Into a collection that was there nothing is sent before it was looked up: none of this is ours.
        before = frozenset(stored)
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
