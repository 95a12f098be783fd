"""Tries again what may work the next time, with growing pauses."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from netdoctor.migration.targets.interface import TargetUnreachable, Transient

T = TypeVar("T")
_GRANTED = 5
"""Times the patience that a server may ask for in pauses, in all."""


class Stopped(Exception):
    """The run is ending: do not try again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Pauses start at ``first`` and double up to ``longest`` seconds, until ``patience`` seconds are spent.

    A pause that the server asks for is kept as it asks, up to ``asked`` seconds, and a little longer, at random. It
    costs no patience, up to five times of that in all: a server that names the time is well.
    ``clock`` and ``jitter`` are passed in; ``stop`` ends every pause.
    """

    first: float = 0.2
    longest: float = 10.0
    asked: float = 60.0
    patience: float = 60.0
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    stop: threading.Event = field(default_factory=threading.Event)
    tell: Callable[[str, float], None] = lambda _reason, _seconds: None

    def call(self, action: Callable[[], T]) -> T:
        """Raises TargetUnreachable with the last reason, Stopped, or what ``action`` raises for good."""
        began = self.clock()
        pause, granted = self.first, 0.0
        while True:
            if self.stop.is_set():
                raise Stopped
            try:
                return action()
            except Transient as failure:
                left = self.patience - (self.clock() - began)
                if left <= 0:
                    raise TargetUnreachable(
                        f"Qdrant did not take the request within {self.patience:g} s: {failure.reason.rstrip('.')}.",
                        hint="when it is well again, repeat the same command: it resumes",
                    ) from failure
                # Part of the pause is random, so that many writers do not come back at once.
                if failure.after is None:
                    wanted = min(pause * (0.5 + self.jitter() / 2), self.longest)
                else:
                    wanted = min(failure.after, self.asked) * (1 + self.jitter() / 10)
                if failure.after is not None and granted + wanted <= _GRANTED * self.patience:
                    granted += wanted
                    began += wanted
                    left = max(left, wanted)
                seconds = min(wanted, left)
                self.tell(failure.reason, seconds)
                if self.stop.wait(seconds):
                    raise Stopped from failure
                pause = min(pause * 2, self.longest)
