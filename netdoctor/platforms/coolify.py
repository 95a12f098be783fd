"""Coolify: files are written anew from its database on every deploy."""

from __future__ import annotations

from netdoctor.model import Container, Membership, Topology
from netdoctor.model.joining import PLATFORM_NETWORKS
from netdoctor.platforms.interface import PLATFORMS, Permanence, compose_text


class Coolify:
    title = "Coolify"
    rank = 10

    def recognises(self, container: Container, topology: Topology) -> bool:
        return container.labels.get("coolify.managed", "").lower() == "true"

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        return Permanence(
            self.title,
            why="Coolify writes this container's compose file anew from its database on every deploy.",
            text=_text(container, membership),
        )


def _text(container: Container, membership: Membership) -> str:
    kind = container.labels.get("coolify.type", "service")
    uuid = container.project or container.labels.get("coolify.name", "")
    shown = container.labels.get("coolify.resourceName") or container.labels.get("coolify.serviceName") or uuid
    if kind == "database" or (kind == "application" and not container.service):
        return (
            f"In Coolify, open {shown} and choose the destination with the network {membership.network} "
            "(Configuration > Servers), then redeploy."
        )
    if membership.network in PLATFORM_NETWORKS:
        page = "the Service Stack page" if kind == "service" else "Configuration > Advanced"
        resource = "services" if kind == "service" else "applications"
        host = f"{container.service}-{uuid}" if kind == "service" and container.service else ""
        name = f"\nOther stacks reach it as {host}." if host and container.name != host else ""
        return (
            f'In Coolify, open {shown}, turn on "Connect to Predefined Network" on {page}, and redeploy. Or:\n'
            f'curl -X PATCH "$COOLIFY_URL/api/v1/{resource}/{uuid}" -H "Authorization: Bearer $COOLIFY_TOKEN" \\\n'
            f"  -H 'Content-Type: application/json' -d '{{\"connect_to_docker_network\": true}}'\n"
            f'curl -X POST "$COOLIFY_URL/api/v1/deploy?uuid={uuid}" -H "Authorization: Bearer $COOLIFY_TOKEN"'
            f"{name}"
        )
    return (
        f"In Coolify, open {shown}, edit the compose file there so that it has these lines, and redeploy:\n"
        f"{compose_text(container, membership)}"
    )


PLATFORM = PLATFORMS.add("coolify", Coolify(), home=__name__)
