"""A search must find what was written: each sampled point is looked for by its own vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.retry import Retry
from netdoctor.migration.samples import Sample
from netdoctor.migration.targets.interface import Hit, Query, Target

SCORE_TOLERANCE = 1e-5
_HITS = 10
_AT_ONCE = 25


def self_hits(samples: Iterable[Sample], layout: Layout, target: Target, retry: Retry) -> tuple[int, list[str]]:
    """How many were asked, and what was not found, in words. A vector without a direction finds nothing."""
    asked: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.vector.any():
            asked.setdefault(sample.collection, []).append(sample)
    problems: list[str] = []
    for collection, group in asked.items():
        for start in range(0, len(group), _AT_ONCE):
            problems += _look(collection, group[start : start + _AT_ONCE], layout, target, retry)
    return sum(map(len, asked.values())), problems


def _look(collection: str, samples: Sequence[Sample], layout: Layout, target: Target, retry: Retry) -> list[str]:
    """Among the nearest first; then, where equals crowd it out, alone. Dot products: a longer vector may always win."""
    problems: list[str] = []
    crowded = list(samples)
    if layout.metric is not Metric.DOT:
        tenant = None if layout.collection is None else layout.tenant_field
        queries = [Query(s.vector, tenant=None if tenant is None else (tenant, s.namespace)) for s in samples]
        crowded = []
        for sample, hits in zip(samples, retry.call(lambda: target.search(collection, queries, _HITS)), strict=True):
            if any(hit.id == sample.id and _reaches(hit, sample, layout.metric) for hit in hits):
                continue
            if hits and _reaches(hits[-1], sample, layout.metric):
                crowded.append(sample)
            else:
                problems.append(f"{sample.about}: a search for its own vector does not find it")
    if crowded:
        alone = [Query(sample.vector, only=sample.id) for sample in crowded]
        for sample, hits in zip(crowded, retry.call(lambda: target.search(collection, alone, 1)), strict=True):
            if not (hits and hits[0].id == sample.id and _reaches(hits[0], sample, layout.metric)):
                problems.append(f"{sample.about}: it does not score as itself in a search")
    return problems


def own_score(sample: Sample, metric: Metric) -> float:
    """What a point scores against itself (of distances, less is better)."""
    import numpy as np

    if metric in (Metric.EUCLID, Metric.MANHATTAN):
        return 0.0
    if metric is Metric.COSINE:
        return 1.0
    wide = sample.vector.astype(np.float64)
    return float(wide @ wide)


def _reaches(hit: Hit, sample: Sample, metric: Metric) -> bool:
    own = own_score(sample, metric)
    if metric in (Metric.EUCLID, Metric.MANHATTAN):
        import numpy as np

        return hit.score <= SCORE_TOLERANCE * max(1.0, float(np.abs(sample.vector).max()))
    return hit.score >= own - SCORE_TOLERANCE * max(1.0, abs(own))
