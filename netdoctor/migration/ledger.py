"""The durable record of a migration: what it is, what it meant to do, what is done.

SQLite in WAL mode, locked by the one process that uses it. Batches are numbered by how the export is cut, which the
ledger fixes; ``done`` holds only the numbers above the point up to which everything is done, so it stays small.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.redact import redact_text

FORMAT = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collection (name TEXT PRIMARY KEY, origin TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS done (batch INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS deferred (collection TEXT PRIMARY KEY, threshold INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS looked (
    batch INTEGER PRIMARY KEY, collection TEXT NOT NULL, present BLOB NOT NULL, skipped BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sums (collection TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sample (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trouble (record INTEGER PRIMARY KEY, kind TEXT NOT NULL, reason TEXT NOT NULL);
"""
INTENDED, CREATED, FOUND = "intended", "created", "found"
REFUSED, LATE = "refused", "late"
"""Why a record is not on the target: the server said no to it, or the source no longer is as the plan knows it."""


class LedgerBusy(MigrationFailed):
    """Another process is using it."""


class LedgerFailed(MigrationFailed):
    """Its disk is full, or broken."""


class LedgerMismatch(UsageError):
    """It belongs to another export, target or mapping."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The ids of a batch that were in the collection before the run; ``skipped`` of them have other content."""

    present: frozenset[str]
    skipped: frozenset[str]


class Ledger:
    """Open it with :func:`open_ledger`. Thread-safe."""

    def __init__(self, path: Path, connection: sqlite3.Connection, touched: float = 0.0) -> None:
        self.path = path
        self._touched = touched
        self._db = connection
        self._lock = threading.Lock()
        self._upto = int(self.fact("upto") or 0)
        self._above = {row[0] for row in self._db.execute("SELECT batch FROM done")}

    def fact(self, name: str) -> str | None:
        with self._lock:
            row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        """Durable when it returns, even through a power cut."""
        self._durably("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def remember(self, facts: Mapping[str, str | None]) -> None:
        """Facts that later commands start from; those without a value are forgotten. Not worth a disk's flush."""
        with self._change():
            for name, value in facts.items():
                if value is None:
                    self._db.execute("DELETE FROM fact WHERE name = ?", (name,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def bind(self, binding: dict[str, Any]) -> bool:
        """True: these facts were bound by an earlier run, which this one resumes. Raises LedgerMismatch."""
        told = self.fact("binding")
        if told is None:
            self.set_fact("binding", json.dumps(binding, sort_keys=True))
            return False
        earlier = json.loads(told)
        for key in sorted(binding.keys() | earlier.keys()):
            if earlier.get(key) != binding.get(key):
                raise LedgerMismatch(
                    f"The ledger {self.path} belongs to another run: its {key.replace('_', ' ')} was "
                    f"{earlier.get(key)!r}, now it is {binding.get(key)!r}.",
                    hint="repeat the first command to resume it, give this one a ledger of its own with --ledger, or "
                    "add --restart to start over (then the earlier run can no longer be rolled back)",
                )
        return True

    def origin(self, collection: str) -> str | None:
        """``intended``, ``created``, ``found``, or None when the run has not met it."""
        with self._lock:
            row = self._db.execute("SELECT origin FROM collection WHERE name = ?", (collection,)).fetchone()
        return None if row is None else str(row[0])

    def set_origin(self, collection: str, origin: str) -> None:
        self._durably("INSERT OR REPLACE INTO collection VALUES (?, ?)", (collection, origin))

    def origins(self) -> dict[str, str]:
        with self._lock:
            return dict(self._db.execute("SELECT name, origin FROM collection").fetchall())

    def deferred(self) -> dict[str, int]:
        """The collections whose indexing is put off, and the thresholds (kilobytes) to put back."""
        with self._lock:
            return dict(self._db.execute("SELECT collection, threshold FROM deferred").fetchall())

    def set_deferred(self, collection: str, threshold: int) -> None:
        self._durably("INSERT OR REPLACE INTO deferred VALUES (?, ?)", (collection, threshold))

    def forget_deferred(self, collection: str) -> None:
        self._durably("DELETE FROM deferred WHERE collection = ?", (collection,))

    def looked(self, batch: int) -> Looked | None:
        """What was found when the batch was first looked up; None when that has not happened yet."""
        with self._lock:
            row = self._db.execute("SELECT present, skipped FROM looked WHERE batch = ?", (batch,)).fetchone()
        return None if row is None else Looked(_ids(row[0]), _ids(row[1]))

    def set_looked(self, batch: int, collection: str, looked: Looked) -> None:
        """Before the batch is sent: afterwards its own points would be taken for somebody else's."""
        self._durably(
            "INSERT OR REPLACE INTO looked VALUES (?, ?, ?, ?)",
            (batch, collection, _packed(looked.present), _packed(looked.skipped)),
        )

    def all_skipped(self) -> frozenset[tuple[str, str]]:
        """(collection, id) of every one."""
        with self._lock:
            rows = self._db.execute("SELECT collection, skipped FROM looked WHERE length(skipped) > 0").fetchall()
        return frozenset((name, identity) for name, skipped in rows for identity in _ids(skipped))

    def set_trouble(self, record: int, kind: str, reason: str) -> None:
        """A record that is left out; durable before the batch that it is missing from is done."""
        self._durably("INSERT OR REPLACE INTO trouble VALUES (?, ?, ?)", (record, kind, redact_text(reason)))

    def troubles(self, kind: str) -> dict[int, str]:
        """The records left out for that reason, with the words."""
        with self._lock:
            rows = self._db.execute("SELECT record, reason FROM trouble WHERE kind = ? ORDER BY record", (kind,))
            return dict(rows.fetchall())

    def touched(self) -> float:
        """When the run before this one last wrote to it: seconds since 1970; 0 when there was none."""
        return self._touched

    @property
    def begun(self) -> bool:
        """Whether any batch is done."""
        return self._upto > 0 or bool(self._above)

    def is_done(self, batch: int) -> bool:
        with self._lock:
            return batch < self._upto or batch in self._above

    def mark_done(self, batch: int) -> None:
        """The target has acknowledged the batch."""
        with self._lock:
            self._above.add(batch)
            upto = self._upto
            while upto in self._above:
                upto += 1
            self._above = {number for number in self._above if number >= upto} if upto != self._upto else self._above
            with self._told(), self._db:
                if upto == self._upto:
                    self._db.execute("INSERT OR IGNORE INTO done VALUES (?)", (batch,))
                else:
                    self._db.execute("DELETE FROM done WHERE batch < ?", (upto,))
                    self._db.execute("INSERT OR REPLACE INTO fact VALUES ('upto', ?)", (str(upto),))
            self._upto = upto

    @property
    def complete(self) -> bool:
        """Every batch of the plan is done, and its digests are here."""
        return self.fact("complete") == "yes"

    def checkpoint(
        self,
        upto: int,
        sums: Mapping[str, bytes],
        samples: Mapping[int, bytes],
        *,
        place: str | None = None,
        complete: bool = False,
    ) -> None:
        """The digests of all batches below ``upto``, with the collections that changed since the last one.

        ``place``: where reading goes on (``batches.Place``), at batch ``upto`` or before.
        """
        with self._change():
            self._db.executemany("INSERT OR REPLACE INTO sums VALUES (?, ?)", sums.items())
            self._db.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?)", samples.items())
            self._db.execute("INSERT OR REPLACE INTO fact VALUES ('summed', ?)", (str(upto),))
            if place is not None:
                self._db.execute("INSERT OR REPLACE INTO fact VALUES ('place', ?)", (place,))
            if complete:
                self._db.execute("INSERT OR REPLACE INTO fact VALUES ('complete', 'yes')")

    def sums(self) -> dict[str, bytes]:
        with self._lock:
            return dict(self._db.execute("SELECT collection, data FROM sums").fetchall())

    def samples(self) -> dict[int, bytes]:
        with self._lock:
            return dict(self._db.execute("SELECT number, data FROM sample").fetchall())

    def forget_sums(self) -> None:
        """They were made in another way, or are of another run."""
        with self._change():
            self._db.execute("DELETE FROM sums")
            self._db.execute("DELETE FROM sample")
            self._db.execute("DELETE FROM fact WHERE name IN ('summed', 'place', 'complete')")

    def start_over(self) -> None:
        """Forget everything but which collections of which target we created."""
        with self._change():
            for table in ("done", "sums", "sample", "looked", "trouble"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  # the names are ours
            binding = self._db.execute("SELECT value FROM fact WHERE name = 'binding'").fetchone()
            self._db.execute("DELETE FROM fact WHERE name NOT IN ('format', 'run', 'writing', 'quiet at')")
            if binding is not None:
                earlier = (json.loads(binding[0]).get("target", ""),)
                self._db.execute("INSERT INTO fact VALUES ('former target', ?)", earlier)
            self._upto, self._above = 0, set()

    def forget_collections(self) -> None:
        with self._change():
            self._db.execute("DELETE FROM collection")
            self._db.execute("DELETE FROM deferred")  # of another server

    def close(self) -> None:
        """Never raises. A ledger that nothing was ever bound to is removed: that run did not begin."""
        with contextlib.suppress(sqlite3.Error, OSError):
            unused = self.fact("binding") is None and self.fact("former target") is None
            if unused:
                self._db.execute("PRAGMA journal_mode=DELETE")  # takes the -wal file away while the lock is ours
                self.path.unlink(missing_ok=True)
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _durably(self, statement: str, values: tuple[str | int | bytes, ...]) -> None:
        with self._lock, self._told():
            self._db.execute("PRAGMA synchronous=FULL")
            try:
                with self._db:
                    self._db.execute(statement, values)
            finally:
                self._db.execute("PRAGMA synchronous=NORMAL")

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """All of it or nothing."""
        with self._lock, self._told(), self._db:
            yield

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What the disk refuses, in a sentence: what is done and not written down is done once more."""
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerFailed(
                f"The ledger {self.path} cannot be written any more: {error}. What is on the target stays there.",
                hint="make room, or mend what is wrong with the disk, and repeat the same command, which goes on",
            ) from error


def _packed(ids: frozenset[str]) -> bytes:
    return b"".join(bytes.fromhex(identity.replace("-", "")) for identity in sorted(ids))


def _ids(data: bytes) -> frozenset[str]:
    return frozenset(str(UUID(bytes=data[at : at + 16])) for at in range(0, len(data), 16))


def _touched(path: Path) -> float:
    """Before it is opened: opening may write."""
    times = [0.0]
    for file in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(OSError):
            times.append(file.stat().st_mtime)
    return max(times)


def open_ledger(path: Path, *, restart: bool = False) -> Ledger:
    """Raises LedgerBusy when another process has it, UsageError when it cannot be used."""
    connection = None
    fresh = not os.path.lexists(path)
    if (path.exists() and not path.is_file()) or not path.parent.is_dir():
        why = "it is no plain file" if path.exists() else f"there is no folder {path.parent}"
        raise UsageError(f"The ledger {path} cannot be used: {why}.", hint="choose another with --ledger")
    touched = _touched(path)
    try:
        connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
        # Exclusive mode keeps the lock until the connection closes or the process dies.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.executescript(_SCHEMA)
        with connection:
            connection.execute("INSERT OR IGNORE INTO fact VALUES ('format', ?)", (str(FORMAT),))
        ledger = Ledger(path, connection, touched)
        told = ledger.fact("format")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if "locked" in str(error):
            raise LedgerBusy(
                f"Another migration is running with the ledger {path}.",
                hint="wait until it ends, or give this one a ledger of its own with --ledger",
            ) from error
        if fresh:  # made just now, and by nobody else: then it would be locked
            for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                with contextlib.suppress(OSError):
                    file.unlink()
        raise UsageError(f"The ledger {path} cannot be used: {error}.", hint="choose another with --ledger") from error
    if told != str(FORMAT):
        ledger.close()
        raise UsageError(
            f"The ledger {path} was written by another version of netdoctor.",
            hint="end its run with that version, or give this one a ledger of its own with --ledger",
        )
    if restart:
        ledger.start_over()
    return ledger
