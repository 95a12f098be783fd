"""Between the thread that hears the engine and the one that looks: how often it called, never what it said.

A look reads the whole truth, so nothing has to be kept: a hundred thousand events are one reason to look.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from netdoctor.engine.events import EngineEvent


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the last time somebody asked."""

    events: int = 0
    """That matter."""
    ignored: int = 0
    """Of our own helpers and execs, and what changes no connection."""
    connected: bool = False
    """The stream was (re)opened: what was missed before is not known, everything is compared."""
    breaks: int = 0
    lost: str = ""
    """Why the engine cannot be heard now; empty while it can."""

    @property
    def any(self) -> bool:
        """Whether there is a reason to look."""
        return bool(self.events or self.connected or self.breaks)


class Mailbox:
    """Thread-safe, of constant size."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._news = News()

    def event(self, event: EngineEvent) -> None:
        with self._changed:
            if event.matters:
                self._news = replace(self._news, events=self._news.events + 1)
                self._changed.notify()
            else:
                self._news = replace(self._news, ignored=self._news.ignored + 1)

    def connected(self) -> None:
        with self._changed:
            self._news = replace(self._news, connected=True, lost="")
            self._changed.notify()

    def broken(self, reason: str) -> None:
        """The stream broke, or could not be opened."""
        with self._changed:
            self._news = replace(self._news, breaks=self._news.breaks + 1, lost=reason)
            self._changed.notify()

    def wait(self, seconds: float) -> bool:
        """Until there is a reason to look, at most that long; whether there is one."""
        with self._changed:
            return self._changed.wait_for(lambda: self._news.any, max(0.0, seconds))

    def take(self) -> News:
        """What happened since the last call."""
        with self._changed:
            taken, self._news = self._news, News(lost=self._news.lost)
            return taken
