"""Finds points that would overwrite each other, in bounded memory.

Each (collection, id) is hashed to 64 bits. Hashes are kept in memory up to ``RUN`` numbers, then spread over files by
their top bits, so that each file can be sorted alone. Equal hashes are candidates only: the records are read again,
and those of the candidates are told apart by 128 more bits, sorted on disk in the same way.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from netdoctor.errors import MigrationFailed

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
        self._files: list[IO[bytes]] = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        for file in self._files:
            file.close()
        self._files, self._held = [], array("Q")

    def _put(self, row: tuple[int, ...]) -> None:
        self._held.extend(row)
        if len(self._held) >= self._run:
            self._spill()

    def extend(self, rows: bytes) -> None:
        """Many at once, as numbers of this machine."""
        self._held.frombytes(rows)
        if len(self._held) >= self._run:
            self._spill()

    def _parts(self) -> Iterator[NDArray[np.uint64]]:
        """Every row in one of them, rows with the same first number in the same one; shape (rows, width)."""
        import numpy as np

        if not self._files:
            yield np.frombuffer(self._held, dtype=np.uint64).reshape(-1, self._width)
            return
        self._spill()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), dtype=np.uint64).reshape(-1, self._width)
            file.seek(0, os.SEEK_END)

    def _spill(self) -> None:
        import numpy as np

        rows = np.frombuffer(self._held, dtype=np.uint64).reshape(-1, self._width)
        home = rows[:, 0] >> np.uint64(58)  # 6 bits: 64 files
        try:
            while len(self._files) < _FILES:
                # Without a name: of a process that is killed, nothing remains.
                self._files.append(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115  # closed by clear
            for number, file in enumerate(self._files):
                _write(file, rows[home == number].tobytes())
        except OSError as error:
            raise MigrationFailed(
                f"Ids cannot be sorted in {tempfile.gettempdir()}: {error.strerror or error}. Nothing was written.",
                hint="make room there, or name another folder with TMPDIR",
            ) from error
        self._held = array("Q")


def _write(file: IO[bytes], data: bytes) -> None:
    """All of it: an unbuffered file may take less, on a disk that is about to be full."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


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
