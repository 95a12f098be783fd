"""What is wrong with the files, as one sentence that begins with the file and the line."""

from __future__ import annotations

from netdoctor.errors import UsageError
from netdoctor.model import Place
from netdoctor.terminal import plain

CHECK = "Repair it so that `docker compose config` accepts it, then try again."


class Unreadable(UsageError):
    """A compose file (or one it names) cannot be read, or Compose itself would refuse it. ``place`` is where."""

    def __init__(self, what: str, place: Place | None = None, *, hint: str = CHECK) -> None:
        super().__init__(f"{where(place)}{what}", hint=hint)
        self.place = place


def where(place: Place | None) -> str:
    """``compose.yaml:12: ``; nothing when there is no place."""
    return f"{plain(place.file)}:{place.line}: " if place is not None else ""
