"""What a source yields: records, and what is wrong with the ones that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from netdoctor.errors import MigrationFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]
    Indices = NDArray[np.uint32]

NOWHERE = -1
"""The offset of a record that has no byte to be found at: a row of a table, a point of a live index."""
_LARGEST_INDEX = 2**32 - 1


class Sparse(NamedTuple):
    """A sparse vector in its one canonical form; made by :func:`sparse_of`, and never empty.

    ``indices`` (n,) uint32, strictly ascending; ``values`` (n,) float32, every one finite.
    """

    indices: Indices
    values: Vector

    def to_bytes(self) -> bytes:
        """Indices, then values, little-endian: eight bytes for each pair."""
        return self.indices.astype("<u4", copy=False).tobytes() + self.values.astype("<f4", copy=False).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Sparse | None:
        """What :meth:`to_bytes` wrote; None for no bytes."""
        import numpy as np

        half = len(data) // 2
        return (
            cls(np.frombuffer(data[:half], "<u4").astype(np.uint32), np.frombuffer(data[half:], "<f4").astype("f4"))
            if data
            else None
        )


class Record(NamedTuple):
    """One vector of the export. A tuple: one is made for every vector, and a frozen dataclass takes thrice as long.

    ``number`` counts from 1; ``offset`` is where the record starts in the file and ``size`` its length, both in
    bytes; ``values`` has shape ``(dimension,)``, float32, every value finite; shape ``(0,)`` where the record has
    sparse values only. ``namespace`` is as exported: the default namespace is "" here, whatever it was called.
    """

    number: int
    offset: int
    size: int
    id: str
    values: Vector
    metadata: Mapping[str, Any]
    namespace: str
    left_out: tuple[str, ...] = ()
    """Keys of the record that mean nothing to a migration."""
    sparse: Sparse | None = None


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be migrated. ``offset`` points at the fault, in bytes from the start of the file."""

    number: int
    offset: int
    reason: str
    fatal: bool = False
    """Nothing after it can be read: the file ends, or is no longer an array."""

    def __str__(self) -> str:
        return f"record {self.number}{place(self.offset)}: {self.reason}"


class MalformedExport(MigrationFailed):
    """The export cannot be migrated as it is; ``bad`` are the first faults found."""

    def __init__(self, message: str, *, hint: str = "", bad: tuple[BadRecord, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.bad = bad


def place(offset: int, identity: str | None = None) -> str:
    """`` (byte 17, id 'a')``, to be put behind a record's number: what of it there is."""
    parts = [f"byte {offset}"] if offset >= 0 else []
    parts += [f"id {identity!r}"] if identity is not None else []
    return f" ({', '.join(parts)})" if parts else ""


def sparse_of(indices: Any, values: Any) -> Sparse | None:
    """The sparse vector of these two sequences of numbers, put in order; None where both are empty.

    Raises ValueError with what is wrong with it, in words that go after "it" in a sentence about a record.
    """
    import numpy as np

    if not _numbers(indices) or not _numbers(values):
        raise ValueError("its sparse values are not two arrays of numbers")
    if len(indices) != len(values):
        raise ValueError(f"its sparse values have {len(indices)} indices and {len(values)} values")
    if not len(indices):
        return None
    places = np.asarray(indices)
    if places.dtype.kind == "f" and not (places == np.floor(places)).all():
        raise ValueError("its sparse indices are not whole numbers")
    if places.dtype.kind == "O" or not (places.min() >= 0 and places.max() <= _LARGEST_INDEX):
        raise ValueError("a sparse index does not fit 32 bits")
    order = np.argsort(places, kind="stable")
    places = places[order].astype(np.uint32)
    twice = np.flatnonzero(places[1:] == places[:-1])
    if len(twice):
        raise ValueError(f"its sparse index {int(places[twice[0]])} is there twice")
    try:
        with np.errstate(over="ignore"):
            weights = np.asarray(values, dtype=np.float64)[order].astype(np.float32)
    except OverflowError:  # an integer of hundreds of digits
        weights = np.full(1, np.inf, dtype=np.float32)
    if not np.isfinite(weights).all():
        raise ValueError("a sparse value does not fit a float32")
    return Sparse(places, weights)


def _numbers(things: Any) -> bool:
    """Whether it is a flat sequence of numbers: an array of them, or a list without anything else in it."""
    if isinstance(things, list | tuple):
        return not set(map(type, things)) - {int, float}
    kind = getattr(getattr(things, "dtype", None), "kind", "")
    return kind in ("i", "u", "f") and things.ndim == 1
