"""Writes the numbers of unit vectors as JSON, all of a vector at once.

A library of JSON writes the shortest text that gives the same double; that takes half of what a point costs over
REST. Sixteen digits behind the point, looked up four at a time, are exact enough by far for a number between 1e-8 and
1: what is read, as a double that may be off in its last place or as a float32, rounds to the same float32.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.records import Vector

_LEAST = 1e-8
"""Below it sixteen digits are too few: the text may be off by half a part in 1e8, a float32's half step is three."""
_FEWEST = 64
"""Shorter vectors gain nothing."""
_TOGETHER = 32 << 10
"""Numbers that are written in one step."""


def unit_arrays(vectors: Sequence[Vector]) -> list[memoryview | None]:
    """Each vector as a JSON array, without its closing bracket; None for one that is short or not written here."""
    import numpy as np

    found: list[memoryview | None] = [None] * len(vectors)
    places: dict[int, list[int]] = {}
    for place, vector in enumerate(vectors):
        if len(vector) >= _FEWEST:
            places.setdefault(len(vector), []).append(place)
    for length, group in places.items():
        step = max(1, _TOGETHER // length)
        for start in range(0, len(group), step):
            some = group[start : start + step]
            block = np.stack([vectors[place] for place in some])
            sizes = np.abs(block)
            # Of what is no number every comparison is false.
            good = (sizes.max(axis=1) < 1) & (sizes.min(axis=1, where=sizes > 0, initial=1) >= _LEAST)
            for place, fits, text in zip(some, good, _written(block, sizes), strict=True):
                if fits:
                    found[place] = text
    return found


def _written(block: NDArray[np.float32], sizes: NDArray[np.float32]) -> list[memoryview]:
    """For each row ``[ 0.1234567890123456,-0.12`` and so on: bracket or comma, perhaps a sign, 0 and the digits."""
    import numpy as np

    four, signs = _tables()
    with np.errstate(invalid="ignore"):  # rows that are not used
        wide = sizes.astype(np.float64)
        wide *= 1e8
        upper = wide.astype(np.uint32)
        wide -= upper  # exact
        wide *= 1e8
        lower = wide.astype(np.uint32)
    ten_thousand = np.uint32(10_000)
    text = np.empty((*block.shape, 5), np.uint32)
    minus = np.signbit(block).view(np.uint8)
    text[..., 0] = signs.take(minus)
    text[:, 0, 0] = signs.take(minus[:, 0] + 2)
    for column, half in ((1, upper), (3, lower)):
        first = half // ten_thousand
        half -= first * ten_thousand
        text[..., column] = four.take(first, mode="clip")
        text[..., column + 1] = four.take(half, mode="clip")
    return [row.data.cast("B") for row in text.reshape(len(text), -1)]


@functools.cache
def _tables() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Four digits, and what stands before a number's digits, each as the four bytes of an integer."""
    import numpy as np

    digits = b"".join(b"%04d" % number for number in range(10_000))
    return np.frombuffer(digits, np.uint32), np.frombuffer(b", 0.,-0.[ 0.[-0.", np.uint32)
