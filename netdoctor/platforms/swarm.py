"""Docker Swarm: a task's networks come from its service, and its service's from the stack file."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import (
    PLATFORMS,
    STACK,
    SWARM_SERVICE,
    SWARM_SERVICE_ID,
    Permanence,
    compose_text,
)


class Swarm:
    title = "Docker Swarm"
    rank = 80
    api = None

    def recognises(self, container: Container, topology: Topology) -> bool:
        return SWARM_SERVICE_ID in container.labels or SWARM_SERVICE in container.labels

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        service = container.labels.get(SWARM_SERVICE) or container.labels.get(SWARM_SERVICE_ID, container.name)
        text = f"docker service update --network-add {membership.network} {service}"
        stack = container.labels.get(STACK)
        if stack:
            text += f"\nAnd in the file of the stack {stack}, so that the next deploy keeps it:\n"
            text += compose_text(container, membership)
        return Permanence(
            self.title,
            why="Swarm makes tasks anew from their service; this command restarts its tasks.",
            text=text,
        )


PLATFORM = PLATFORMS.add("swarm", Swarm(), home=__name__)
