"""Asks the target for everything that was meant to be there. Its answer decides the exit status.

An acknowledgement proves nothing. While the points streamed out, their digests were added up by buckets of ids; now
the target is read once and summed up in the same way. Only where a bucket differs is the source read again, and the
records in it are compared one by one. Sampled points must also find themselves by search.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netdoctor.errors import UsageError
from netdoctor.migration.compare import same_vector
from netdoctor.migration.datatypes import with_datatypes
from netdoctor.migration.digest import Sums
from netdoctor.migration.overlap import Overlap, Searchable, overlap
from netdoctor.migration.plan import CollectionPlan, Plan
from netdoctor.migration.points import Point
from netdoctor.migration.readback import Held, read_back
from netdoctor.migration.recheck import Found, Suspects, recheck
from netdoctor.migration.retry import Retry, Stopped
from netdoctor.migration.samples import SAMPLES, Sample
from netdoctor.migration.selfhits import self_hits
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target

__all__ = ["SAMPLES", "CollectionCheck", "Expected", "Verification", "verify"]

_MOST_PROBLEMS = 20
_PROBES = 40
_LOOK = 1.0
"""Seconds between two looks at what is not shown yet."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What was written: the digests by collection, and the sampled points by their index in the run."""

    sums: Mapping[str, Sums]
    samples: Mapping[int, Sample]
    skipped: frozenset[tuple[str, str]] = frozenset()
    """(Collection, id) of points that were there before with other content, and were left alone."""


@dataclass(frozen=True, slots=True)
class CollectionCheck:
    """``planned`` points, of which ``equal`` are there as sent; ``held`` is all that the collection holds."""

    name: str
    planned: int
    equal: int
    held: int


@dataclass(frozen=True, slots=True)
class Verification:
    collections: tuple[CollectionCheck, ...]
    searched: int
    found: int
    problems: tuple[str, ...]
    """The first ones, each a sentence."""
    seconds: float
    exact: bool = True
    """Vectors were compared bit for bit; else (this target normalises or rounds) within a tolerance."""
    reread: int = 0
    """Points compared with the source again, one by one."""
    repaired: int = 0
    left_alone: int = 0
    """Planned points that were there before with other content."""
    overlap: Overlap | None = None
    """With searches at the source, where that was asked for."""

    @property
    def verified(self) -> int:
        return sum(check.equal for check in self.collections)

    @property
    def good(self) -> bool:
        return not self.problems and self.searched == self.found and all(c.equal == c.planned for c in self.collections)


def verify(
    plan: Plan,
    expected: Expected,
    target: Target,
    *,
    source: Source | None,
    retry: Retry,
    workers: int = 2,
    repair: bool = False,
    overlap_at: int = 0,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verification:
    """Read the target once. ``source`` (None: not at hand) is read only where something differs.

    ``overlap_at``: compare so many hits of searches with those of a live ``source``; 0: do not. ``tell(done, total)``
    counts points read back. Raises UsageError when the source cannot be searched.
    """
    began = time.monotonic()
    live = _searchable(source) if overlap_at else None
    if overlap_at and live is None:
        raise UsageError("Only a live index can be searched for --overlap.", hint="leave --overlap out")
    plan = replace(plan, layout=with_datatypes(plan.layout, [c.name for c in plan.collections], target, retry))
    count = _Counter(plan.points, tell)
    exact = _keeps_bits(expected.samples.values(), plan, target, retry)
    held = read_back(
        plan.collections,
        plan.layout,
        expected.sums,
        target,
        retry=retry,
        workers=workers,
        tell=count.more,
        skipped=expected.skipped,
    )
    late = await_shown(plan.collections, held, target, retry)
    if late:
        held |= read_back(
            late,
            plan.layout,
            expected.sums,
            target,
            retry=retry,
            workers=workers,
            tell=count.more,
            skipped=expected.skipped,
        )
    suspects = _suspects(plan, expected, held, exact)
    found = Found()
    if suspects.buckets and source is not None:
        found = recheck(
            plan, source, target, suspects, retry=retry, workers=workers, repair=repair, tell=lambda _points: None
        )
    elif suspects.buckets:
        _without_source(suspects, expected, held, found)
    count.end()
    present = [s for s in expected.samples.values() if (s.collection, s.id) not in found.ids]
    searched, lost = self_hits(present, plan.layout, target, retry)
    same = None
    if live is not None:
        same = overlap(present, plan.layout, target, live, overlap_at, retry)
    checks = [_check(each.name, expected, found, held) for each in plan.collections]
    if found.repaired:
        checks = [
            CollectionCheck(c.name, c.planned, c.equal, retry.call(lambda name=c.name: target.count(name)))  # type: ignore[misc]
            for c in checks
        ]
    problems = [*found.problems, *lost]
    if same is not None and not same.good:
        problems.append(f"searches do not find what they find at the source: {same}")
    problems += [
        f"collection {check.name!r} holds {check.held} of {check.planned} points"
        for check in checks
        if check.held < check.planned
    ]
    return Verification(
        tuple(checks),
        searched,
        searched - len(lost),
        tuple(problems[:_MOST_PROBLEMS]),
        time.monotonic() - began,
        exact,
        found.compared,
        found.repaired,
        len(expected.skipped),
        same,
    )


def await_shown(
    collections: Sequence[CollectionPlan], held: Mapping[str, Held], target: Target, retry: Retry
) -> list[CollectionPlan]:
    """Wait for points that are written, but not shown before they are indexed (``prevent_unoptimized``).

    As long as they become fewer, and else for the patience of ``retry``. The collections that had such points.
    """
    late = []
    for each in collections:
        if held[each.name].points >= each.points:
            continue
        hidden, since = _hidden(each.name, target, retry), retry.clock()
        if hidden:
            late.append(each)
        while hidden and retry.clock() - since < retry.patience:
            retry.tell(f"{hidden} points of collection {each.name!r} are not indexed yet, and not shown before", _LOOK)
            if retry.stop.wait(_LOOK):
                raise Stopped
            before, hidden = hidden, _hidden(each.name, target, retry)
            since = retry.clock() if hidden < before else since
    return late


def _hidden(name: str, target: Target, retry: Retry) -> int:
    state = retry.call(lambda: target.collection(name))
    return 0 if state is None else state.hidden


def _searchable(source: object) -> Searchable | None:
    return source if isinstance(source, Searchable) else None


def _check(name: str, expected: Expected, found: Found, held: Mapping[str, Held]) -> CollectionCheck:
    planned = expected.sums[name].points
    return CollectionCheck(name, planned, planned - found.wrong.get(name, 0), held[name].points)


class _Counter:
    """Tells how many of the planned points are read; pages come from several threads."""

    def __init__(self, total: int, tell: Callable[[int, int], None]) -> None:
        self._total = total
        self._tell = tell
        self._done = 0
        self._lock = threading.Lock()

    def more(self, points: int) -> None:
        with self._lock:
            self._done = min(self._total, self._done + points)
            if self._done < self._total:
                self._tell(self._done, self._total)

    def end(self) -> None:
        self._tell(self._total, self._total)


def _keeps_bits(samples: Iterable[Sample], plan: Plan, target: Target, retry: Retry) -> bool:
    """Whether vectors come back as they were sent, bit for bit.

    A target that normalises once more moves the last bits of many points; one point alone that is merely close to
    what was sent is a damaged point, not a habit.
    """
    if target.transport == "folder":
        return False
    groups: dict[str, list[Sample]] = {}
    for sample in itertools.islice(samples, _PROBES):
        groups.setdefault(sample.collection, []).append(sample)
    close = 0
    for collection, group in groups.items():
        ids = [sample.id for sample in group]
        stored = retry.call(lambda c=collection, i=ids: target.retrieve(c, i))  # type: ignore[misc]
        for sample in group:
            if sample.id in stored:
                sent = Point(sample.id, sample.vector, {})
                same = same_vector(sent, stored[sample.id], plan.layout.metric)
                close += not same and same_vector(sent, stored[sample.id], plan.layout.metric, exact=False)
    return close < 2


def _suspects(plan: Plan, expected: Expected, held: Mapping[str, Held], exact: bool) -> Suspects:
    buckets: dict[str, frozenset[int] | None] = {}
    for each in plan.collections:
        if not exact:
            buckets[each.name] = None
            continue
        differing = expected.sums[each.name].differing(held[each.name].sums)
        if differing:
            buckets[each.name] = differing
    return Suspects(expected.sums, buckets, exact, expected.skipped)


def _without_source(suspects: Suspects, expected: Expected, held: Mapping[str, Held], found: Found) -> None:
    """As much as can be said: how many points lie in the buckets that differ."""
    for name, buckets in suspects.buckets.items():
        sums = expected.sums[name]
        points = sums.points if buckets is None else sums.points_in(buckets)
        read = 0 if buckets is None else held[name].sums.points_in(buckets)
        found.wrong[name] = max(1, points)
        found.problems.append(
            f"collection {name!r} differs from what was written, in at most {max(points, read)} points; "
            "the export, when it is given, tells which"
        )
