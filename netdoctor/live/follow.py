"""Follows the engine's events in a thread of its own, through breaks and restarts, and calls the mailbox."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from netdoctor.engine.events import EngineEvent, Quiet
from netdoctor.errors import NetdoctorError
from netdoctor.live.mailbox import Mailbox

FIRST, LONGEST = 0.2, 10.0
"""Seconds between two attempts to open the stream: the first, and where doubling ends."""
STEADY = 5.0
"""A stream that lived this long was no attempt: the next one begins with the short pause again."""


class Stream(Protocol):
    def __iter__(self) -> Iterator[EngineEvent]: ...

    def hang_up(self) -> None: ...

    def close(self) -> None: ...


def pause(failures: int, jitter: float) -> float:
    """Seconds before the next attempt, after so many failed ones; ``jitter`` from 0 to 1 spreads them over a half."""
    return float(min(LONGEST, FIRST * 2 ** min(failures - 1, 10))) * (0.75 + jitter / 2)


class Follower:
    """Reconnects with ``since`` at the last event heard, so that what the engine still knows is replayed."""

    def __init__(
        self,
        open_stream: Callable[[int | None], Stream],
        mailbox: Mailbox,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``open_stream`` is given the time of the last event and may raise NetdoctorError."""
        self._open = open_stream
        self._mailbox = mailbox
        self._clock = clock
        self._jitter = jitter
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        with self._lock:
            if self._stream is not None:
                self._stream.hang_up()
        self._thread.join(5)

    def _run(self) -> None:
        since: int | None = None
        failures = 0
        while not self._stopped.is_set():
            began = self._clock()
            said = ""
            try:
                with self._opened(since) as stream:
                    self._mailbox.connected()
                    for event in stream:
                        since = max(since or 0, event.at) or None
                        self._mailbox.event(event)
                        if self._stopped.is_set():
                            return
                said = "the engine ended the stream of events"
            except Quiet:
                failures = 0
                continue
            except NetdoctorError as error:
                said = error.message
            if self._stopped.is_set():
                return
            failures = 1 if self._clock() - began > STEADY else failures + 1
            self._mailbox.broken(said)
            self._stopped.wait(pause(failures, self._jitter()))

    @contextmanager
    def _opened(self, since: int | None) -> Iterator[Stream]:
        """The stream, known to whoever stops us while it is read."""
        stream = self._open(since)
        try:
            with self._lock:
                self._stream = stream
                if self._stopped.is_set():
                    stream.hang_up()
            yield stream
        finally:
            with self._lock:
                self._stream = None
            stream.close()
