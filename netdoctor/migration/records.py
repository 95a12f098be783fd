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


class Record(NamedTuple):
    """One vector of the export. A tuple: one is made for every vector, and a frozen dataclass takes thrice as long.

    ``number`` counts from 1; ``offset`` is where the record starts in the file and ``size`` its length, both in
    bytes; ``values`` has shape ``(dimension,)``, float32, every value finite. ``namespace`` is as exported: the
    default namespace is "" here, whatever it was called.
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


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be migrated. ``offset`` points at the fault, in bytes from the start of the file."""

    number: int
    offset: int
    reason: str
    fatal: bool = False
    """Nothing after it can be read: the file ends, or is no longer an array."""

    def __str__(self) -> str:
        return f"record {self.number} (byte {self.offset}): {self.reason}"


class MalformedExport(MigrationFailed):
    """The export cannot be migrated as it is; ``bad`` are the first faults found."""

    def __init__(self, message: str, *, hint: str = "", bad: tuple[BadRecord, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.bad = bad
