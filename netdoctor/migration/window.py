"""How many requests may be under way: fewer while the server is busy, more again when it is well."""

from __future__ import annotations

import threading


class Window:
    """Between 1 and ``most``. Halved at every sign of distress; one more after two quiet rounds. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._quiet = 0
        self._lock = threading.Lock()
        self.size = most

    def busy(self) -> None:
        """A request was refused for now, or not answered in time."""
        with self._lock:
            self.size = max(1, self.size // 2)
            self._quiet = 0

    def fine(self) -> None:
        """A batch went through."""
        with self._lock:
            self._quiet += 1
            if self._quiet >= 2 * self.size and self.size < self._most:
                self.size += 1
                self._quiet = 0
