"""Collections that keep vectors in fewer bits than they are sent in: what is kept then, exactly.

A server keeps a float16 or a uint8 of each number. Which one follows from the number, so verification need not be
lenient: it expects what is kept. What a datatype would destroy (a number outside of a byte's range, a vector of
small fractions that would be all zeros) is refused before it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from netdoctor.migration.points import Layout
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import Target

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

NARROW = frozenset({"float16", "uint8"})


def with_datatypes(layout: Layout, names: Iterable[str], target: Target, retry: Retry) -> Layout:
    """The layout, knowing which of these collections keep fewer bits."""
    narrow = {}
    for name in names:
        state = retry.call(lambda name=name: target.collection(name))  # type: ignore[misc]
        if state is not None and state.datatype in NARROW:
            narrow[name] = state.datatype
    return replace(layout, datatypes=narrow)


def kept(vector: Vector, datatype: str) -> Vector:
    """What a collection of that datatype holds of the vector, as float32."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        if datatype == "float16":
            return vector.astype(np.float16).astype(np.float32)
        if datatype == "uint8":
            return np.clip(np.trunc(vector), 0, 255).astype(np.float32)
    return vector


def unfit(vector: Vector, datatype: str) -> str | None:
    """Why the vector would not survive in that datatype, in words that go after "its vector", or None."""
    import numpy as np

    if datatype == "uint8" and ((vector < 0).any() or (vector >= 256).any()):
        return "has numbers that are not between 0 and 255, and the collection keeps uint8"
    stored = kept(vector, datatype)
    if not np.isfinite(stored).all():
        return f"has numbers too large for the collection's {datatype}"
    if vector.any() and not stored.any():
        return f"would be all zeros in the collection's {datatype}"
    return None
