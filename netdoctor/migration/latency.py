"""How long a collection's calls take from where we stand: one after the other, as an app makes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.migration.points import Metric, Point
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import (
    Making,
    Query,
    Target,
    TargetRefused,
    TargetUnreachable,
    Transient,
)

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

_WARM = 3
_SAMPLE = 64
SCRATCH = "netdoctor-bench-"
_SLOTS = 8
_STALE = 3600.0
"""Seconds after which a scratch collection is nobody's any more: its run was killed."""


@dataclass(frozen=True, slots=True)
class Row:
    """The times of one kind of call, in milliseconds, sorted."""

    name: str
    times: tuple[float, ...]

    def percentile(self, part: float) -> float:
        """The time within which that part of the calls (0 to 1) was answered."""
        return self.times[max(0, math.ceil(part * len(self.times)) - 1)]

    @property
    def summary(self) -> dict[str, float]:
        return {f"p{percent}": round(self.percentile(percent / 100), 3) for percent in (50, 95, 99)}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a collection's points are like: ``payload`` in bytes as encoded, the mean of a few of them."""

    dimension: int
    metric: Metric
    points: int
    payload: int
    vectors: tuple[Vector, ...] = ()


def shape_of(target: Target, collection: str) -> Shape:
    """Raises UsageError when there is no such collection, or nothing in it can be searched by."""
    import numpy as np

    state = target.collection(collection)
    if state is None or state.dimension is None or state.metric is None:
        raise UsageError(f"There is no collection {collection!r} with an unnamed dense vector on {target.address}.")
    points = [point for point in target.scroll(collection, _SAMPLE).points if point.vector]
    if not points:
        raise UsageError(f"Collection {collection!r} is empty: there is nothing to search for.")
    payload = sum(len(entry) for point in points for entry in point.entries) // len(points)
    vectors = tuple(np.frombuffer(point.vector, dtype="<f4") for point in points)
    return Shape(state.dimension, state.metric, state.points, payload, vectors)


def measure(
    target: Target,
    collection: str,
    *,
    rounds: int = 100,
    limit: int = 10,
    write: bool = False,
    clock: Callable[[], float] = time.perf_counter,
    now: Callable[[], float] = time.time,
) -> list[Row]:
    """Health, search, count, collection info; with ``write`` upserts too, into a scratch collection that is dropped.

    Raises UsageError when the collection has nothing to search for, TargetUnreachable when a call stays without answer.
    """

    def timed(name: str, call: Callable[[int], object]) -> Row:
        for number in range(_WARM):
            call(number)
        times = []
        for number in range(rounds):
            began = clock()
            call(number)
            times.append((clock() - began) * 1000)
        return Row(name, tuple(sorted(times)))

    try:
        shape = shape_of(target, collection)
        vectors = shape.vectors
        rows = [
            timed("health", _health(target)),
            timed("search", lambda n: target.search(collection, [Query(vectors[n % len(vectors)])], limit)),
            timed("count", lambda _: target.count(collection)),
            timed("collection info", lambda _: target.collection(collection)),
        ]
        if write:
            with _scratch(target, shape, now) as name:
                one, many = _bodies(target, vectors, 1), _bodies(target, vectors, 100)
                rows.append(timed("upsert 1", lambda _: target.upsert(name, one)))
                rows.append(timed("upsert 100", lambda _: target.upsert(name, many)))
    except Transient as failure:
        raise TargetUnreachable(
            f"Qdrant at {target.address} stopped answering while it was measured: {failure.reason}.",
            hint="a server under such load has no latency to compare; try again when it is quiet",
        ) from failure
    return rows


def _health(target: Target) -> Callable[[int], object]:
    """One request, as a load balancer makes it; opening a target asks more at once (version, key)."""
    from netdoctor.migration.targets.grpc_channel import GrpcTarget
    from netdoctor.migration.targets.rest import RestTarget

    if isinstance(target, RestTarget):
        return lambda _: target._send("GET", "/healthz")
    if isinstance(target, GrpcTarget):
        api = target._api
        check = api.QdrantStub(target._channel).HealthCheck
        return lambda _: target._call(check, api.HealthCheckRequest())
    return lambda _: target.health()


def _bodies(target: Target, vectors: Sequence[Vector], size: int) -> list[bytes]:
    return [target.encode(Point(str(uuid4()), vectors[n % len(vectors)], {"n": n})) for n in range(size)]


@contextmanager
def _scratch(target: Target, shape: Shape, now: Callable[[], float]) -> Iterator[str]:
    """A collection that is dropped in the end, whatever happens.

    Names come from a few slots and carry the time in the collection's own metadata: what a killed run left is met
    by a later one, and dropped.
    """
    name = ""
    try:
        for slot in range(_SLOTS):
            wanted = f"{SCRATCH}{slot}"
            if _taken(target, wanted, now):
                continue
            # From here on it is dropped: an interrupt may come after the server made it and before it said so.
            name = wanted
            try:
                target.create(name, shape.dimension, shape.metric, Making(run=f"bench {now():.0f}"))
            except TargetRefused:
                # Somebody else was quicker: theirs, so not to be dropped.
                name = ""
                continue
            break
        else:
            raise UsageError(
                f"{_SLOTS} measurements are under way on {target.address} already.",
                hint=f"wait, or drop the collections {SCRATCH}0 to {SCRATCH}{_SLOTS - 1}, or add --no-write",
            )
        yield name
    finally:
        if name:
            _drop(target, name)


def _taken(target: Target, name: str, now: Callable[[], float]) -> bool:
    state = target.collection(name)
    if state is None:
        return False
    mark, _, began = state.run.partition(" ")
    if mark != "bench" or not began.isdigit() or now() - float(began) < _STALE:
        return True
    target.drop(name)
    return False


def _drop(target: Target, name: str) -> None:
    """An interrupt waits until it is gone."""
    retry = Retry(patience=20.0)
    try:
        try:
            retry.call(lambda: target.drop(name))
        except KeyboardInterrupt:
            retry.call(lambda: target.drop(name))
            raise
    except MigrationFailed as failure:
        raise TargetUnreachable(
            f"The scratch collection {name} could not be dropped: {failure.message}",
            hint=f"a measurement after an hour drops it; by hand: DELETE /collections/{name}",
        ) from failure
