"""The journal's file: JSON lines, each on the disk before anything else happens, one writer at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from netdoctor.errors import NetdoctorError
from netdoctor.exits import Exit

VERSION = 1
"""Of the format. A journal of a higher version is refused, never guessed at."""

Record = dict[str, Any]

_OWN = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
"""A link in the journal's place would have us write, as root perhaps, to a file of somebody else's choice."""


class JournalError(NetdoctorError):
    """The journal cannot be read or written; nothing was changed without it."""

    status = Exit.UNKNOWN


class JournalBusy(JournalError):
    """Another netdoctor holds the journal of this engine."""


def state_folder(engine_id: str, environment: Mapping[str, str], *, root: bool) -> Path:
    """Where the journal of one engine lives.

    ``NETDOCTOR_STATE_DIR``, else ``/var/lib/netdoctor`` as root, else the XDG state folder; below it the engine's id.
    """
    given = environment.get("NETDOCTOR_STATE_DIR")
    if given:
        base = Path(given)
    elif root:
        base = Path("/var/lib/netdoctor")
    else:
        home = Path(environment.get("HOME") or "~").expanduser()
        base = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "netdoctor"
    safe = "".join(char if (char.isalnum() and char.isascii()) or char in "-_" else "_" for char in engine_id)[:100]
    return base / (safe or "engine")


class Store:
    """``journal.jsonl`` and its lock, in a folder that only we can read: it keeps original compose files."""

    def __init__(self, folder: Path, engine_id: str) -> None:
        self.folder = folder
        self.path = folder / "journal.jsonl"
        self.engine_id = engine_id
        self._locked = False

    def read(self) -> list[Record]:
        """Every whole record after the header. A torn last line was never acted upon, and is left out."""
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed("read", error) from error
        lines = raw.split(b"\n")[:-1]
        if not lines:
            return []
        records = [self._parsed(number, line) for number, line in enumerate(lines, 1)]
        self._check_header(records[0])
        return records[1:]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the journal. Raises JournalBusy at once when another process does."""
        self._make_folder()
        try:
            handle = os.open(self.folder / "lock", _OWN | os.O_RDWR, 0o600)
        except OSError as error:
            raise self._failed("lock", error) from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
                raise JournalBusy(
                    f"Another netdoctor{f' (process {holder})' if holder else ''} is changing this engine's networks.",
                    hint="Wait until it has ended, then run the command again.",
                ) from None
            with suppress(OSError):  # who holds it is a courtesy; a full disk is told by the first record
                os.ftruncate(handle, 0)
                os.pwrite(handle, str(os.getpid()).encode(), 0)
            self.read()  # refuses a journal of a newer version before anything is written
            try:
                self._mend()
            except OSError as error:
                raise self._failed("mend", error) from error
            self._locked = True
            yield
        finally:
            self._locked = False
            os.close(handle)

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one record and wait until the disk has it. Raises JournalError; then nothing of it remains."""
        if not self._locked:
            raise RuntimeError("the journal is written under its lock only")
        line = json.dumps(record, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        try:
            new = not self.path.exists()
            handle = os.open(self.path, _OWN | os.O_WRONLY | os.O_APPEND, 0o600)
            try:
                before = os.fstat(handle).st_size
                if before == 0:
                    line = json.dumps(self._header()).encode() + b"\n" + line
                try:
                    _write_all(handle, line)
                    os.fsync(handle)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(handle, before)
                    raise
            finally:
                os.close(handle)
            if new:
                sync_folder(self.folder)
        except OSError as error:
            raise self._failed("write", error) from error

    def _header(self) -> Record:
        return {"netdoctor": "journal", "version": VERSION, "engine": self.engine_id}

    def _check_header(self, header: Record) -> None:
        version = header.get("version")
        if header.get("netdoctor") != "journal" or not isinstance(version, int):
            raise JournalError(
                f"{self.path} is not a netdoctor journal.", hint="Move that file away, and run the command again."
            )
        if version > VERSION:
            raise JournalError(
                f"A newer netdoctor wrote the journal {self.path}: format {version}, this one reads {VERSION}.",
                hint="Update netdoctor, or undo with the netdoctor that wrote it.",
            )

    def _parsed(self, number: int, line: bytes) -> Record:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise JournalError(
                f"Line {number} of the journal {self.path} is damaged.",
                hint="Nothing was changed. Look at the line, or move the file away to start a new journal.",
            )
        return found

    def _mend(self) -> None:
        """Cut off a torn last line, so that the next record starts on a line of its own."""
        with suppress(FileNotFoundError):
            raw = self.path.read_bytes()
            whole = raw.rfind(b"\n") + 1
            if whole != len(raw):
                handle = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    os.ftruncate(handle, whole)
                finally:
                    os.close(handle)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._failed("create", error) from error

    def _failed(self, doing: str, error: OSError) -> JournalError:
        return JournalError(
            f"Could not {doing} the journal {self.path}: {(error.strerror or str(error)).lower()}.",
            hint="Every change is journalled first. Name a writable folder: NETDOCTOR_STATE_DIR=DIR",
        )


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def sync_folder(folder: Path) -> None:
    """Make a new or renamed entry of a folder survive a power cut, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
