"""Do searches find the same as at the source? Optional: it asks a live index, and that costs.

The sampled points' own vectors are searched for on both sides. The target searches exactly, so that what differs is
the source's approximation or the data, not the target's index; where strict mode forbids that, its index is asked,
and that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from netdoctor.migration.points import Layout, Metric, point_id, tenant_point_id
from netdoctor.migration.retry import Retry
from netdoctor.migration.samples import Sample
from netdoctor.migration.targets.interface import Hit, Query, Target, TargetRefused, not_exactly, strict_mode

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

QUERIES = 50
"""Searches at the source, at most."""
LEAST = 0.7
"""Mean share below which something is wrong: Qdrant's own guide to verifying a migration asks for as much."""
_TIE = 1e-6


@runtime_checkable
class Searchable(Protocol):
    """A live source that can be searched."""

    def nearest(self, namespace: str, vector: Vector, count: int) -> Sequence[str]:
        """Ids of the ``count`` nearest to a dense vector in that namespace, best first. Raises a MigrationFailed."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of ``queries`` searches for ``count`` each: the share of the source's hits that the target has as well."""

    count: int
    queries: int
    mean: float
    worst: float
    first: float
    """Share of searches whose best hit at the source is among the target's best."""
    exact: bool = True
    """The target compared with every point; else its strict mode forbids that, and its index was searched."""

    @property
    def good(self) -> bool:
        return self.mean >= LEAST

    def __str__(self) -> str:
        return (
            f"overlap@{self.count} with the source: {self.mean:.0%} in the mean of {self.queries} searches, "
            f"at worst {self.worst:.0%}; the same best hit in {self.first:.0%}"
            + ("" if self.exact else " (by the target's index: its strict mode forbids exact search)")
        )


def overlap(
    samples: Iterable[Sample], layout: Layout, target: Target, source: Searchable, count: int, retry: Retry
) -> Overlap | None:
    """None: nothing could be asked (no sample has a dense vector). No more hits are compared than strict mode lets a
    search have. Raises TargetRefused where it lets nobody search at all.
    """
    shares: list[float] = []
    firsts: list[bool] = []
    asking = _Asking(target, retry)
    for sample in [each for each in samples if each.vector.any()][:QUERIES]:
        most = asking.most(sample.collection, count)
        there = [
            _target_id(identity, sample.namespace, layout)
            for identity in source.nearest(sample.namespace, sample.vector, most)
        ]
        near, first = _near(sample, there, layout, asking, most)
        shares.append(sum(identity in near for identity in there) / len(there) if there else float(not near))
        firsts.append(first)
    if not shares:
        return None
    count = min(count, *asking.limits.values())
    return Overlap(count, len(shares), sum(shares) / len(shares), min(shares), sum(firsts) / len(firsts), asking.exact)


class _Asking:
    """The target's searches: exact ones as long as it allows them."""

    def __init__(self, target: Target, retry: Retry) -> None:
        self.exact = True
        self.limits: dict[str, int] = {}
        """The hits that a search may have, by collection."""
        self._target = target
        self._retry = retry

    def most(self, collection: str, count: int) -> int:
        if collection not in self.limits:
            state = self._retry.call(lambda: self._target.collection(collection))
            limit = state.limits.get("max_query_limit", count) if state is not None else count
            self.limits[collection] = max(1, min(count, int(limit)))
        return self.limits[collection]

    def search(self, collection: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]:
        asked = queries if self.exact else [replace(query, exact=False) for query in queries]
        try:
            return self._retry.call(lambda: self._target.search(collection, asked, limit))
        except TargetRefused as refused:
            if self.exact and not_exactly(refused.message):
                self.exact = False
                return self.search(collection, queries, limit)
            if not strict_mode(refused.message):
                raise
            raise TargetRefused(
                f"The searches for --overlap are not allowed by the strict mode of collection {collection!r}: "
                f"{refused.message}",
                hint="Leave --overlap out, or let the collection's strict_mode_config allow them.",
            ) from refused


def _near(sample: Sample, there: Sequence[str], layout: Layout, asking: _Asking, count: int) -> tuple[set[str], bool]:
    """Which of the target's points are among its nearest, and whether the source's best is the best here.

    Where several score the same, either side may have taken any of them: what the source found and the first hits do
    not hold is asked for alone, and counts when it scores as well as the last of them.
    """
    tenant = None if layout.collection is None else (layout.tenant_field, sample.namespace)
    query = Query(sample.vector, tenant=tenant, exact=True)
    (hits,) = asking.search(sample.collection, [query], max(count, len(there)))
    scores = {hit.id: hit.score for hit in hits}
    others = [identity for identity in there if identity not in scores]
    if others and hits:
        alone = [Query(sample.vector, only=identity) for identity in others]
        for found in asking.search(sample.collection, alone, 1):
            scores |= {hit.id: hit.score for hit in found}
    if not hits:
        return set(), not there
    sign = -1 if layout.metric in (Metric.EUCLID, Metric.MANHATTAN) else 1
    tie = _TIE * max(1.0, *(abs(score) for score in scores.values()))
    best, last = hits[0].score, hits[min(len(there) or count, len(hits)) - 1].score
    near = {identity for identity, score in scores.items() if sign * (score - last) >= -tie}
    return near, bool(there) and sign * (scores.get(there[0], -sign * 1e30) - best) >= -tie


def _target_id(identity: str, namespace: str, layout: Layout) -> str:
    return point_id(identity) if layout.collection is None else tenant_point_id(identity, namespace)
