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
    ipv6: str | None = None
    """Addresses that a user fixed; None: the engine chooses."""

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
        if self.ipv6:
            words += ["--ip6", self.ipv6]
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
            endpoint.user_ipv6 if endpoint else None,
        )

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        return shlex.join(["docker", "network", "disconnect", self.network_name, self.container_name])


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    """Make a user-defined network. Its id is not known before: operations on it name it."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    internal: bool = False
    driver: str = "bridge"
    """``bridge``, or ``overlay``: one of the Swarm, which plain containers may join as well."""

    def inverse(self, before: Topology) -> RemoveNetwork:
        return RemoveNetwork(self.name)

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        words = ["docker", "network", "create", *(["--internal"] if self.internal else [])]
        words += ["-d", "overlay", "--attachable"] if self.driver == "overlay" else []
        return shlex.join([*words, self.name])


@dataclass(frozen=True, slots=True)
class RemoveNetwork:
    """Remove a network that a fix created; refused by the engine while it has members."""

    name: str

    def inverse(self, before: Topology) -> CreateNetwork:
        known = next((network for network in before.networks if network.name == self.name), None)
        if known is None:
            return CreateNetwork(self.name)
        return CreateNetwork(self.name, tuple(sorted(known.labels.items())), known.internal, known.driver)

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        return shlex.join(["docker", "network", "rm", self.name])


@dataclass(frozen=True, slots=True)
class AddServiceNetwork:
    """Attach a Swarm service to one more network. Swarm makes its tasks anew: disruptive."""

    service: str
    """Its id."""
    service_name: str
    network: str
    network_name: str
    tasks: tuple[str, ...] = ()
    """Containers of its tasks on this machine, which others take the place of."""
    stack: str = ""
    """The stack whose file describes it; empty when nobody writes it anew."""

    def inverse(self, before: Topology) -> RemoveServiceNetwork:
        return RemoveServiceNetwork(
            self.service, self.service_name, self.network, self.network_name, self.tasks, self.stack
        )

    def permanent(self) -> tuple[Membership, ...]:
        # The service itself remembers it; only a stack's next deploy would take it off.
        return (Membership(self.tasks[0], self.network_name),) if self.stack and self.tasks else ()

    def command(self) -> str:
        return shlex.join(["docker", "service", "update", "--network-add", self.network_name, self.service_name])


@dataclass(frozen=True, slots=True)
class RemoveServiceNetwork:
    """Take a Swarm service off a network. Swarm makes its tasks anew: disruptive."""

    service: str
    service_name: str
    network: str
    network_name: str
    tasks: tuple[str, ...] = ()
    stack: str = ""

    def inverse(self, before: Topology) -> AddServiceNetwork:
        return AddServiceNetwork(
            self.service, self.service_name, self.network, self.network_name, self.tasks, self.stack
        )

    def permanent(self) -> tuple[Membership, ...]:
        return ()

    def command(self) -> str:
        return shlex.join(["docker", "service", "update", "--network-rm", self.network_name, self.service_name])
