"""CapRover: no compose file at all; apps are Swarm services whose networks it sets on every update."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, SWARM_SERVICE, Permanence

_PREFIX = "srv-captain--"


class CapRover:
    title = "CapRover"
    rank = 20
    api = None

    def recognises(self, container: Container, topology: Topology) -> bool:
        service = container.labels.get(SWARM_SERVICE, "")
        return container.labels.get("com.caprover.managed", "").lower() == "true" or service.startswith(_PREFIX)

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        app = (container.labels.get(SWARM_SERVICE) or container.name).removeprefix(_PREFIX)
        return Permanence(
            self.title,
            why="CapRover has no compose file, and sets the networks of its services on every update.",
            text=(
                f"In CapRover, open Apps > {app} > App Configs > Service Update Override, add these lines, and save:\n"
                "TaskTemplate:\n"
                "  Networks:\n"
                "    - Target: captain-overlay-network\n"
                f"    - Target: {membership.network}"
            ),
        )


PLATFORM = PLATFORMS.add("caprover", CapRover(), home=__name__)
