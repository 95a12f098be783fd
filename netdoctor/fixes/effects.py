"""What a fix changes besides what it is meant to change: default routes, names, who may reach whom, resolv.conf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdoctor.fixes.exposure import open_door
from netdoctor.model import (
    AddServiceNetwork,
    Connect,
    Container,
    CreateNetwork,
    Disconnect,
    Network,
    Operation,
    Topology,
)
from netdoctor.model.joining import names_taken

_SHOWN = 4
"""Names listed before "and N more"."""


def warnings_of(operations: Sequence[Operation], topology: Topology) -> tuple[str, ...]:
    """Sentences for a person, in the order of the operations; each once."""
    created = {op.name: op for op in operations if isinstance(op, CreateNetwork)}
    joining = [op for op in operations if isinstance(op, Connect)]
    said: list[str] = []
    for operation in operations:
        if isinstance(operation, CreateNetwork):
            said.append(f"The network {operation.name} is new; `docker network prune` removes it while it is empty.")
        if isinstance(operation, Disconnect):
            said.append(
                f"{operation.container_name} loses its addresses on {operation.network_name}: connections break."
            )
        if isinstance(operation, AddServiceNetwork):
            said += _service(operation, topology)
        if not isinstance(operation, Connect):
            continue
        container = topology.container(operation.container)
        network = topology.network(operation.network) or _planned(created.get(operation.network))
        if container is None or network is None:
            continue
        if container.endpoint_on(network.id) is not None:
            continue  # a reconnect: it has its route and its neighbours already
        said += _route(container, network, topology)
        said += _names(operation, container, network, topology)
        said += _access(container, network, topology, [op for op in joining if op.network == operation.network])
        said += _resolver(container, topology)
    return tuple(dict.fromkeys(said))


def default_route_moves(container: Container, network: Network, topology: Topology) -> str | None:
    """The name of the network that gives the default route now, when joining ``network`` would take it over.

    The engine prefers networks that are not internal, then the first name, byte by byte.
    """
    if network.internal:
        return None
    present = _gateways(container, topology)
    if not present:
        return None
    first = min(present, key=lambda each: each.name.encode())
    return first.name if network.name.encode() < first.name.encode() else None


def _route(container: Container, network: Network, topology: Topology) -> Iterable[str]:
    moves_from = default_route_moves(container, network, topology)
    if moves_from is not None:
        yield (
            f"The default route of {container.name} moves from {moves_from} to {network.name} "
            f"(its name sorts first): connections to outside may break."
        )
    elif _internal_only(container, topology) and not network.internal:
        yield f"{container.name} is on internal networks only; through {network.name} it can reach the outside."


def _internal_only(container: Container, topology: Topology) -> bool:
    found = [topology.network(endpoint.network) for endpoint in container.endpoints]
    return bool(found) and all(n is not None and n.internal for n in found)


def _gateways(container: Container, topology: Topology) -> list[Network]:
    found = [topology.network(endpoint.network) for endpoint in container.endpoints]
    return [n for n in found if n is not None and not n.internal and n.driver not in ("host", "null")]


def _names(operation: Connect, container: Container, network: Network, topology: Topology) -> Iterable[str]:
    taken = names_taken(topology, network, container)
    for wanted in dict.fromkeys(name for name in (container.service, container.name) if name):
        if wanted.lower() in taken and wanted not in operation.aliases:
            owner = _owner_of(wanted, network, topology, container)
            yield f"The name {wanted} is in use on {network.name} by {owner}: {container.name} does not take it."
    known = {
        name: other.name
        for endpoint in container.endpoints
        for other in topology.members(endpoint.network)
        if other.id != container.id and endpoint.network != network.id
        for name in _names_on(other, endpoint.network)
    }
    for name in sorted(set(known) & taken):
        owner = _owner_of(name, network, topology, container)
        if owner != known[name]:
            yield f"For {container.name} the name {name} means {known[name]} now; on {network.name} it is also {owner}."


def _access(container: Container, network: Network, topology: Topology, joining: Sequence[Connect]) -> Iterable[str]:
    if topology.network(network.id) is None:
        names = sorted(op.container_name for op in joining)
        meet = f"{names[0]} and the host" if len(names) == 1 else " and ".join(names)
        yield f"On {network.name}, {meet} can reach each other, and nobody else is there."
        return
    others = [m.name for m in topology.members(network.id) if m.id != container.id]
    others += [op.container_name for op in joining if op.container != container.id and op.container_name not in others]
    if others:
        yield f"On {network.name}, {container.name} and these can reach each other: {listed(others)}."
    door = open_door(container)
    if door is not None and len(others) > 1:
        yield f"{container.name} asks for no credentials ({door}): everything on {network.name} can use it."


def _service(operation: AddServiceNetwork, topology: Topology) -> Iterable[str]:
    name, network = operation.service_name, operation.network_name
    yield f"Swarm makes the tasks of {name} anew, on every node: their connections break, and their addresses are new."
    others = [m.name for m in topology.members(operation.network) if m.swarm_service != operation.service]
    if others:
        yield f"On {network}, {name} and these can reach each other: {listed(others)}."
    task = next((c for c in topology.containers if c.swarm_service == operation.service), None)
    door = open_door(task) if task is not None else None
    if door is not None and len(others) > 1:
        yield f"{name} asks for no credentials ({door}): everything on {network} can use it."


def _resolver(container: Container, topology: Topology) -> Iterable[str]:
    networks = [topology.network(endpoint.network) for endpoint in container.endpoints]
    if networks and all(n is not None and n.default_bridge for n in networks):
        yield (
            f"{container.name} is on the default bridge: its resolv.conf changes to Docker's own nameserver; "
            f"a program that has read it already needs a restart (docker restart {container.name})."
        )


def _names_on(member: Container, network: str) -> frozenset[str]:
    endpoint = member.endpoint_on(network)
    names = (*endpoint.names, *endpoint.aliases) if endpoint is not None else ()
    return frozenset(name.lower() for name in names) - {member.short_id}


def _owner_of(name: str, network: Network, topology: Topology, but: Container) -> str:
    for member in topology.members(network.id):
        if member.id != but.id and name.lower() in {*_names_on(member, network.id), member.name.lower()}:
            return member.name
    return "another container"


def _planned(operation: CreateNetwork | None) -> Network | None:
    return Network(operation.name, operation.name, internal=operation.internal) if operation is not None else None


def listed(names: Sequence[str]) -> str:
    """``a, b, c and 11 more``"""
    shown = sorted(dict.fromkeys(names))
    more = len(shown) - _SHOWN
    return ", ".join(shown) if more <= 0 else f"{', '.join(shown[:_SHOWN])} and {more} more"
