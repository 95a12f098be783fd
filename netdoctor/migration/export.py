"""A live index (or any source) into one file, to be stopped and resumed at any moment.

Beside FILE grow ``FILE.partial`` and its state, ``FILE.partial.state``: so many bytes and records are safe, and where
the source goes on. What was written after the last state is cut off and read again, so nothing is lost and nothing is
there twice. FILE itself appears whole, at the end, and then both others are gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.migration.export_files import Sink, sink_for
from netdoctor.migration.export_steps import Step, Steps, steps_of
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.safekeeping import growing, keep
from netdoctor.migration.sources._pinecone_listing import Unordered
from netdoctor.migration.sources._pinecone_records import GONE
from netdoctor.migration.sources.interface import LiveSource, Source
from netdoctor.migration.sources.pinecone import PineconeSource

STATE = "netdoctor.export-state/1"
_EVERY, _EVERY_BYTES = 1.0, 64 << 20
"""Seconds, and bytes, after which what is written is made safe and the state says so."""
_MOST_BAD = 20
_GONE = (GONE, " is gone")
"""How the live sources tell that a record was listed and then not there."""
_MOST_REWINDS = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in the file. ``counted``: records by namespace as the index counts (or lists) them; None: it is a file.

    ``gone`` were listed and then not there; ``bad`` are the first that are no records (``bad_count`` in all).
    """

    source: str
    file: Path
    form: str
    records: int
    size: int
    namespaces: dict[str, int]
    counted: dict[str, int] | None
    gone: int
    bad: tuple[BadRecord, ...]
    bad_count: int
    resumed: bool
    seconds: float
    read_units: int | None
    notes: tuple[str, ...]

    @property
    def different(self) -> dict[str, tuple[int, int]]:
        """(Exported, counted) of the namespaces where they are not equal, and deletions do not explain it."""
        if self.counted is None:
            return {}
        names = sorted(set(self.namespaces) | set(self.counted))
        pairs = {name: (self.namespaces.get(name, 0), self.counted.get(name, 0)) for name in names}
        odd = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        # Counts lag behind deletions: what was gone when it was fetched may still be counted.
        over = sum(counted - exported for exported, counted in odd.values())
        lagging = all(counted > exported for exported, counted in odd.values()) and over <= self.gone
        return {} if lagging else odd

    @property
    def good(self) -> bool:
        return not self.bad_count and not self.different


@dataclass(slots=True)
class _State:
    source: str
    form: str
    size: int = 0
    records: int = 0
    gone: int = 0
    bad_count: int = 0
    bad: list[BadRecord] = field(default_factory=list)
    namespaces: Counter[str] = field(default_factory=Counter)
    after: Any = None
    read: bool = False
    """All is read; only the finish is missing."""
    namespace: str | None = None
    begun: dict[str, Any] = field(default_factory=dict)
    """What this state was when the current namespace began, but for its own counts."""

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        bad = [[each.number, each.offset, each.reason] for each in self.bad]
        return {"schema": STATE, **told, "bad": bad, "namespaces": dict(self.namespaces)}

    @classmethod
    def from_json(cls, told: Any) -> _State:
        if not isinstance(told, dict) or told.pop("schema") != STATE:
            raise ValueError("another version's state")
        if not all(isinstance(told[name], int) for name in ("size", "records", "gone", "bad_count")):
            raise ValueError("no numbers")
        told["bad"] = [BadRecord(*each) for each in told["bad"]]
        told["namespaces"] = Counter(told["namespaces"])
        return cls(**told)


Tell = Callable[[int, int, str], None]


def export(
    source: Source,
    file: Path,
    *,
    restart: bool = False,
    replace: bool = False,
    tell: Tell = lambda _records, _total, _namespace: None,
    clock: Callable[[], float] = time.monotonic,
) -> Exported:
    """Everything of ``source`` into ``file``; the same call resumes. ``tell(records, total, namespace)`` now and then.

    ``restart`` forgets what an earlier call has done; ``replace`` an older file of that name.
    Raises UsageError and MigrationFailed; what is done is kept.
    """
    file = place_of(file)
    sink = sink_for(file)
    began = clock()
    work = _Work(source, file, sink, clock)
    total = sum(source.counts.values()) if isinstance(source, PineconeSource) else 0
    try:
        with work.opened(restart=restart, replace=replace):
            work.read(lambda state, name: tell(state.records, total, name))
            state = work.state
            counted = work.steps.counted()
            size = work.finish()
    except OSError as error:
        raise MigrationFailed(
            f"The export {file.name} cannot be written: {error.strerror or error}.",
            hint="what is done is kept; repeat the same command when there is room: it resumes",
        ) from error
    return Exported(
        source=source.label,
        file=file,
        form=sink.name,
        records=state.records,
        size=size,
        namespaces=dict(state.namespaces),
        counted=counted,
        gone=state.gone,
        bad=tuple(state.bad),
        bad_count=state.bad_count,
        resumed=work.resumed,
        seconds=clock() - began,
        read_units=source.read_units if isinstance(source, PineconeSource) else None,
        notes=source.notes() if isinstance(source, LiveSource) else (),
    )


def place_of(file: Path) -> Path:
    """Where the export will lie, links followed. Raises UsageError where no file can be."""
    try:
        found = file.resolve()
        if found.exists() and not found.is_file():
            what = "a folder" if found.is_dir() else "no plain file"
            raise UsageError(f"{found} is {what}.", hint="name a file in it" if found.is_dir() else "name a file")
        if not found.parent.is_dir():
            raise UsageError(f"There is no folder {found.parent}.", hint="make it first")
    except RuntimeError as error:
        raise UsageError(f"{file} is made of links in a circle.", hint="name another file") from error
    except OSError as error:  # a name that is too long
        raise UsageError(f"The export cannot be written to {file}: {error.strerror}.", hint="name another") from error
    return found


class _Work:
    """One part file and its state, locked by one process."""

    def __init__(self, source: Source, file: Path, sink: Sink, clock: Callable[[], float]) -> None:
        self._source = source
        self._file = file
        self._sink = sink
        self._clock = clock
        self._part = file.with_name(f"{file.name}.partial")
        self._kept = file.with_name(f"{file.name}.partial.state")
        self.steps: Steps = steps_of(source, self._part)
        self.state = _State(source.stamp(), sink.name)
        self.resumed = False
        self._taking = False
        self._out: BinaryIO | None = None

    def nearly_finished(self) -> bool:
        """An earlier call had read everything of this, and was killed while or after it made the file."""
        state = self._known()
        return state is not None and state.read and state.source == self._source.stamp()

    @contextlib.contextmanager
    def opened(self, *, restart: bool, replace: bool) -> Iterator[None]:
        self._refuse_older(restart, replace)
        if not restart and self._file.exists() and not self._part.exists() and self.nearly_finished():
            self.state = self._known() or self.state
            self.resumed = True
            yield
            return
        try:
            self._out = growing(self._part)
        except BlockingIOError as error:
            raise UsageError(
                f"Another export is writing {self._file.name} right now.",
                hint="wait until it ends, or name another file",
            ) from error
        except OSError as error:
            raise UsageError(
                f"The export {self._file.name} cannot be written: {error.strerror or error}.",
                hint="name a file in a folder that can be written to",
            ) from error
        with self._out:
            # Again: whoever had the part until now may have finished the file.
            self._refuse_older(restart, replace)
            self._resume(restart)
            yield

    def _refuse_older(self, restart: bool, replace: bool) -> None:
        if self._file.exists() and not replace and (restart or not self.nearly_finished()):
            if self._out is not None and not os.fstat(self._out.fileno()).st_size:
                self._part.unlink(missing_ok=True)
            raise UsageError(
                f"{self._file.name} is there already.", hint="name another file, or add --replace to write it anew"
            )

    def _known(self) -> _State | None:
        try:
            return _State.from_json(json.loads(self._kept.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"What an earlier export left in {self._kept.name} cannot be read.",
                hint="add --restart to begin again",
            ) from error

    def _resume(self, restart: bool) -> None:
        assert self._out is not None
        known = None if restart else self._known()
        if known is not None and known.source != self._source.stamp():
            raise UsageError(
                f"The unfinished {self._part.name} is of another index: {known.source}.",
                hint="add --restart to begin again, or name another file",
            )
        if known is not None and known.size <= os.fstat(self._out.fileno()).st_size:
            self.state, self.resumed = known, True
        else:
            # A list of ids that was begun, and nothing read by it yet, is gone on with.
            if restart or known is not None:
                self.steps.forget()
            self._kept.unlink(missing_ok=True)
        self._cut(self.state.size)
        if not self.state.size:
            self._append(self._sink.begin())

    def _cut(self, size: int) -> None:
        assert self._out is not None
        self._out.flush()
        self._out.truncate(size)
        self._out.seek(size)

    def _append(self, data: bytes) -> None:
        assert self._out is not None
        self._out.write(data)
        self.state.size += len(data)

    def read(self, tell: Callable[[_State, str], None]) -> None:
        """Everything that is not there yet."""
        if self.state.read:
            return
        rewinds = 0
        while not self.state.read:
            try:
                self._read_on(tell)
                self.state.read = True
            except Unordered:
                rewinds += 1
                if rewinds > _MOST_REWINDS:
                    raise
                self._rewind()
            except BaseException:
                self._leave()
                raise
        self._save()

    def _leave(self) -> None:
        """Also when it was broken off: what came in since the last time need not be read again."""
        if self.state.after is None and not self.state.read:
            self._part.unlink(missing_ok=True)
            self._kept.unlink(missing_ok=True)
        elif not self._taking:  # else the state is between two steps, and the last one that was kept counts
            with contextlib.suppress(OSError):
                self._save()

    def _read_on(self, tell: Callable[[_State, str], None]) -> None:
        last, size = self._clock(), self.state.size
        with contextlib.closing(self.steps.run(self.state.after)) as steps:  # type: ignore[type-var]
            for step in steps:
                self._taking = True
                self._take(step)
                self._taking = False
                now = self._clock()
                if now - last >= _EVERY or self.state.size - size >= _EVERY_BYTES:
                    self._save()
                    last, size = now, self.state.size
                tell(self.state, step.namespace)

    def _take(self, step: Step) -> None:
        state = self.state
        if step.namespace != state.namespace:
            state.namespace = step.namespace
            state.begun = {name: getattr(state, name) for name in ("size", "records", "gone", "bad_count", "after")} | {
                "bad": len(state.bad)
            }
        good: list[Record] = []
        for record in step.records:
            if isinstance(record, Record):
                good.append(record)
                state.namespaces[record.namespace] += 1
            elif record.reason.endswith(_GONE):
                state.gone += 1
            else:
                state.bad_count += 1
                if len(state.bad) < _MOST_BAD:
                    state.bad.append(record)
        if good:
            self._append(self._sink.encode(good, first=not state.records))
            state.records += len(good)
        state.after = step.after

    def _rewind(self) -> None:
        """To the start of the namespace that cannot be gone on with."""
        state, begun = self.state, self.state.begun
        for name in ("size", "records", "gone", "bad_count", "after"):
            setattr(state, name, begun[name])
        del state.bad[begun["bad"] :]
        if state.namespace is not None:
            state.namespaces.pop(state.namespace, None)
        state.namespace = None
        self._cut(state.size)

    def _save(self) -> None:
        """First the records, then the word that they are safe."""
        assert self._out is not None
        self._out.flush()
        os.fsync(self._out.fileno())
        keep(self._kept, self.state.to_json())

    def finish(self) -> int:
        """The final file's size in bytes."""
        if self._part.exists():
            self._sink.finish(self._part, self._file)
        self._kept.unlink(missing_ok=True)
        self.steps.forget()
        return self._file.stat().st_size
