"""Whether what the target holds is what was sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netdoctor.migration.points import Metric, Point

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.records import Vector

TOLERANCE = 1e-6
_UNIT = 1e-6
"""How far the squared length of what is sent may be from 1: it is rounded to float32."""
_LEFT_ALONE = 9e-7
"""Qdrant's own bound is 1e-6, of a sum in float32, of which a root is taken in float32."""
_FLOAT32 = 6e-8
_ONE_UNIT = 4e-16
"""Relative: what some JSON readers lose in the last place of a number that REST carried as text."""


def difference(sent: Point, stored: Point, metric: Metric, *, exact: bool = True) -> str | None:
    """What differs, in words, or None. Payloads must be equal in value and kind of number.

    ``exact``: this target keeps vectors bit for bit. Else cosine is compared by direction, the others by value.
    """
    if not same_vector(sent, stored, metric, exact=exact):
        return "its vector differs"
    if stored.others:
        return f"it has another vector, {stored.others[0]!r}"
    if not same_sparse(sent, stored, exact=exact):
        return "its sparse vector differs"
    if set(sent.payload) != set(stored.payload):
        odd = sorted(set(sent.payload) ^ set(stored.payload))[0]
        return f"its payload differs in {odd!r}"
    for key, value in sent.payload.items():
        if not _same(value, stored.payload[key]):
            return f"its payload differs in {key!r}"
    return None


def same_vector(sent: Point, stored: Point, metric: Metric, *, exact: bool = True) -> bool:
    """Shapes must be equal; a value that is no number is never the same."""
    import numpy as np

    one, other = sent.vector, stored.vector
    if one.shape != other.shape or not np.isfinite(other).all():
        return False
    if one.tobytes() == other.tobytes():
        return True
    if exact:
        # 0.0 and -0.0 are equal in value
        return bool(np.array_equal(one, other)) or (metric is Metric.COSINE and _normalised_again(sent, other))
    wide, read = one.astype(np.float64), other.astype(np.float64)
    if metric is Metric.COSINE:
        long, length = float(wide @ wide) ** 0.5, float(read @ read) ** 0.5
        if not long or not length:
            return bool(long == length)
        # A unit vector in each: the server may have normalised once more, or not at all.
        return bool(np.abs(wide / long - read / length).max() <= TOLERANCE)
    return _close(wide, read)


def _normalised_again(sent: Point, stored: Vector) -> bool:
    """Whether the server has divided the unit vector that it got by the length that it counted itself.

    Qdrant leaves a cosine vector alone whose squared length, summed up in float32, is 1 within a millionth. How far
    that sum is off depends on the order of its parts: with AVX hardly ever so much, with SSE and NEON for long
    vectors of equal numbers, in plain sequence for a part of all vectors of a thousand. Then every number is divided
    by one and the same float32, by which this is told from a damaged vector: no other number than all of them moves.
    """
    import numpy as np

    if sent.sent is not None:
        return False  # of fewer bits, which are not normalised or hardly ever show it
    raw = sent.vector
    wide = raw.astype(np.float64)
    square = float(wide @ wide)
    largest = int(np.abs(stored).argmax()) if len(stored) else 0
    if abs(square - 1.0) > _UNIT or not stored[largest]:
        return False
    # Each addition may lose half a unit in the last place; with fewer parts than 16 that cannot come to a millionth.
    furthest = np.count_nonzero(raw) * _FLOAT32
    near = np.float32(wide[largest] / float(stored[largest]))
    lengths = [near]
    for towards in (0.0, 2.0):
        step = near
        for _ in range(2):
            step = np.nextafter(step, np.float32(towards))
            lengths.append(step)
    for length in lengths:
        off = abs(float(length) ** 2 - 1.0)
        if not _LEFT_ALONE < off <= furthest:
            continue
        if np.array_equal(raw / length, stored):
            return True
    return False


def same_sparse(sent: Point, stored: Point, *, exact: bool = True) -> bool:
    """Indices must be equal; values as those of a dense vector that is compared by value."""
    import numpy as np

    one, other = sent.sparse, stored.sparse
    if one is None or other is None:
        return one is other
    if sent.sparse_name != stored.sparse_name or not np.array_equal(one.indices, other.indices):
        return False
    if exact or np.array_equal(one.values, other.values):
        return bool(np.array_equal(one.values, other.values))
    return _close(one.values.astype(np.float64), other.values.astype(np.float64))


def _close(wide: NDArray[np.float64], read: NDArray[np.float64]) -> bool:
    return bool(abs(wide - read).max(initial=0.0) <= TOLERANCE * max(1.0, float(abs(wide).max(initial=0.0))))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, int) and not isinstance(one, bool) and abs(one) >= 2**63:
        one = float(one)  # as it is written
    if isinstance(other, int) and not isinstance(other, bool) and abs(other) >= 2**63:
        other = float(other)
    if type(one) is float and type(other) is float:
        return math.isclose(one, other, rel_tol=_ONE_UNIT)
    return type(one) is type(other) and bool(one == other)
