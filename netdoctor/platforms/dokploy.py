"""Dokploy: a compose folder is deleted and written anew on every deploy; applications are Swarm services."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, SWARM_SERVICE, Permanence, compose_text, paths_of

_FOLDER = "/etc/dokploy/"
_NETWORK = "dokploy-network"


class Dokploy:
    title = "Dokploy"
    rank = 30

    def recognises(self, container: Container, topology: Topology) -> bool:
        if any(path.startswith(_FOLDER) for path in paths_of(container)):
            return True
        on_its_network = any(endpoint.network_name == _NETWORK for endpoint in container.endpoints)
        return SWARM_SERVICE in container.labels and on_its_network

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        service = container.labels.get(SWARM_SERVICE)
        if service:
            return Permanence(
                self.title,
                why="Dokploy sets the networks of this Swarm service on every deploy.",
                text=(
                    f"In Dokploy, open {service}, Advanced > Cluster settings > Network, add "
                    f'{{"Target": "{membership.network}"}}, save and deploy.'
                ),
            )
        return Permanence(
            self.title,
            why="Dokploy deletes this compose folder and writes it anew on every deploy.",
            text=(
                f"In Dokploy, open the compose project {container.project}, edit its compose file (or its repository) "
                f"so that it has these lines, and deploy:\n{compose_text(container, membership)}"
            ),
        )


PLATFORM = PLATFORMS.add("dokploy", Dokploy(), home=__name__)
