"""Networks whose interfaces sit on one of the machine's own: who stands on them only, what is lost between, what helps.

Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from netdoctor.model import (
    HOST,
    Case,
    Container,
    CreateNetwork,
    Edge,
    Network,
    Outcome,
    Ref,
    Remedy,
    Topology,
    network_of_address,
)
from netdoctor.model.joining import join_operation, joinable
from netdoctor.rules._placing import mode, networks_of
from netdoctor.rules._reading import connected, dials

ON_PARENTS = frozenset({"macvlan", "ipvlan"})
"""Drivers whose interfaces are children of an interface of the host."""
LOST = frozenset({Outcome.TIMED_OUT, Outcome.NO_ROUTE})


@dataclass(frozen=True, slots=True)
class Lost:
    """A dial between host and container that met nobody. ``child``: whose namespace is on such networks alone."""

    child: Container
    network: Network
    address: str
    from_host: bool


def lost(case: Case) -> Lost | None:
    """The first of the edge's dials that this can be said of; None where one of them was taken."""
    edge, source, target = case.edge, case.source, case.target
    if edge is None or edge.reverse or edge.port is None or connected(case):
        return None
    gone = [address for address, dial in dials(case) if dial.outcome in LOST]
    if target is not None and target.running and at_the_host(case, edge):
        return _from_host(case, target, gone)
    if target is None and source is not None and edge.target.kind == "external":
        return _from_child(case, source, gone)
    return None


def _from_host(case: Case, target: Container, gone: list[str]) -> Lost | None:
    owner = case.topology.network_owner(target)
    if owner is None or not only_on_parents(case.topology, target):
        return None
    for address in gone:
        network = network_of_address(case.topology, target, address)
        if network is not None:
            return Lost(owner, network, address, from_host=True)
    return None


def _from_child(case: Case, source: Container, gone: list[str]) -> Lost | None:
    """An address in the subnet of such a network is reached over it, whatever else the container is on."""
    owner = case.topology.network_owner(source)
    if owner is None:
        return None
    children = [each for each in networks_of(case.topology, owner) if each.driver in ON_PARENTS]
    others = only_on_parents(case.topology, source)
    for address in gone:
        network = holding(children, address) or (others[0] if others else None)
        if network is not None:
            return Lost(owner, network, address, from_host=False)
    return None


def only_on_parents(topology: Topology, container: Container) -> tuple[Network, ...]:
    """Its networks (or those of whose namespace it borrows), when all of them are such; else ()."""
    owner = topology.network_owner(container)
    found = networks_of(topology, owner) if owner is not None else ()
    return found if found and all(network.driver in ON_PARENTS for network in found) else ()


def parent_of(network: Network) -> str | None:
    """The interface of the machine that it sits on; None where the engine made one of its own, or does not tell."""
    return network.options.get("parent") or None


def shown(network: Network) -> str:
    """``macvlan network lan on eth0``"""
    parent = parent_of(network)
    return f"{network.driver} network {network.name}{f' on {parent}' if parent else ''}"


def at_the_host(case: Case, edge: Edge) -> bool:
    """Whether the caller is the machine, or a container in its network."""
    return edge.source == HOST or (case.source is not None and mode(case.topology, case.source) == "host")


def holding(networks: Iterable[Network], address: str) -> Network | None:
    """The one of them that has the address in a subnet; None for an address that is outside of all."""
    wanted = ipaddress.ip_address(address.partition("%")[0])
    for network in networks:
        if any(wanted in ipaddress.ip_network(subnet, strict=False) for subnet in network.subnets):
            return network
    return None


def remedies(case: Case, found: Lost) -> Iterable[Remedy]:
    """A bridge besides, which the host is on; or a child of its own for the host."""
    child, name = found.child, f"netdoctor-host-{found.child.name}"
    if found.from_host:
        taken = {each.name for each in case.topology.networks}
        if joinable(child) is None and name not in taken:
            # Its id is not known before it exists: the operations name it.
            join = join_operation(case.topology, child, Network(name, name, internal=True))
            operations = (CreateNetwork(name, internal=True), join)
            yield Remedy(f"Connect {child.name} to a bridge besides", operations, safe=True)
        yield Remedy("Give the host a child of its own", advice=shim(found.network, found.address))
        return
    for publisher, inside in _publishers(case, child.ref):
        yield Remedy(
            f"Use {publisher.name} itself",
            advice=f"{publisher.name} is what the host publishes there: give both a common network (netdoctor fix "
            f"{child.name} {publisher.name}) and use {publisher.name}:{inside}.",
        )
    own = next((e.ipv4 for e in child.endpoints if e.network == found.network.id and e.ipv4), "ADDRESS")
    advice = f"{shim(found.network, own)}\nThen use FREE instead of {found.address}."
    yield Remedy("Give the host a child of its own", advice=advice)
    advice = (
        f"docker network create --internal {name} && docker network connect {name} {child.name}\n"
        f"Then use the gateway of {name} (docker network inspect {name}) instead of {found.address}."
    )
    yield Remedy("Go over a bridge", advice=advice)


def shim(network: Network, to: str) -> str:
    """What gives the machine an interface of its own beside the children, and the way to ``to`` over it."""
    kind = f"{network.driver} mode {'bridge' if network.driver == 'macvlan' else 'l2'}"
    bits = 128 if ":" in to else 32
    return (
        f"ip link add netdoctor-shim link {parent_of(network) or 'PARENT'} type {kind}\n"
        f"ip addr add FREE/{bits} dev netdoctor-shim\n"
        "ip link set netdoctor-shim up\n"
        f"ip route add {to}/{bits} dev netdoctor-shim\n"
        f"(FREE: an address of {network.subnets[0] if network.subnets else 'that network'} that neither Docker nor the "
        "router gives to anybody. A reboot takes all of it away: write it into the machine's network settings.)"
    )


def _publishers(case: Case, but: Ref) -> Iterable[tuple[Container, int]]:
    port = case.edge.port if case.edge is not None else None
    for container in case.topology.containers:
        inside = {each.container_port for each in container.published or () if each.host_port == port}
        if container.ref != but and inside:
            yield container, min(inside)
