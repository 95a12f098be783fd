"""Asks the target for everything that was meant to be there. Its answer decides the exit status.

An acknowledgement proves nothing: every planned point is read back and compared with the record it came from, and
sampled points must find themselves by search.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from netdoctor.migration.batches import Batch, Limits, cut
from netdoctor.migration.compare import difference
from netdoctor.migration.plan import Plan
from netdoctor.migration.points import Metric, Point
from netdoctor.migration.records import Record
from netdoctor.migration.retry import Retry
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target

SAMPLES = 100
SCORE_TOLERANCE = 1e-5
_HITS = 10
_MOST_PROBLEMS = 20
_READ_BACK = Limits(points=256, size=8 << 20)


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

    @property
    def verified(self) -> int:
        return sum(check.equal for check in self.collections)

    @property
    def good(self) -> bool:
        return not self.problems and self.searched == self.found and all(c.equal == c.planned for c in self.collections)


@dataclass(frozen=True, slots=True)
class _Seen:
    collection: str
    records: int
    equal: int
    searched: int
    found: int
    problems: tuple[str, ...]


def verify(
    plan: Plan,
    source: Source,
    target: Target,
    *,
    retry: Retry,
    workers: int = 2,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verification:
    """Read the export again, and every point of it from the target. ``tell(done, total)`` counts records."""
    began = time.monotonic()
    equal: Counter[str] = Counter()
    problems: list[str] = []
    searched = found = done = 0
    for seen in _checks(plan, source, target, retry, workers):
        equal[seen.collection] += seen.equal
        searched += seen.searched
        found += seen.found
        problems.extend(seen.problems[: _MOST_PROBLEMS - len(problems)])
        done += seen.records
        tell(done, plan.points)
    checks = []
    for collection in plan.collections:
        name = collection.name
        held = retry.call(lambda name=name: target.count(name))  # type: ignore[misc]
        checks.append(CollectionCheck(name, collection.points, equal[name], held))
        if held < collection.points and len(problems) < _MOST_PROBLEMS:
            problems.append(f"collection {name!r} holds {held} of {collection.points} points")
    return Verification(tuple(checks), searched, found, tuple(problems), time.monotonic() - began)


def _checks(plan: Plan, source: Source, target: Target, retry: Retry, workers: int) -> Iterator[_Seen]:
    """One result per batch, in any order; at most ``workers`` + 1 batches are in memory."""
    with ThreadPoolExecutor(workers, thread_name_prefix="netdoctor-verify") as pool:
        waiting: set[Future[_Seen]] = set()
        passed = 0
        try:
            for batch in cut(plan.good(source), plan.layout.collection_of, _READ_BACK):
                sampled = [n for n in range(len(batch.records)) if _sampled(passed + n, plan.points)]
                passed += len(batch.records)
                waiting.add(pool.submit(_check, batch, sampled, plan, target, retry))
                if len(waiting) > workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            for future in waiting:
                yield future.result()
        except BaseException:
            retry.stop.set()
            raise


def _sampled(index: int, total: int) -> bool:
    """Whether point ``index`` is one of SAMPLES, spread evenly over ``total``."""
    return (index + 1) * SAMPLES // total != index * SAMPLES // total or total <= SAMPLES


def _check(batch: Batch, sampled: list[int], plan: Plan, target: Target, retry: Retry) -> _Seen:
    points = [plan.layout.point(record) for record in batch.records]
    ids = [point.id for point in points]
    stored = retry.call(lambda: target.retrieve(batch.collection, ids))
    problems: list[str] = []
    equal = searched = found = 0
    for record, point in zip(batch.records, points, strict=True):
        problem = _problem(point, stored.get(point.id), plan.layout.metric)
        if problem is None:
            equal += 1
        else:
            problems.append(_about(record, batch.collection, problem))
    for index in sampled:
        point = points[index]
        if point.id not in stored or not point.vector.any():
            continue  # told already; a vector without a direction finds nothing
        searched += 1
        problem = retry.call(lambda point=point: _self_hit(target, batch.collection, point, plan.layout.metric))  # type: ignore[misc]
        if problem is None:
            found += 1
        else:
            problems.append(_about(batch.records[index], batch.collection, problem))
    return _Seen(batch.collection, len(points), equal, searched, found, tuple(problems))


def _problem(sent: Point, stored: Point | None, metric: Metric) -> str | None:
    return "is not there" if stored is None else difference(sent, stored, metric)


def _about(record: Record, collection: str, problem: str) -> str:
    return f"record {record.number} (byte {record.offset}, id {record.id!r}) in collection {collection!r}: {problem}"


def own_score(point: Point, metric: Metric) -> float:
    """What a point scores against itself (of distances, less is better)."""
    import numpy as np

    if metric in (Metric.EUCLID, Metric.MANHATTAN):
        return 0.0
    wide = point.vector.astype(np.float64)
    own = float(wide @ wide)
    return 1.0 if metric is Metric.COSINE else own


def _self_hit(target: Target, collection: str, point: Point, metric: Metric) -> str | None:
    """A point must be among its own nearest; where equals crowd it out, it must score as itself."""
    own = own_score(point, metric)
    slack = SCORE_TOLERANCE * max(1.0, abs(own))
    distance = metric in (Metric.EUCLID, Metric.MANHATTAN)
    if metric is not Metric.DOT:  # with dot products a longer vector may win everywhere
        hits = target.search(collection, point.vector, _HITS)
        if any(hit.id == point.id and _reaches(hit.score, own, slack, distance) for hit in hits):
            return None
        if not hits or not _reaches(hits[-1].score, own, slack, distance):
            return "a search for its own vector does not find it"
    alone = target.search(collection, point.vector, 1, only=point.id)
    if alone and alone[0].id == point.id and _reaches(alone[0].score, own, slack, distance):
        return None
    return "it does not score as itself in a search"


def _reaches(score: float, own: float, slack: float, distance: bool) -> bool:
    return score <= own + slack if distance else score >= own - slack
