"""What a fix does to the engine, as data: frozen, serialisable, each with its inverse."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from netdoctor.model.topology import Topology


@dataclass(frozen=True, slots=True)
class Membership:
    """What a platform's file must declare for a fix to last: this service joins this network under these names."""

    container: str
    network: str
    """The network's real name."""
    aliases: tuple[str, ...] = ()


@runtime_checkable
class Operation(Protocol):
    def inverse(self, before: Topology) -> Operation:
        """What undoes it, given the topology as it was before."""

    def permanent(self) -> tuple[Membership, ...]:
        """What must be declared for it to survive a recreation."""

    def command(self) -> str:
        """The equivalent docker command, for people (never run by us)."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Attach a container to a network. Ids decide; names are for people."""

    container: str
    container_name: str
    network: str
    network_name: str
    aliases: tuple[str, ...] = ()
    ipv4: str | None = None

    def inverse(self, before: Topology) -> Disconnect:
        return Disconnect(self.container, self.container_name, self.network, self.network_name)

    def permanent(self) -> tuple[Membership, ...]:
        return (Membership(self.container, self.network_name, self.aliases),)

    def command(self) -> str:
        words = ["docker", "network", "connect"]
        for alias in self.aliases:
            words += ["--alias", alias]
        if self.ipv4:
            words += ["--ip", self.ipv4]
        return shlex.join([*words, self.network_name, self.container_name])


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Detach a container from a network."""

    container: str
    container_name: str
    network: str
    network_name: str

    def inverse(self, before: Topology) -> Connect:
        container = before.container(self.container)
        endpoint = container.endpoint_on(self.network) if container else None
        return Connect(
            self.container,
            self.container_name,
            self.network,
            self.network_name,
            endpoint.aliases if endpoint else (),
            endpoint.user_ipv4 if endpoint else None,
        )

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        return shlex.join(["docker", "network", "disconnect", self.network_name, self.container_name])


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    """Make a user-defined bridge network. Its id is not known before: operations on it name it."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    internal: bool = False

    def inverse(self, before: Topology) -> RemoveNetwork:
        return RemoveNetwork(self.name)

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        return shlex.join(["docker", "network", "create", *(["--internal"] if self.internal else []), self.name])


@dataclass(frozen=True, slots=True)
class RemoveNetwork:
    """Remove a network that a fix created; refused by the engine while it has members."""

    name: str

    def inverse(self, before: Topology) -> CreateNetwork:
        known = next((network for network in before.networks if network.name == self.name), None)
        if known is None:
            return CreateNetwork(self.name)
        return CreateNetwork(self.name, tuple(sorted(known.labels.items())), known.internal)

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        return shlex.join(["docker", "network", "rm", self.name])
