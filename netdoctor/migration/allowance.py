"""``--max-errors`` of a run by several: one count, kept in a file that all of them have.

``PLAN.refused`` is only appended to, by one at a time: the run's id, then a line for each record that is left out.
A record is counted once, whoever meets it and however often. The ledgers say why; this only says how many.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from netdoctor.errors import MigrationFailed
from netdoctor.migration.ledger import REFUSED, Ledger
from netdoctor.migration.writer import Refusals


class Allowance:
    """The numbers of the records that the run leaves out, at most ``most``. Used by one thread at a time.

    Its methods raise MigrationFailed when the file cannot be read or written.
    """

    def __init__(self, path: Path, run: str, most: int) -> None:
        self._path = path
        self._head = f"run {run}\n".encode()
        self._most = most
        self._taken: set[int] = set()
        self._at = 0
        """Bytes of the file that are known."""

    def take(self, record: int) -> bool:
        """Whether the run may go on without it."""
        return self._change(lambda: "" if record in self._taken else f"{record}\n", self._most)

    def known(self, records: set[int]) -> None:
        """These are left out already, says a ledger; and there may be more of them than may be."""
        self._change(lambda: "".join(f"{each}\n" for each in sorted(records - self._taken)))

    def forget(self, start: int, end: int) -> None:
        """The worker of the records from ``start`` up to, but not, ``end`` begins anew."""
        self._change(lambda: f"-{start} {end}\n" if any(start <= each < end for each in self._taken) else "")

    def _change(self, lines: Callable[[], str], most: int | None = None) -> bool:
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._read(descriptor)
                data = lines().encode("ascii")
                if data and most is not None and len(self._taken) >= most:
                    return False
                if data:
                    if os.pwrite(descriptor, data, self._at) != len(data):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(descriptor)
                    self._note(data)
                return True
            finally:
                os.close(descriptor)
        except OSError as error:
            raise MigrationFailed(
                f"How many records are left out cannot be kept in {self._path}: {error.strerror or error}.",
                hint="what is written is kept; repeat the same command when it can: it resumes",
            ) from error

    def _read(self, descriptor: int) -> None:
        """What others have added. A line that a kill or a full disk has cut is cut off."""
        if os.pread(descriptor, len(self._head), 0) != self._head:
            os.ftruncate(descriptor, 0)  # of an earlier run, or of none yet
            os.pwrite(descriptor, self._head, 0)
            self._at = 0
        if not self._at:
            self._at = len(self._head)
            self._taken.clear()
        data = os.pread(descriptor, max(0, os.fstat(descriptor).st_size - self._at), self._at)
        self._note(data[: data.rfind(b"\n") + 1])
        os.ftruncate(descriptor, self._at)

    def _note(self, lines: bytes) -> None:
        self._at += len(lines)
        for line in lines.decode("ascii", "replace").splitlines():
            number, _, end = line.partition(" ")
            if line.isdecimal():
                self._taken.add(int(line))
            elif number.startswith("-") and number[1:].isdecimal() and end.isdecimal():
                self._taken -= {each for each in self._taken if int(number[1:]) <= each < int(end)}


class SharedRefusals(Refusals):
    """Those of one worker, counted with everybody's."""

    def __init__(self, ledger: Ledger, allowance: Allowance) -> None:
        super().__init__(ledger)
        self._allowance = allowance
        if self.records:
            allowance.known(set(self.records))

    def take(self, record: int, reason: str) -> bool:
        with self._lock:
            if record not in self.records:
                # Counted first: a kill in between leaves a record that the next start counts as the same one.
                if not self._allowance.take(record):
                    return False
                self._ledger.set_trouble(record, REFUSED, reason)
                self.records[record] = reason
        return True
