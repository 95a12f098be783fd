"""How one thing names another, across sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """``Ref("container", id, ("environment", "QDRANT_URL"))``: a thing, or a place inside it.

    Kinds: container, network, host (the machine itself), external (a host outside Docker), service, file.
    """

    kind: str
    id: str
    path: tuple[str, ...] = ()

    def at(self, *path: str) -> Ref:
        """The same thing, a place inside it."""
        return Ref(self.kind, self.id, path)

    @property
    def whole(self) -> Ref:
        return Ref(self.kind, self.id)


HOST = Ref("host", "host")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int = 1
