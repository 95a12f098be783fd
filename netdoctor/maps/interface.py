"""What is drawn, and what draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from netdoctor.registry import Registry

HOLDS, BROKEN, UNKNOWN, UNASKED = "holds", "broken", "unknown", "not asked"
"""What an arrow can say. ``not asked``: declared, and nobody has looked."""


UNSEEN = "unseen"
"""The kind of a box of which nothing is known but its name."""


@dataclass(frozen=True, slots=True)
class Net:
    """``flags``: what sets it apart, in words: internal, ICC off, the driver where it is no bridge."""

    id: str
    name: str
    flags: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Joint:
    """A container's attachment to a network."""

    net: str
    addresses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A container; or the host, something outside Docker, or a container that could not be looked at: without joints.

    ``kind``: container, host, external, unseen.
    """

    id: str
    name: str
    kind: str = "container"
    state: str = ""
    up: bool = True
    image: str = ""
    joints: tuple[Joint, ...] = ()
    note: str = ""
    """Where it stands when it is on no network: host networking, none, another's namespace."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One finding, for showing: ``fix`` is a command or the text of the remedy."""

    code: str
    title: str
    sentence: str
    evidence: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """``source`` and ``target`` are ids of boxes."""

    source: str
    target: str
    label: str
    """``app -> qdrant:6333``"""
    says: str
    detail: str = ""
    causes: tuple[Cause, ...] = ()

    @property
    def unknown(self) -> str:
        """Why nobody could say whether it holds; "" where it is known."""
        return self.detail if self.says == UNKNOWN else ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn, in a fixed order. Texts are redacted and free of control characters."""

    title: str
    nets: tuple[Net, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def on(self, net: Net) -> tuple[tuple[Box, Joint], ...]:
        """Who is on that network, and how."""
        return tuple((box, joint) for box in self.boxes for joint in box.joints if joint.net == net.id)

    def box(self, id_: str) -> Box | None:
        return next((box for box in self.boxes if box.id == id_), None)


class Drawing(Protocol):
    def draw(self, picture: Picture, *, color: bool, width: int) -> str:
        """The whole document, with its final newline. ``color`` and ``width`` (columns) are a terminal's."""


MAPS: Registry[Drawing] = Registry("netdoctor.maps")
