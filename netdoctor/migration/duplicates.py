"""Finds points that would overwrite each other, in bounded memory.

Each (collection, id) is hashed to 64 bits. Hashes are kept in memory up to ``RUN`` numbers, then spread over files by
their top bits, so that each file can be sorted alone. Equal hashes are candidates only: the records are read again,
and those of the candidates are told apart by 128 more bits, sorted on disk in the same way.
"""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUN = 1 << 20
"""Numbers (of 8 bytes) held in memory before they go to disk."""
_FILES = 64


def pair_hash(collection: str, identity: str) -> int:
    """64 bits of the pair."""
    return int.from_bytes(hashlib.blake2b(_text(collection, identity), digest_size=8).digest(), "little")


def _text(collection: str, identity: str) -> bytes:
    return f"{len(collection)}:{collection}{identity}".encode()


class Sorted(Collection[int]):
    """Numbers below 2^64, each once, eight bytes for each."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._held = array("Q", sorted(set(numbers)) if not isinstance(numbers, array) else numbers)

    def __contains__(self, number: object) -> bool:
        held = self._held
        if not held or not isinstance(number, int):
            return False
        at = bisect_left(held, number)
        return at < len(held) and held[at] == number

    def __iter__(self) -> Iterator[int]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Collection) and len(other) == len(self) and all(each in other for each in self)

    __hash__ = None  # type: ignore[assignment]  # compares with sets, and is as little a key as they are

    def __repr__(self) -> str:
        return f"{len(self)} numbers"


class _Rows:
    """Rows of ``width`` numbers of 64 bits, in memory or in 64 files by the top bits of the first."""

    def __init__(self, width: int, run: int) -> None:
        self._width = width
        self._run = run
        self._held = array("Q")
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def _put(self, row: tuple[int, ...]) -> None:
        self._held.extend(row)
        if len(self._held) >= self._run:
            self._spill()

    def _parts(self) -> Iterator[NDArray[np.uint64]]:
        """Every row in one of them, rows with the same first number in the same one; shape (rows, width)."""
        import numpy as np

        if self._folder is None:
            yield np.frombuffer(self._held, dtype=np.uint64).reshape(-1, self._width)
            return
        self._spill()
        for file in sorted(Path(self._folder.name).iterdir()):
            yield np.fromfile(file, dtype=np.uint64).reshape(-1, self._width)

    def _spill(self) -> None:
        import numpy as np

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="netdoctor-ids-")
        rows = np.frombuffer(self._held, dtype=np.uint64).reshape(-1, self._width)
        home = rows[:, 0] >> np.uint64(58)  # 6 bits: 64 files
        for number in range(_FILES):
            with (Path(self._folder.name) / f"{number:02}").open("ab") as file:
                file.write(rows[home == number].tobytes())
        self._held = array("Q")


class HashLog(_Rows):
    """Collects hashes; ``repeated`` returns those that came more than once."""

    def __init__(self, run: int = RUN) -> None:
        super().__init__(1, run)

    def __enter__(self) -> HashLog:
        return self

    def add(self, value: int) -> None:
        self._put((value,))

    def repeated(self) -> Sorted:
        import numpy as np

        found = array("Q")
        for part in self._parts():
            ordered = np.sort(part[:, 0])
            found.frombytes(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]).tobytes())
        return Sorted(found)  # files are in the order of their hashes


class Rivals(NamedTuple):
    """``winner`` and ``loser`` are numbers of records that would be one point of collection ``where``."""

    winner: int
    loser: int
    where: int


class RivalLog(_Rows):
    """Collects candidates; ``rivals`` tells which of them are the same point, by 128 bits more."""

    def __init__(self, run: int = RUN) -> None:
        super().__init__(4, run)

    def __enter__(self) -> RivalLog:
        return self

    def add(self, collection: str, identity: str, number: int, where: int) -> None:
        """``number`` of the record; ``where``: its collection, as a number."""
        digest = hashlib.blake2b(_text(collection, identity), digest_size=16, person=b"rivals").digest()
        self._put((int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"), number, where))

    def rivals(self, wins: str) -> Iterator[Rivals]:
        """Each record that loses once. ``wins``: the ``first`` or the ``last`` of those that are one point."""
        import numpy as np

        for part in self._parts():
            if len(part) < 2:
                continue
            rows: Any = part[np.lexsort((part[:, 2], part[:, 1], part[:, 0]))]
            starts = np.flatnonzero(np.r_[True, (rows[1:, :2] != rows[:-1, :2]).any(axis=1)])
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
                if end - start < 2:
                    continue
                winner = rows[start if wins == "first" else end - 1]
                for row in rows[start + 1 : end] if wins == "first" else rows[start : end - 1]:
                    yield Rivals(int(winner[2]), int(row[2]), int(row[3]))
