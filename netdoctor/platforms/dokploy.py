"""Dokploy: a compose folder is deleted and written anew on every deploy; applications are Swarm services.

Its API (``/api``, header ``x-api-key``): ``compose.search`` or ``project.all`` to find a stack by its app name,
``compose.one`` to read it, ``compose.update`` to change its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netdoctor.errors import NetdoctorError
from netdoctor.model import Container, Membership, Topology
from netdoctor.platforms.interface import (
    PLATFORMS,
    SWARM_SERVICE,
    Ask,
    Held,
    Permanence,
    compose_text,
    paths_of,
)

_FOLDER = "/etc/dokploy/"
_NETWORK = "dokploy-network"
_OWN = frozenset({"dokploy", "dokploy-postgres", "dokploy-redis"})


class DokployApi:
    root = "/api"
    token = "Settings > Profile > API/CLI Keys"  # noqa: S105 - a place
    redraws = False
    interrupts = False

    def headers(self, token: str) -> Mapping[str, str]:
        return {"x-api-key": token}

    def serves(self, container: Container) -> bool:
        """Compose projects; the networks of applications and databases are other calls, and none of ours yet."""
        return SWARM_SERVICE not in container.labels and bool(_app(container))

    def find(self, ask: Ask, container: Container) -> Held:
        return self.read(ask, f"compose/{self._id(ask, _app(container))}")

    def _id(self, ask: Ask, app: str) -> str:
        """Older versions have no search; then everything is listed."""
        try:
            found = ask.get("/compose.search", appName=app, limit="100")
        except NetdoctorError:
            found = ask.get("/project.all")
        ids = {
            each["composeId"]
            for each in _mappings(found)
            if each.get("appName") == app and isinstance(each.get("composeId"), str) and each["composeId"]
        }
        if len(ids) != 1:
            raise ask.refuse(f"Dokploy knows no compose project {app}.", "Check that it is this server's Dokploy.")
        return str(ids.pop())

    def read(self, ask: Ask, resource: str) -> Held:
        found = ask.get("/compose.one", composeId=resource.partition("/")[2])
        if not isinstance(found, dict) or found.get("composeId") != resource.partition("/")[2]:
            raise ask.refuse("Dokploy's answer is not about that compose project.", "Look at it in Dokploy itself.")
        name = str(found.get("name") or found.get("appName") or resource)
        if found.get("sourceType") != "raw":
            raise ask.refuse(
                f"The compose file of {name} comes from a repository, from which Dokploy fetches it on every deploy.",
                "Add the lines in the repository.",
            )
        text = found.get("composeFile")
        if not isinstance(text, str):
            raise ask.refuse(f"Dokploy does not give the compose text of {name}.", "Look at it in Dokploy itself.")
        return Held(resource, f"the compose project {name}", text)

    def switch(self, held: Held, container: Container, membership: Membership) -> Mapping[str, bool]:
        return {}

    def write(self, ask: Ask, now: Held, wanted: Held) -> None:
        ask.send("POST", "/compose.update", {"composeId": now.resource.partition("/")[2], "composeFile": wanted.text})

    def afterwards(self, resource: str) -> str:
        return "It takes effect at the next Deploy in Dokploy."


class Dokploy:
    title = "Dokploy"
    rank = 30
    api = DokployApi()

    def recognises(self, container: Container, topology: Topology) -> bool:
        if any(path.startswith(_FOLDER) for path in paths_of(container)):
            return True
        on_its_network = any(endpoint.network_name == _NETWORK for endpoint in container.endpoints)
        return SWARM_SERVICE in container.labels and on_its_network

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        service = container.labels.get(SWARM_SERVICE)
        if service in _OWN:
            return Permanence(
                self.title,
                why=f"{service} is a part of Dokploy itself, which its installer made as a Swarm service.",
                text=f"docker service update --network-add {membership.network} {service}",
            )
        if service:
            networks = ", ".join(f'{{"Target": "{name}"}}' for name in dict.fromkeys((_NETWORK, membership.network)))
            return Permanence(
                self.title,
                why="Dokploy sets the networks of this Swarm service on every deploy.",
                text=(
                    f"In Dokploy, open {service}, Advanced > Swarm Settings > Network, set it to this (the first keeps "
                    f"it reachable as before), save and deploy:\n[{networks}]"
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


def _app(container: Container) -> str:
    """The app name: the folder below ``/etc/dokploy/compose``, else Compose's project, which is the same."""
    for path in paths_of(container):
        if path.startswith(f"{_FOLDER}compose/"):
            return path.removeprefix(f"{_FOLDER}compose/").partition("/")[0]
    return container.project or ""


def _mappings(found: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in an answer, however deep: versions nest projects, environments and stacks differently."""
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


PLATFORM = PLATFORMS.add("dokploy", Dokploy(), home=__name__)
