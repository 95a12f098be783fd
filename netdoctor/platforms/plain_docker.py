"""``docker run``: there is no file; the command that made the container has to say it."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import PLATFORMS, Permanence


class PlainDocker:
    title = "docker run"
    rank = 100
    api = None

    def recognises(self, container: Container, topology: Topology) -> bool:
        return True

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        aliases = "".join(f" --alias {alias}" for alias in membership.aliases if alias != container.name)
        return Permanence(
            self.title,
            why=f"{container.name} was made without a compose file; a connection lasts as long as the container.",
            text=(
                f"After each `docker run` or `docker create` of {container.name}, add:\n"
                f"docker network connect{aliases} {membership.network} {container.name}"
            ),
        )


PLATFORM = PLATFORMS.add("docker", PlainDocker(), home=__name__)
