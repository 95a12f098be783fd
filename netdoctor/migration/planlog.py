"""A plan pass on disk: one that was killed goes on at its last checkpoint instead of at the first record.

A file beside the ledger (or the plan file), which is only appended to: frames of what is counted so far and of the
hashes that came since the frame before, each with a checksum. A frame that was cut by the kill is cut off. The file is
only ever a saving of time: what does not fit the export, the mapping or this version is begun anew without a word,
and where it cannot be written the pass does without it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import sys
import time
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from netdoctor.migration.duplicates import HashLog
from netdoctor.migration.listing import listing_of
from netdoctor.migration.listlog import forget_list
from netdoctor.migration.sofar import SoFar
from netdoctor.migration.sources.interface import Cursor

EVERY = 2.0
"""Seconds between two checkpoints; longer where they are slow."""
_SLOW = 20
_FORMAT = 1
_MAGIC = b"ndpl"
_HEAD = struct.Struct("<4sIII")
"""Magic, bytes of JSON, bytes of hashes, CRC-32 of both."""


def planlog_of(path: Path) -> Path:
    """Where it is for the ledger or the plan file ``path``."""
    return path.with_name(f"{path.name}.planning")


class PlanLog:
    """Enter it, then :meth:`earlier` once, then :meth:`keep` whenever :meth:`due`. One process at a time has it."""

    def __init__(
        self,
        path: Path,
        about: dict[str, Any],
        *,
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``about``: what the pass depends on; an earlier one that depended on anything else is of no use."""
        self._path = path
        self._about = json.loads(json.dumps({**about, "format": _FORMAT, "order": sys.byteorder}))
        self._every = EVERY if every is None else every
        self._clock = clock
        self._next = clock() + self._every
        self._file: BinaryIO | None = None
        self._off = False
        self._marks = 0
        self.fresh = array("Q")
        """Hashes since the last checkpoint."""

    def __enter__(self) -> PlanLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """It stays, until the plan is safe, when all went well, and when the pass was interrupted; else it goes."""
        if kind is not None and issubclass(kind, Exception):
            self.discard()
        self._close()

    def earlier(self, log: HashLog) -> SoFar | None:
        """What an earlier pass has counted, its hashes added to ``log``; None: begin at the first record."""
        file = self._open(0)
        if file is None:
            return None
        told: dict[str, Any] | None = None
        marks: list[tuple[int, Cursor]] = []
        end = 0
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            file.seek(0)
            for number, (data, hashes) in enumerate(iter(lambda: _frame(file), None)):
                if not number and data != self._about:
                    break
                if number:
                    marks += [(record, place) for record, place in data.pop("marks")]
                    told = data
                    log.extend(hashes)
                end = file.tell()
            self._marks = len(marks)
            file.truncate(end)
            file.seek(end)
            if not end:
                self._append(self._about, b"")
            return None if told is None else SoFar.from_json(told, marks)
        log.clear()
        self._marks = 0
        self.discard()
        return None

    def due(self) -> bool:
        return self._clock() >= self._next

    def keep(self, sofar: SoFar) -> None:
        """A pass that goes on from here begins with the last of its marks."""
        if self._off:
            self.fresh = array("Q")
            return
        began = self._clock()
        told = {**sofar.to_json(), "marks": sofar.marks[self._marks :]}
        try:
            if self._file is None and (made := self._open(os.O_CREAT)) is not None:
                made.truncate(0)
                self._append(self._about, b"")
            self._append(told, self.fresh.tobytes())
        except OSError:  # a full disk: the plan itself needs none
            self.discard()
        self._marks = len(sofar.marks)
        self.fresh = array("Q")
        now = self._clock()
        self._next = now + max(self._every, _SLOW * (now - began))

    def discard(self) -> None:
        self._off = True
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._close()

    def _open(self, more: int) -> BinaryIO | None:
        """It is made at the first checkpoint: a pass of seconds leaves nothing. None: it is not there, or not ours."""
        with contextlib.suppress(FileNotFoundError):
            try:
                # No link is followed: in a folder of everybody's, somebody else may have put one there.
                flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | more
                self._file = os.fdopen(os.open(self._path, flags, 0o600), "r+b")
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._file
            except FileNotFoundError:
                raise
            except (OSError, ValueError):
                self._off = True
                self._close()
        return None

    def _append(self, told: dict[str, Any], hashes: bytes) -> None:
        if self._file is None:
            return
        text = json.dumps(told).encode("ascii")
        self._file.write(_HEAD.pack(_MAGIC, len(text), len(hashes), zlib.crc32(hashes, zlib.crc32(text))))
        self._file.write(text)
        self._file.write(hashes)
        self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None


def _frame(file: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next whole one, or None."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, texts, hashed, checksum = _HEAD.unpack(head)
    if magic != _MAGIC or texts + hashed > os.fstat(file.fileno()).st_size:
        return None
    text, hashes = file.read(texts), file.read(hashed)
    if len(text) != texts or len(hashes) != hashed or zlib.crc32(hashes, zlib.crc32(text)) != checksum:
        return None
    return json.loads(text), hashes


def forget(path: Path) -> None:
    """The plan of the ledger or plan file ``path`` is safe: how it was made is no longer worth anything."""
    forget_list(listing_of(path))
    with contextlib.suppress(OSError):
        planlog_of(path).unlink()
