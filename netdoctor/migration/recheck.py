"""Reads the source again for the buckets that differ, names the records, and sends them again where that is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from netdoctor.migration.batches import Batch, Limits, cut
from netdoctor.migration.compare import difference
from netdoctor.migration.digest import Sums
from netdoctor.migration.plan import Plan
from netdoctor.migration.points import Point
from netdoctor.migration.records import Record
from netdoctor.migration.retry import Retry
from netdoctor.migration.samples import about
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.wire import payload_entries

_READ_BACK = Limits(points=256, size=8 << 20)
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Suspects:
    """What to compare again. ``buckets`` by collection, None: every point of it; ``exact``: bit for bit."""

    sums: Mapping[str, Sums]
    buckets: Mapping[str, frozenset[int] | None]
    exact: bool
    skipped: frozenset[tuple[str, str]] = frozenset()

    def holds(self, collection: str, identity: str) -> bool:
        wanted = self.buckets.get(collection, frozenset())
        if (collection, identity) in self.skipped:
            return False
        return wanted is None or (bool(wanted) and self.sums[collection].bucket(identity) in wanted)


@dataclass(slots=True)
class Found:
    """``wrong`` points by collection, still wrong at the end; ``ids`` of them (collection, id), the first ones."""

    compared: int = 0
    repaired: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    ids: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Seen:
    collection: str
    compared: int
    repaired: int
    wrong: list[tuple[str, str]]
    """(id, what is wrong with it)"""


def recheck(
    plan: Plan,
    source: Source,
    target: Target,
    suspects: Suspects,
    *,
    retry: Retry,
    workers: int,
    repair: bool,
    tell: Callable[[int], None],
) -> Found:
    """Compare every planned point of the suspect buckets with its record. At most ``workers`` + 1 batches in memory."""
    found = Found()
    for seen in _checks(plan, source, target, suspects, retry, workers, repair):
        found.compared += seen.compared
        found.repaired += seen.repaired
        found.wrong[seen.collection] = found.wrong.get(seen.collection, 0) + len(seen.wrong)
        for identity, problem in seen.wrong:
            if len(found.ids) < 1_000_000:
                found.ids.add((seen.collection, identity))
            if len(found.problems) < _MOST_PROBLEMS:
                found.problems.append(problem)
        tell(seen.compared)
    return found


def _checks(
    plan: Plan, source: Source, target: Target, suspects: Suspects, retry: Retry, workers: int, repair: bool
) -> Iterator[_Seen]:
    layout = plan.layout
    wanted = (
        record
        for record in plan.good(source)
        if suspects.holds(layout.collection_of(record.namespace), layout.id_of(record))
    )
    with ThreadPoolExecutor(workers, thread_name_prefix="netdoctor-verify") as pool:
        waiting: set[Future[_Seen]] = set()
        try:
            for batch in cut(wanted, layout.collection_of, _READ_BACK):
                waiting.add(pool.submit(_check, batch, plan, target, suspects.exact, retry, repair))
                if len(waiting) > workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            for future in waiting:
                yield future.result()
        except BaseException:
            retry.stop.set()
            raise


def _check(batch: Batch, plan: Plan, target: Target, exact: bool, retry: Retry, repair: bool) -> _Seen:
    pairs = list(zip(batch.records, plan.layout.points(batch.records), strict=True))
    wrong = _wrong(batch.collection, pairs, plan, target, exact, retry)
    repaired = 0
    if wrong and repair:
        bad = {point.id for _, point, _ in wrong}
        again = [(record, point) for record, point in pairs if point.id in bad]
        points = [point for _, point in again]
        bodies = target.encode_all(points, [payload_entries(point.payload) for point in points])
        retry.call(lambda: target.upsert(batch.collection, bodies))
        wrong = _wrong(batch.collection, again, plan, target, exact, retry)
        repaired = len(again) - len(wrong)
    named = [
        (point.id, f"{about(record.number, record.offset, record.id, batch.collection)}: {problem}")
        for record, point, problem in wrong
    ]
    return _Seen(batch.collection, len(pairs), repaired, named)


def _wrong(
    collection: str, pairs: list[tuple[Record, Point]], plan: Plan, target: Target, exact: bool, retry: Retry
) -> list[tuple[Record, Point, str]]:
    stored = retry.call(lambda: target.retrieve(collection, [point.id for _, point in pairs]))
    wrong = []
    for record, point in pairs:
        there = stored.get(point.id)
        problem = "is not there" if there is None else difference(point, there, plan.layout.metric, exact=exact)
        if problem is not None:
            wrong.append((record, point, problem))
    return wrong
