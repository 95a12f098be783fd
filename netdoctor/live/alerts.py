"""What is said to the outside: one alert as data, and the outbox that merges, limits and summarises them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netdoctor.redact import redact_text
from netdoctor.terminal import plain
from netdoctor.version import __version__

SCHEMA = "netdoctor.alert/1"
GATHER = 1.0
"""Seconds in which what happens together is put together."""
BURST = 4
"""Messages that may go out one after another."""
REFILL = 30.0
"""Seconds until one more may."""
PENDING = 1000
"""Alerts that wait at most, each about another thing; what is beyond is counted."""
LISTED = 20
"""Alerts that a summary tells in full."""


@dataclass(frozen=True, slots=True)
class Alert:
    """``event``: failure, recovery, slow, fast, healed, heal_failed, engine_lost, engine_back, summary.

    ``about`` is what it is about: a newer alert about the same thing replaces one that has not been sent yet.
    """

    event: str
    about: str
    text: str
    """One sentence for a person."""
    at: str
    """ISO 8601, UTC."""
    details: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON values: no secrets, no control characters."""
        said = {"schema": SCHEMA, "netdoctor": __version__, "event": self.event, "at": self.at, "text": self.text}
        found: dict[str, Any] = _clean({**said, **self.details})
        return found


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return plain(redact_text(value)) if isinstance(value, str) else value


class Outbox:
    """Alerts on their way out. Not thread-safe; whoever shares it locks it."""

    def __init__(self, *, gather: float = GATHER, burst: int = BURST, refill: float = REFILL) -> None:
        self._gather, self._burst, self._refill = gather, burst, refill
        self._waiting: dict[str, Alert] = {}
        self._first: float | None = None
        self._tokens = float(burst)
        self._filled: float | None = None
        self._beyond = 0
        self.merged = 0
        """Alerts that went out inside another one, or were overtaken by a newer one about the same thing."""

    def put(self, alert: Alert, now: float) -> None:
        if alert.about in self._waiting:
            # In its new place: the newest news comes last.
            del self._waiting[alert.about]
            self.merged += 1
        elif len(self._waiting) >= PENDING:
            self._beyond += 1
            self.merged += 1
            return
        self._waiting[alert.about] = alert
        self._first = now if self._first is None else self._first

    def due(self, now: float) -> float | None:
        """Seconds until something may be sent; None when nothing waits."""
        if self._first is None:
            return None
        self._fill(now)
        for_token = 0.0 if self._tokens >= 1 else (1 - self._tokens) * self._refill
        return max(0.0, self._first + self._gather - now, for_token)

    def take(self, now: float, *, hurry: bool = False) -> Alert | None:
        """What is to be sent now: the one that waits, or one that sums up all that wait. ``hurry``: at once."""
        due = self.due(now)
        if due is None or (due > 0 and not hurry):
            return None
        self._tokens = max(0.0, self._tokens - 1)
        waiting, beyond = list(self._waiting.values()), self._beyond
        self._waiting, self._first, self._beyond = {}, None, 0
        if len(waiting) == 1 and not beyond:
            return waiting[0]
        self.merged += len(waiting) - 1
        return summary(waiting, beyond)

    def _fill(self, now: float) -> None:
        if self._filled is not None:
            self._tokens = min(float(self._burst), self._tokens + (now - self._filled) / self._refill)
        self._filled = now


def summary(alerts: Sequence[Alert], beyond: int = 0) -> Alert:
    """One alert for many: how many of each kind, then each, the worst kinds first."""
    ranked = sorted(alerts, key=lambda alert: _RANK.get(alert.event, len(_RANK)))
    counts: dict[str, int] = {}
    for alert in ranked:
        counts[alert.event] = counts.get(alert.event, 0) + 1
    told = ", ".join(f"{count} x {event.replace('_', ' ')}" for event, count in counts.items())
    more = len(ranked) - LISTED + beyond if len(ranked) > LISTED or beyond else 0
    lines = [alert.text for alert in ranked[:LISTED]] + ([f"and {more} more"] if more else [])
    details = {
        "counts": counts,
        "alerts": [{"event": each.event, "at": each.at, "text": each.text, **each.details} for each in ranked[:LISTED]],
        "more": more,
    }
    return Alert("summary", "summary", f"netdoctor: {told}. {'; '.join(lines)}", alerts[-1].at, details)


_RANK = {
    event: rank
    for rank, event in enumerate(
        ("engine_lost", "heal_failed", "failure", "slow", "recovery", "fast", "engine_back", "healed")
    )
}
