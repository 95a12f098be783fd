"""How long a collection's calls take from where we stand: one after the other, as an app makes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from netdoctor.errors import UsageError
from netdoctor.migration.points import Metric, Point
from netdoctor.migration.targets.interface import Query, Target

_WARM = 3


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


def measure(
    target: Target,
    collection: str,
    *,
    rounds: int = 100,
    limit: int = 10,
    write: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Row]:
    """Search, count and collection info; with ``write`` upserts too, into a collection of its own that is dropped.

    Raises UsageError when the collection has nothing to search for.
    """
    import numpy as np

    state = target.collection(collection)
    if state is None or state.dimension is None:
        raise UsageError(f"There is no collection {collection!r} with an unnamed dense vector on {target.address}.")
    vectors = [
        np.frombuffer(point.vector, dtype="<f4") for point in target.scroll(collection, 64).points if point.vector
    ]
    if not vectors:
        raise UsageError(f"Collection {collection!r} is empty: there is nothing to search for.")

    def timed(name: str, call: Callable[[int], object]) -> Row:
        for number in range(_WARM):
            call(number)
        times = []
        for number in range(rounds):
            began = clock()
            call(number)
            times.append((clock() - began) * 1000)
        return Row(name, tuple(sorted(times)))

    rows = [
        timed("search", lambda n: target.search(collection, [Query(vectors[n % len(vectors)])], limit)),
        timed("count", lambda _: target.count(collection)),
        timed("collection info", lambda _: target.collection(collection)),
    ]
    if write:
        rows += _writes(target, state.dimension, state.metric or Metric.COSINE, vectors, timed)
    return rows


def _writes(
    target: Target,
    dimension: int,
    metric: Metric,
    vectors: Sequence[object],
    timed: Callable[[str, Callable[[int], object]], Row],
) -> list[Row]:
    name = f"netdoctor-bench-{uuid4().hex[:12]}"
    target.create(name, dimension, metric)
    try:

        def body(size: int) -> list[bytes]:
            return [target.encode(Point(str(uuid4()), vectors[n % len(vectors)], {"n": n})) for n in range(size)]  # type: ignore[arg-type]

        one, many = body(1), body(100)
        return [
            timed("upsert 1", lambda _: target.upsert(name, one)),
            timed("upsert 100", lambda _: target.upsert(name, many)),
        ]
    finally:
        target.drop(name)
