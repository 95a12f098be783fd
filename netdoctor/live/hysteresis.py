"""When a row of answers becomes an alert: N bad ones in a row begin one, M good ones in a row end it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from netdoctor.model import Verdict


class Turn(Enum):
    """What has become of a connection."""

    FAILURE = "failure"
    RECOVERY = "recovery"
    SLOW = "slow"
    FAST = "fast"


@dataclass(frozen=True, slots=True)
class Limits:
    failures: int = 3
    successes: int = 2
    max_latency: float | None = None
    """Seconds; None: latency is measured and never alerted."""
    retry: float = 2.0
    """Seconds between two answers that count, while it is not decided yet."""
    every: float = 60.0
    """Seconds between two answers of what is decided."""


@dataclass(slots=True)
class Row:
    """The answers about one connection so far, as counts. Unknown is never healthy: it counts as bad."""

    bad: int = 0
    good: int = 0
    slow: int = 0
    fast: int = 0
    failing: bool = False
    """An alert has begun and not ended."""
    crawling: bool = False
    """The same for latency."""
    since: float | None = None
    """When the first bad answer of this row came; kept until it has recovered."""
    counted: float | None = None
    """When an answer counted last: a burst of events is one answer."""

    def answer(self, verdict: Verdict, latency: float | None, now: float, limits: Limits) -> list[Turn]:
        """Count one answer; what it turns. ``latency`` in seconds, None where it is not known."""
        good = verdict is Verdict.HOLDS
        turned_now = (self.bad > 0) == good if (self.bad or self.good) else True
        if not turned_now and self.counted is not None and now - self.counted < limits.retry * 0.9:
            return []
        self.counted = now
        turns: list[Turn] = []
        if good:
            self.good, self.bad = self.good + 1, 0
            if self.failing and self.good >= limits.successes:
                self.failing = False
                turns.append(Turn.RECOVERY)
            if not self.failing and not turns:
                self.since = None
            turns += self._speed(latency, limits)
        else:
            self.since = now if self.since is None else self.since
            self.bad, self.good = self.bad + 1, 0
            self.slow = self.fast = 0
            if not self.failing and self.bad >= limits.failures:
                self.failing = True
                turns.append(Turn.FAILURE)
        return turns

    def _speed(self, latency: float | None, limits: Limits) -> list[Turn]:
        if limits.max_latency is None or latency is None:
            return []
        if latency > limits.max_latency:
            self.slow, self.fast = self.slow + 1, 0
            if not self.crawling and self.slow >= limits.failures:
                self.crawling = True
                return [Turn.SLOW]
            return []
        self.fast, self.slow = self.fast + 1, 0
        if self.crawling and self.fast >= limits.successes:
            self.crawling = False
            return [Turn.FAST]
        return []

    def next_in(self, limits: Limits) -> float:
        """Seconds until it should be asked again, if nothing changes before."""
        undecided = (
            (self.failing and self.good > 0)
            or (not self.failing and self.bad > 0)
            or (self.crawling and self.fast > 0)
            or (not self.crawling and self.slow > 0)
        )
        if undecided:
            return limits.retry
        # The engine says nothing when a program inside a container recovers.
        return min(limits.every, limits.retry * 5) if self.failing or self.crawling else limits.every
