"""Listing a live index so that it can be killed at any moment: the next start goes on at the last place that is safe.

While it is made, the list LIST grows as ``LIST.new``; beside it ``LIST.state`` says how many bytes of it are safe and
where the index goes on behind them. What was written after that is cut off and asked for again, so every id is there
once. The state stays until the plan that is made from the list is safe (:func:`planlog.forget`), so that a start that
is killed between the two does not list again either.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from netdoctor.errors import MigrationFailed
from netdoctor.migration.listing import Listing, entry, line_of
from netdoctor.migration.safekeeping import growing, keep
from netdoctor.migration.sources.interface import Cursor, Listable, LiveSource

STATE = "netdoctor.listing-state/1"
EVERY = 1.0
"""Seconds after which what is listed is made safe; longer where that is slow."""
_SLOW = 20
_CHUNK = 1 << 20


def state_of(path: Path) -> Path:
    """Of the list ``path``."""
    return path.with_name(f"{path.name}.state")


def list_ids(
    source: LiveSource,
    path: Path,
    tell: Callable[[int], None] = lambda _count: None,
    *,
    every: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Listing:
    """All ids of ``source`` in ``path``; the same call goes on. ``tell(ids)`` now and then.

    Raises what the source raises, and MigrationFailed; what is listed is kept.
    """
    if not isinstance(source, Listable):
        return Listing.write(path, _told(source.ids(), tell))
    log = _ListLog(source, path, EVERY if every is None else every, clock)
    try:
        with log.opened():
            log.run(tell)
    except OSError as error:
        raise MigrationFailed(
            f"The list of ids cannot be kept in {path}: {error.strerror or error}.",
            hint="what is listed is kept; repeat the same command when it can: it resumes",
        ) from error
    return Listing.read(path)


def forget_list(path: Path) -> None:
    """Whoever lists into ``path`` next begins anew. The list stays, and so does what somebody lists right now."""
    with contextlib.suppress(OSError):
        state_of(path).unlink()


def _growing(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


@dataclass(slots=True)
class _State:
    """``size`` bytes with ``count`` ids and the CRC-32 ``crc`` are safe, and ``after`` goes on behind them.

    ``begun``: size, count and crc where the namespace that is listed begins.
    """

    about: list[str]
    size: int = 0
    count: int = 0
    crc: int = 0
    after: Cursor = None
    namespace: str | None = None
    begun: list[int] = field(default_factory=lambda: [0, 0, 0])
    complete: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"schema": STATE, **{name: getattr(self, name) for name in self.__slots__}}


class _ListLog:
    def __init__(self, source: Listable, path: Path, every: float, clock: Callable[[], float]) -> None:
        self._source = source
        self._path = path
        self._new = _growing(path)
        self._kept = state_of(path)
        self._every = every
        self._clock = clock
        self._about = [type(source).__name__, source.stamp()]
        self._state = _State(self._about)
        self._taking = False
        self._out: BinaryIO | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """One process at a time has it."""
        try:
            self._out = growing(self._new, 0o600)
        except BlockingIOError as error:
            raise MigrationFailed(
                f"Another run is listing the ids into {self._path} right now.",
                hint="wait until it ends, or name another ledger or plan file",
            ) from error
        with self._out:
            yield

    def run(self, tell: Callable[[int], None]) -> None:
        assert self._out is not None
        known = self._known()
        if known is not None and known.complete and not os.fstat(self._out.fileno()).st_size:
            self._new.unlink()
            self._source.remember(_entries(self._path))
            return
        if known is not None:
            self._state = known
            self._source.remember(_entries(self._new, known.size))
        else:
            self._kept.unlink(missing_ok=True)
        self._cut()
        if not self._state.complete:
            self._list(tell)
        self._new.replace(self._path)

    def _known(self) -> _State | None:
        """What an earlier start has left, if it is all there, and of this index."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            told = json.loads(self._kept.read_text("ascii"))
            if told.pop("schema") != STATE:
                return None
            state = _State(**told)
            whole = state.complete and not self._new.stat().st_size
            if state.about == self._about and _crc(self._path if whole else self._new, state.size) == state.crc:
                return state
        return None

    def _list(self, tell: Callable[[int], None]) -> None:
        due, groups = self._clock() + self._every, self._source.groups(self._state.after)
        try:
            with contextlib.closing(groups):  # type: ignore[type-var]
                for group in groups:
                    self._taking = True
                    if group.namespace != self._state.namespace:
                        self._state.namespace = group.namespace
                        self._state.begun = [self._state.size, self._state.count, self._state.crc]
                    if group.again:
                        self._state.size, self._state.count, self._state.crc = self._state.begun
                        self._cut()
                    self._append([(group.namespace, each) for each in group.ids])
                    self._state.after = group.after
                    self._taking = False
                    tell(self._state.count)
                    if (began := self._clock()) >= due or group.again:
                        self._save()
                        now = self._clock()
                        due = now + max(self._every, _SLOW * (now - began))
        except BaseException:
            self._leave()
            raise
        self._state.complete = True
        self._save()

    def _append(self, pairs: list[tuple[str, str]]) -> None:
        assert self._out is not None
        data = b"".join(map(line_of, pairs))
        self._out.write(data)
        self._state.size += len(data)
        self._state.count += len(pairs)
        self._state.crc = zlib.crc32(data, self._state.crc)

    def _cut(self) -> None:
        assert self._out is not None
        self._out.flush()
        self._out.truncate(self._state.size)
        self._out.seek(self._state.size)

    def _leave(self) -> None:
        """Also when it was broken off: what came in since the last time need not be asked for again."""
        if self._state.after is None:
            self._new.unlink(missing_ok=True)
        elif not self._taking:  # else the state is between two groups, and the last one that was kept counts
            with contextlib.suppress(OSError):
                self._save()

    def _save(self) -> None:
        """First the ids, then the word that they are safe."""
        assert self._out is not None
        self._out.flush()
        os.fsync(self._out.fileno())
        keep(self._kept, self._state.to_json())


def _crc(path: Path, size: int) -> int | None:
    """Of the first ``size`` bytes; None: there are fewer."""
    crc = 0
    with path.open("rb") as file:
        while size and (data := file.read(min(size, _CHUNK))):
            crc = zlib.crc32(data, crc)
            size -= len(data)
    return None if size else crc


def _entries(path: Path, size: int | None = None) -> Iterator[tuple[str, str]]:
    """Of its first ``size`` bytes."""
    with path.open("rb") as file:
        for line in file:
            if size is not None:
                size -= len(line)
                if size < 0:
                    return
            yield entry(line)


def _told(ids: Iterator[tuple[str, str]], tell: Callable[[int], None]) -> Iterator[tuple[str, str]]:
    for count, pair in enumerate(ids, 1):
        yield pair
        if not count & 0x3FF:
            tell(count)
