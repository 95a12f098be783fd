"""A search must find what was written: each sampled point is looked for by its own vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.retry import Retry
from netdoctor.migration.samples import Sample
from netdoctor.migration.targets.interface import Hit, Query, Target, TargetRefused, strict_mode

SCORE_TOLERANCE = 1e-5
_HALF = 1e-3
"""Of float16: the query is rounded as well, and neither it nor what is kept has exactly length 1 then."""
_HITS = 10
_AT_ONCE = 25


def self_hits(samples: Iterable[Sample], layout: Layout, target: Target, retry: Retry) -> tuple[int, list[str]]:
    """How many were asked, and what was not found, in words. A vector without a direction finds nothing.

    A point with a dense and a sparse vector is asked for by each.
    """
    dense: dict[str, list[Sample]] = {}
    sparse: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.vector.any():
            dense.setdefault(sample.collection, []).append(sample)
        if sample.sparse is not None and sample.sparse.values.any():
            sparse.setdefault(sample.collection, []).append(sample)
    problems: list[str] = []
    for collection, group in dense.items():
        for start in range(0, len(group), _AT_ONCE):
            problems += _look(collection, group[start : start + _AT_ONCE], layout, target, retry)
    for collection, group in sparse.items():
        for start in range(0, len(group), _AT_ONCE):
            problems += _look_sparse(collection, group[start : start + _AT_ONCE], target, retry)
    return sum(map(len, dense.values())) + sum(map(len, sparse.values())), problems


def _look_sparse(collection: str, samples: Sequence[Sample], target: Target, retry: Retry) -> list[str]:
    """Each alone: another point may always score higher. Its score is its own, where the server does not weigh it."""
    import numpy as np

    state = retry.call(lambda: target.collection(collection))
    weighed = {name for name, modifier in (state.sparse if state else {}).items() if modifier != "none"}
    queries = [Query(s.vector, only=s.id, sparse=s.sparse, using=s.sparse_name) for s in samples]
    problems: list[str] = []
    for sample, hits in zip(samples, retry.call(lambda: target.search(collection, queries, 1)), strict=True):
        assert sample.sparse is not None
        wide = sample.sparse.values.astype(np.float64)
        own = float(wide @ wide)
        found = hits and hits[0].id == sample.id
        close = found and abs(hits[0].score - own) <= SCORE_TOLERANCE * max(1.0, own)
        if not found or not (close or sample.sparse_name in weighed):
            problems.append(f"{sample.about}: it does not score as itself in a search by its sparse vector")
    return problems


def _look(collection: str, samples: Sequence[Sample], layout: Layout, target: Target, retry: Retry) -> list[str]:
    """Among the nearest first; then, where equals crowd it out, alone. Dot products: a longer vector may always win."""
    problems: list[str] = []
    tolerance = _HALF if layout.datatypes.get(collection) == "float16" else SCORE_TOLERANCE
    crowded = list(samples)
    if layout.metric is not Metric.DOT:
        tenant = None if layout.collection is None else layout.tenant_field
        queries = [Query(s.vector, tenant=None if tenant is None else (tenant, s.namespace)) for s in samples]
        crowded = []
        try:
            answers = retry.call(lambda: target.search(collection, queries, _HITS))
        except TargetRefused as refused:
            if tenant is None or not strict_mode(refused.message):
                raise
            answers = []  # strict mode without an index on that field: each is asked for alone
            crowded = list(samples)
        for sample, hits in zip(samples, answers, strict=bool(answers)):
            if any(hit.id == sample.id and _reaches(hit, sample, layout.metric, tolerance) for hit in hits):
                continue
            if hits and _reaches(hits[-1], sample, layout.metric, tolerance):
                crowded.append(sample)
            else:
                problems.append(f"{sample.about}: a search for its own vector does not find it")
    if crowded:
        alone = [Query(sample.vector, only=sample.id) for sample in crowded]
        for sample, hits in zip(crowded, retry.call(lambda: target.search(collection, alone, 1)), strict=True):
            if not (hits and hits[0].id == sample.id and _reaches(hits[0], sample, layout.metric, tolerance)):
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


def _reaches(hit: Hit, sample: Sample, metric: Metric, tolerance: float) -> bool:
    own = own_score(sample, metric)
    if metric in (Metric.EUCLID, Metric.MANHATTAN):
        import numpy as np

        return hit.score <= tolerance * max(1.0, float(np.abs(sample.vector).max()))
    return hit.score >= own - tolerance * max(1.0, abs(own))
