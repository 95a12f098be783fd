"""How long the rest takes, from what the last half minute was like: a server slows down and recovers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 30.0
"""Seconds that count."""
_SOON = 2.0
_FEW = 3
"""Less than that is no measure: a first batch waits for connections and caches."""


class Pace:
    """Tell it what is done whenever that changes; it begins with the first that it hears."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard: deque[tuple[float, int]] = deque()

    def left(self, done: int, total: int) -> float | None:
        """Seconds until ``total`` is done; None where nothing can be said yet."""
        now = self._clock()
        heard = self._heard
        if not heard or now - heard[-1][0] >= 0.1 or len(heard) <= _FEW:
            heard.append((now, done))
        while len(heard) > 2 and now - heard[1][0] > WINDOW:
            heard.popleft()
        since, before = heard[0]
        if len(heard) <= _FEW or now - since < _SOON or done <= before:
            return None
        return (total - done) * (now - since) / (done - before)


def in_words(seconds: float) -> str:
    """``8 s``, ``3 min``, ``1.6 h``: no more exact than it can be."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
