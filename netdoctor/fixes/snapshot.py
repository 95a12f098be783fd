"""What of a container's attachments counts as its state: the networks, the aliases, the addresses a user fixed.

EndpointID, MAC and addresses the engine chose change with every restart; they never count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from netdoctor.model import Container, Topology

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attachment:
    network: str
    """The network's id."""
    name: str
    aliases: frozenset[str] = frozenset()
    ipv4: str | None = None
    """Only when a user fixed it."""
    ipv6: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One container as it was at one moment."""

    container: str
    name: str
    project: str | None = None
    service: str | None = None
    attachments: tuple[Attachment, ...] = field(default=())
    slot: str | None = None
    """Of a Swarm task: its service and its place in it, which the next task takes."""

    def on(self, network: str) -> Attachment | None:
        return next((each for each in self.attachments if each.network == network), None)

    def to_json(self) -> JSON:
        return {
            "container": self.container,
            "name": self.name,
            "project": self.project,
            "service": self.service,
            "slot": self.slot,
            "networks": [[a.network, a.name, sorted(a.aliases), a.ipv4, a.ipv6] for a in self.attachments],
        }

    @classmethod
    def from_json(cls, data: JSON) -> Snapshot:
        """Raises KeyError, TypeError, ValueError for damaged data."""
        found = tuple(
            Attachment(str(i), str(name), frozenset(aliases), ipv4, *more)
            for i, name, aliases, ipv4, *more in data["networks"]
        )
        slot = data.get("slot")
        return cls(str(data["container"]), str(data["name"]), data["project"], data["service"], found, slot)


def snapshot_of(container: Container) -> Snapshot:
    return Snapshot(
        container.id,
        container.name,
        container.project,
        container.service,
        tuple(
            sorted(
                (
                    Attachment(e.network, e.network_name, frozenset(e.aliases), e.user_ipv4, e.user_ipv6)
                    for e in container.endpoints
                ),
                key=lambda each: (each.name, each.network),
            )
        ),
        slot_of(container),
    )


def slot_of(container: Container) -> str | None:
    """``<service id>/api.1``; None for what is no task of a Swarm."""
    service = container.swarm_service
    name = container.labels.get("com.docker.swarm.task.name", container.name)
    return f"{service}/{name.rpartition('.')[0]}" if service else None


def take(topology: Topology, containers: Iterable[str]) -> tuple[Snapshot, ...]:
    """Of the containers with these ids, in their order; those that are gone are left out."""
    found = (topology.container(each) for each in dict.fromkeys(containers))
    return tuple(snapshot_of(container) for container in found if container is not None)


def successor(topology: Topology, was: Snapshot) -> Container | None:
    """The container itself, else the one that was made anew in its place: same name, and by the same service of the
    same project, or by hand as before.
    """
    same = topology.container(was.container)
    if was.slot is not None:
        running = (c for c in topology.containers if slot_of(c) == was.slot and c.running)
        return same if same is not None and same.running else next(running, same)
    if same is not None:
        return same
    return next(
        (c for c in topology.containers if (c.name, c.project, c.service) == (was.name, was.project, was.service)), None
    )


def places(topology: Topology, snapshots: Iterable[Snapshot]) -> dict[str, str]:
    """Who stands now in the place of each container: id to id. Those without a successor are left out."""
    found = ((was.container, successor(topology, was)) for was in snapshots)
    return {container: now.id for container, now in found if now is not None}


def moved(was: Snapshot, now: Container) -> tuple[str, ...]:
    """What is different, one sentence each; empty when nothing that counts is.

    A container made anew by Compose gets its aliases from its file, and its project's networks may be new ones:
    there only the names of its networks count.
    """
    if now.id != was.container:
        before, after = {a.name for a in was.attachments}, {e.network_name for e in now.endpoints}
        return tuple(
            [f"{now.name} is no longer on network {name}" for name in sorted(before - after)]
            + [f"{now.name} is now also on network {name}" for name in sorted(after - before)]
        )
    current = snapshot_of(now)
    said = []
    for old in was.attachments:
        new = current.on(old.network)
        if new is None:
            said.append(f"{now.name} is no longer on network {old.name}")
        elif new.aliases != old.aliases:
            said.append(
                f"the aliases of {now.name} on {old.name} are {_listed(new.aliases)}, not {_listed(old.aliases)}"
            )
        elif new.ipv4 != old.ipv4:
            said.append(
                f"the fixed address of {now.name} on {old.name} is {new.ipv4 or 'none'}, not {old.ipv4 or 'none'}"
            )
        elif new.ipv6 != old.ipv6:
            said.append(
                f"the fixed address of {now.name} on {old.name} is {new.ipv6 or 'none'}, not {old.ipv6 or 'none'}"
            )
    said += [f"{now.name} is now also on network {a.name}" for a in current.attachments if was.on(a.network) is None]
    return tuple(said)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
