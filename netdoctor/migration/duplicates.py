"""Finds points that would overwrite each other, in bounded memory.

Each (collection, id) is hashed to 64 bits. Hashes are kept in memory up to ``RUN`` of them, then spread over
files by their top bits, so that each file can be sorted alone. Equal hashes are candidates only: whoever asks
reads the records again to confirm them.
"""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from pathlib import Path
from types import TracebackType

RUN = 1 << 20
_FILES = 64


def pair_hash(collection: str, identity: str) -> int:
    """64 bits of the pair."""
    text = f"{len(collection)}:{collection}{identity}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


class HashLog:
    """Collects hashes; ``repeated`` returns those that came more than once."""

    def __init__(self, run: int = RUN) -> None:
        self._run = run
        self._held = array("Q")
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> HashLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, value: int) -> None:
        self._held.append(value)
        if len(self._held) >= self._run:
            self._spill()

    def repeated(self) -> frozenset[int]:
        import numpy as np

        if self._folder is None:
            return _repeated(np.frombuffer(self._held, dtype=np.uint64))
        self._spill()
        found: set[int] = set()
        for file in Path(self._folder.name).iterdir():
            found |= _repeated(np.fromfile(file, dtype=np.uint64))
        return frozenset(found)

    def _spill(self) -> None:
        import numpy as np

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="netdoctor-ids-")
        hashes = np.frombuffer(self._held, dtype=np.uint64)
        home = hashes >> np.uint64(58)  # 6 bits: 64 files
        for number in range(_FILES):
            with (Path(self._folder.name) / str(number)).open("ab") as file:
                file.write(hashes[home == number].tobytes())
        self._held = array("Q")


def _repeated(hashes: object) -> frozenset[int]:
    import numpy as np

    ordered = np.sort(np.asarray(hashes, dtype=np.uint64))
    return frozenset(int(value) for value in np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
