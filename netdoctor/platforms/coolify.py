"""Coolify: files are written anew from its database on every deploy.

Its API (``/api/v1``): ``GET`` and ``PATCH`` of ``/services/{uuid}`` and ``/applications/{uuid}``; the compose text of a
service goes in as base64, comes out as text, and only for a token that may read what is sensitive.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from netdoctor.model import Container, Membership, Topology
from netdoctor.model.joining import PLATFORM_NETWORKS
from netdoctor.platforms.interface import PLATFORMS, Ask, Held, Permanence, compose_text, paths_of

_SWITCH = "connect_to_docker_network"
_FOLDER = "/data/coolify/"


class CoolifyApi:
    root = "/api/v1"
    token = "Keys & Tokens > API tokens, with the permissions read, read:sensitive and write"  # noqa: S105 - a place
    redraws = True
    interrupts = False

    def headers(self, token: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def serves(self, container: Container) -> bool:
        kind = _kind(container)
        return (
            not _own(container)
            and bool(_uuid(container))
            and (kind == "service" or (kind == "application" and not _single(container)))
        )

    def find(self, ask: Ask, container: Container) -> Held:
        return self.read(ask, f"{_kind(container)}s/{_uuid(container)}")

    def read(self, ask: Ask, resource: str) -> Held:
        kind, _, uuid = resource.partition("/")
        found = ask.get(f"/{kind}/{uuid}")
        if not isinstance(found, dict) or found.get("uuid") != uuid:
            raise ask.refuse(f"Coolify's answer is not about {uuid}.", "Check that it is this server's Coolify.")
        name = str(found.get("name") or uuid)
        if kind == "applications":
            # Its compose text comes from its repository on each deploy; the switch is among its settings.
            settings = found.get("settings")
            flags = _flags(settings if isinstance(settings, dict) else found)
            if not flags:
                raise ask.refuse(
                    "This Coolify does not show over its API whether an application is on the shared network.",
                    "Turn it on in Coolify itself, or update Coolify.",
                )
            return Held(resource, f"the application {name}", None, flags, _about(found))
        text = found.get("docker_compose_raw")
        if not isinstance(text, str):
            raise ask.refuse(
                "Coolify does not give the compose text to this token.",
                "Make one with the permission read:sensitive: Keys & Tokens > API tokens.",
            )
        return Held(resource, f"the service {name}", text, _flags(found), _about(found))

    def switch(self, held: Held, container: Container, membership: Membership) -> Mapping[str, bool]:
        destination = held.private.get("network")
        fits = membership.network == destination if destination else membership.network in PLATFORM_NETWORKS
        return {_SWITCH: True} if fits and _SWITCH in held.flags and not _further(container, membership) else {}

    def write(self, ask: Ask, now: Held, wanted: Held) -> None:
        body: dict[str, Any] = {}
        if wanted.text is not None and wanted.text != now.text:
            body["docker_compose_raw"] = base64.b64encode(wanted.text.encode()).decode()
        body |= {name: value for name, value in wanted.flags.items() if now.flags.get(name) != value}
        ask.send("PATCH", f"/{now.resource}", body)

    def afterwards(self, resource: str) -> str:
        uuid = resource.partition("/")[2]
        return f"It takes effect at the next deploy in Coolify (POST /api/v1/deploy?uuid={uuid})."


class Coolify:
    title = "Coolify"
    rank = 10
    api = CoolifyApi()

    def recognises(self, container: Container, topology: Topology) -> bool:
        managed = container.labels.get("coolify.managed", "").lower() == "true"
        return managed or any(path.startswith(_FOLDER) for path in paths_of(container))

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        if _own(container):
            return Permanence(
                self.title,
                why=f"Coolify writes the file of {container.name} anew itself, on every upgrade or restart of it.",
                text=_text_for_itself(container, membership),
            )
        return Permanence(
            self.title,
            why="Coolify writes this container's compose file anew from its database on every deploy.",
            text=_text(container, membership),
        )


def _text(container: Container, membership: Membership) -> str:
    kind = _kind(container)
    uuid = _uuid(container)
    shown = container.labels.get("coolify.resourceName") or container.labels.get("coolify.serviceName") or uuid
    if kind == "database" or (kind == "application" and _single(container)):
        return (
            f"In Coolify, open {shown} and choose the destination with the network {membership.network} "
            "(Configuration > Servers), then redeploy."
        )
    if membership.network in PLATFORM_NETWORKS and not _further(container, membership):
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
    where = "the compose file there" if kind == "service" else "the compose file in its repository"
    return (
        f"In Coolify, open {shown}, edit {where} so that it has these lines, and redeploy:\n"
        f"{compose_text(container, membership)}"
    )


def _own(container: Container) -> str:
    """``source`` or ``proxy`` for what Coolify itself is made of; nothing for what it deploys."""
    if container.labels.get("coolify.proxy", "").lower() == "true":
        return "proxy"
    found = (path.removeprefix(_FOLDER).partition("/")[0] for path in paths_of(container) if path.startswith(_FOLDER))
    return next((part for part in found if part in ("source", "proxy")), "")


def _text_for_itself(container: Container, membership: Membership) -> str:
    lines = compose_text(container, membership)
    if _own(container) == "proxy":
        return (
            "In Coolify, open Servers > the server > Proxy > Configuration, add these lines, save, and restart the "
            f"proxy:\n{lines}"
        )
    return (
        f"Put these lines into {_FOLDER}source/docker-compose.custom.yml, which upgrades leave alone, then run "
        f"{_FOLDER}source/upgrade.sh:\n{lines}"
    )


def _kind(container: Container) -> str:
    return container.labels.get("coolify.type", "service")


def _uuid(container: Container) -> str:
    """Compose's project is the resource's uuid, for a preview with the pull request's number behind it."""
    uuid = container.project or container.labels.get("coolify.name", "")
    preview = container.labels.get("coolify.pullRequestId", "0")
    return uuid.removesuffix(f"-{preview}") if preview not in ("", "0") else uuid


def _single(container: Container) -> bool:
    """An application without a compose file of its own: Coolify names its only service after the uuid."""
    return not container.service or container.service.startswith(_uuid(container))


def _further(container: Container, membership: Membership) -> bool:
    """Whether it needs names there that the switch does not give."""
    given = (container.service, container.name, f"{container.service}-{_uuid(container)}")
    return any(alias not in given for alias in membership.aliases)


def _flags(found: Mapping[str, Any]) -> dict[str, bool]:
    value = found.get(_SWITCH)
    return {_SWITCH: bool(value)} if isinstance(value, bool | int) else {}


def _about(found: Mapping[str, Any]) -> dict[str, Any]:
    destination = found.get("destination")
    network = destination.get("network") if isinstance(destination, dict) else None
    return {"network": network} if isinstance(network, str) and network else {}


PLATFORM = PLATFORMS.add("coolify", Coolify(), home=__name__)
