"""Whether what the target holds is what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netdoctor.migration.points import Metric, Point

TOLERANCE = 1e-6


def difference(sent: Point, stored: Point, metric: Metric) -> str | None:
    """What differs, in words, or None. Payloads must be equal in value and kind of number."""
    if not same_vector(sent, stored, metric):
        return "its vector differs"
    if set(sent.payload) != set(stored.payload):
        odd = sorted(set(sent.payload) ^ set(stored.payload))[0]
        return f"its payload differs in {odd!r}"
    for key, value in sent.payload.items():
        if not _same(value, stored.payload[key]):
            return f"its payload differs in {key!r}"
    return None


def same_vector(sent: Point, stored: Point, metric: Metric) -> bool:
    """Bit-equal; for cosine also when a second normalisation on the server moved the last bits."""
    import numpy as np

    one, other = sent.vector, stored.vector
    if one.shape != other.shape:
        return False
    if one.tobytes() == other.tobytes():
        return True
    if metric is Metric.COSINE:
        return bool(np.abs(one.astype(np.float64) - other.astype(np.float64)).max() <= TOLERANCE)
    return bool(np.array_equal(one, other))  # 0.0 and -0.0 are equal in value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, int) and not isinstance(one, bool) and abs(one) >= 2**63:
        one = float(one)  # as it is written
    return type(one) is type(other) and bool(one == other)
