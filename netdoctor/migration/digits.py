"""Writes the numbers of unit vectors as JSON, all of a vector at once.

A library of JSON writes the shortest text that gives the same double; that takes half of what a point costs over
REST. Twelve digits behind the point, looked up four at a time, are exact enough for a number between 2**-15 and 1: what
is read, as a double that may be off in its last place or as a float32, rounds to the same float32. The few that are
smaller are put in their places afterwards with nine significant digits, which is as wide.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.records import Vector

_LEAST = 2.0**-15
"""From it on twelve digits are enough: what is cut off is less than 1e-12, half a float32's step is 1.8e-12."""
_FEWEST = 64
"""Shorter vectors gain nothing."""
_RARE = 32
"""Where more than one in so many numbers is small, the library is faster."""
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
            for place, text in zip(some, _written(np.stack([vectors[place] for place in some])), strict=True):
                found[place] = text
    return found


def _written(block: NDArray[np.float32]) -> list[memoryview | None]:
    """For each row ``[ 0.123456789012,-0.12`` and so on: bracket or comma, perhaps a sign, 0 and the digits.

    None for a row with what is no number, too large, or mostly small.
    """
    import numpy as np

    four, plus, minus, bracket = _tables()
    count, length = block.shape
    sizes = np.abs(block)
    with np.errstate(invalid="ignore"):  # rows that are not used
        wide = sizes.astype(np.float64)
        wide *= 1e4
        upper = wide.astype(np.int32)
        wide -= upper  # exact
        wide *= 1e8
        lower = wide.astype(np.int32)
    middle = lower // np.int32(10_000)
    lower -= middle * np.int32(10_000)
    text = np.empty((count, length, 4), np.uint32)
    signs = block.view(np.uint32) >> np.uint32(31)
    signs *= minus - plus
    signs += plus
    signs[:, 0] += bracket - plus
    text[..., 0] = signs
    for column, part in enumerate((upper, middle, lower), 1):
        text[..., column] = four.take(part, mode="clip")
    good = sizes.max(axis=1) < 1  # of what is no number every comparison is false
    small = np.flatnonzero(sizes < _LEAST)
    small = small[block.ravel()[small] != 0]
    if len(small):
        rows = small // length
        good &= np.bincount(rows, minlength=count) <= max(1, length // _RARE)
        small = small[good[rows]]
        whole = text.ravel().data.cast("B")
        for place, number in zip(small.tolist(), block.ravel()[small].tolist(), strict=True):
            whole[16 * place + 1 : 16 * place + 16] = b"% .8e" % number
    return [row.data.cast("B") if fits else None for row, fits in zip(text.reshape(count, -1), good, strict=True)]


@functools.cache
def _tables() -> tuple[NDArray[np.uint32], np.uint32, np.uint32, np.uint32]:
    """Four digits, and what stands before a number's digits, each as the four bytes of an integer."""
    import numpy as np

    digits = b"".join(b"%04d" % number for number in range(10_000))
    plus, minus, bracket = np.frombuffer(b", 0.,-0.[ 0.", np.uint32)
    return np.frombuffer(digits, np.uint32), plus, minus, bracket
