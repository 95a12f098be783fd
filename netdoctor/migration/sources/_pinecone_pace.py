"""How fast one index is asked: one pace for all threads, because its limits count requests of all of them."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from netdoctor.migration.retry import Stopped
from netdoctor.migration.sources._pinecone_refusals import PineconeFailed, RateLimited
from netdoctor.migration.targets.interface import Transient
from netdoctor.migration.window import Window

T = TypeVar("T")

FIRST, LONGEST = 0.25, 30.0
"""Seconds of the first pause and of the longest that is our own choice."""
CAP = 60.0
"""Seconds that a Retry-After can make us wait, however much it asks for."""
HINT = "what is done is kept; repeat the same command later: it resumes"


class Pace:
    """Tries again what may work the next time. Thread-safe.

    A rate refusal makes every thread wait and halves ``window``; other faults make only their own request wait.
    ``patience``: seconds a request may go on failing. ``tell(reason, seconds)`` hears of every pause.
    """

    def __init__(
        self,
        window: Window,
        *,
        patience: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        tell: Callable[[str, float], None] = lambda _reason, _seconds: None,
    ) -> None:
        self.window = window
        self.stop = threading.Event()
        self.tell = tell
        self.patience = patience
        self.hint = HINT
        self._clock = clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._not_before = 0.0

    def call(self, action: Callable[[], T]) -> T:
        """Raises PineconeFailed with the last reason, Stopped, or what ``action`` raises for good."""
        began: float | None = None
        pause = FIRST
        while True:
            self._wait_for_all()
            try:
                found = action()
            except Transient as failure:
                now = self._clock()
                began = now if began is None else began
                left = self.patience - (now - began)
                if left <= 0:
                    raise PineconeFailed(
                        f"Pinecone did not answer within {self.patience:g} s: {failure.reason}.",
                        hint=self.hint,
                    ) from failure
                seconds = min(self._pause(pause, failure.after), left)
                if isinstance(failure, RateLimited):
                    self.window.busy()
                    self._hold(seconds)
                self.tell(failure.reason, seconds)
                self._sleep(seconds)
                pause = min(pause * 2, LONGEST)
            else:
                self.window.fine()
                return found

    @contextlib.contextmanager
    def interrupted(self) -> Iterator[None]:
        """Inside, nobody goes on trying: whoever waits raises Stopped."""
        before = self.stop.is_set()
        self.stop.set()
        try:
            yield
        finally:
            if not before:
                self.stop.clear()

    def _pause(self, ours: float, theirs: float | None) -> float:
        # Random in part, so that many threads do not come back at once; never sooner than they were asked to.
        if theirs is None:
            return ours * (0.5 + self._jitter() / 2)
        return min(theirs, CAP) + FIRST * self._jitter()

    def _hold(self, seconds: float) -> None:
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def _wait_for_all(self) -> None:
        while True:
            if self.stop.is_set():
                raise Stopped
            with self._lock:
                left = self._not_before - self._clock()
            if left <= 0:
                return
            self._sleep(left)

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped
