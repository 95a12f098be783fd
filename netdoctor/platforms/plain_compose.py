"""Docker Compose by hand: the file is the user's own."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, PROJECT, Permanence, compose_text


class PlainCompose:
    title = "Docker Compose"
    rank = 90
    api = None

    def recognises(self, container: Container, topology: Topology) -> bool:
        return bool(container.labels.get(PROJECT) and container.service)

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        return Permanence(self.title, patchable=True, text=compose_text(container, membership))


PLATFORM = PLATFORMS.add("compose", PlainCompose(), home=__name__)
