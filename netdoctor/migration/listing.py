"""The ids of a live index, in the order in which every run of one ledger reads them. On disk: any number of them.

One JSON array ``["namespace", "id"]`` a line; every thousandth line's offset is kept in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from netdoctor.errors import MigrationFailed

_EVERY = 1000


def listing_of(path: Path) -> Path:
    """Where the ids of a live source are, beside its plan or ledger."""
    return path.with_name(f"{path.name}.ids")


def line_of(pair: tuple[str, str]) -> bytes:
    """Of one id, with its end."""
    # Escaped, so that a lone surrogate is kept as it is, and refused later, by record.
    return json.dumps(pair, ensure_ascii=True).encode("ascii") + b"\n"


def entry(line: bytes) -> tuple[str, str]:
    """(Namespace, id) of one line."""
    namespace, identity = json.loads(line)
    return namespace, identity


class Listing:
    """Open it with :meth:`read`, make it with :meth:`write`. Thread-safe: every reader has a file of its own."""

    def __init__(self, path: Path, count: int, offsets: array[int], digest: str) -> None:
        self.path = path
        self.digest = digest
        """Of all ids in their order."""
        self._count = count
        self._offsets = offsets

    def __len__(self) -> int:
        return self._count

    def entries(self, start: int = 0) -> Iterator[tuple[str, str]]:
        """(Namespace, id) from entry ``start`` (counted from 0) on."""
        if start >= self._count:
            return
        with self.path.open("rb") as file:
            file.seek(self._offsets[start // _EVERY])
            for _ in range(start % _EVERY):
                file.readline()
            for line in file:
                yield entry(line)

    def pages(self, size: int, start: int = 0) -> Iterator[tuple[int, str, list[str]]]:
        """(First entry's index, namespace, ids): at most ``size`` ids of one namespace at a time."""
        held: list[str] = []
        first, current = start, ""
        for index, (namespace, identity) in enumerate(self.entries(start), start):
            if held and (namespace != current or len(held) >= size):
                yield first, current, held
                held = []
            if not held:
                first, current = index, namespace
            held.append(identity)
        if held:
            yield first, current, held

    @classmethod
    def write(cls, path: Path, ids: Iterable[tuple[str, str]]) -> Listing:
        """All of ``ids``, durable when it returns; an interrupted one leaves nothing under ``path``."""
        scratch = path.with_name(f"{path.name}.new")
        try:
            with scratch.open("wb") as file:
                for pair in ids:
                    file.write(line_of(pair))
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        except OSError as error:
            raise MigrationFailed(f"The list of ids cannot be kept in {path}: {error.strerror or error}.") from error
        finally:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)
        return cls.read(path)

    @classmethod
    def read(cls, path: Path) -> Listing:
        """Raises MigrationFailed when it is not there."""
        offsets = array("Q")
        digest = hashlib.sha256()
        count = at = 0
        try:
            with path.open("rb") as file:
                for line in file:
                    if not count % _EVERY:
                        offsets.append(at)
                    digest.update(line)
                    count += 1
                    at += len(line)
        except OSError as error:
            raise MigrationFailed(
                f"The list of ids {path} cannot be read: {error.strerror or error}.",
                hint="add --restart to list them again",
            ) from error
        return cls(path, count, offsets, digest.hexdigest()[:32])
