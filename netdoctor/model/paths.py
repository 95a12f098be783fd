"""What inspect alone predicts: who carries a name for a caller, and which addresses a dial would take."""

from __future__ import annotations

from netdoctor.model.edge import Edge
from netdoctor.model.refs import HOST
from netdoctor.model.topology import Container, Endpoint, Network, Topology


def carriers(topology: Topology, caller: Container, name: str) -> tuple[tuple[Container, Endpoint], ...]:
    """Every endpoint on a network of the caller that carries ``name``, as Docker's DNS would see it.

    ``name.network`` pins the answer to one network. Containers that do not run have no records.
    """
    wanted = name.rstrip(".").lower()
    found = []
    linked = {link.container for link in caller.links if link.alias == wanted}
    for mine in topology.endpoints_of(caller):
        network = topology.network(mine.network)
        if network is None or network.default_bridge or network.driver in ("host", "null"):
            continue
        pinned = wanted.removesuffix(f".{network.name.lower()}")
        for member in topology.members(network.id):
            endpoint = member.endpoint_on(network.id)
            has_record = member.state is None or (member.state.running and not member.state.restarting)
            named = endpoint is not None and (wanted in endpoint.names or pinned in endpoint.names)
            if endpoint is not None and has_record and (named or member.id in linked):
                found.append((member, endpoint))
    return tuple(found)


def predicted_addresses(topology: Topology, edge: Edge) -> tuple[str, ...]:
    """IP literals a dial along this edge may take: on shared networks, else every address the target has.

    Loopback for two that are one namespace: by borrowing it, or because both are the host's. The host itself has a leg
    in bridges alone: of a target that is on one, its other addresses are left out.
    """
    target = topology.container(edge.target)
    if target is None:
        return ()
    source = topology.container(edge.source)
    if source is not None and _same_namespace(topology, source, target):
        return ("127.0.0.1",)
    from_host = edge.source == HOST or (source is not None and _on_the_host(topology, source))
    if _on_the_host(topology, target) and from_host:
        return ("127.0.0.1",)
    shared = {network.id for network in topology.shared_networks(source, target)} if source is not None else set()
    endpoints = topology.endpoints_of(target)
    if from_host:
        networks = (topology.network(endpoint.network) for endpoint in endpoints)
        shared = {network.id for network in networks if network is not None and network.driver == "bridge"}
    chosen = [endpoint for endpoint in endpoints if endpoint.network in shared] or list(endpoints)
    return tuple(dict.fromkeys(address for endpoint in chosen for address in endpoint.addresses))


def network_of_address(topology: Topology, container: Container, address: str) -> Network | None:
    """The network on which the container has that address."""
    for endpoint in topology.endpoints_of(container):
        if address in endpoint.addresses:
            return topology.network(endpoint.network)
    return None


def _same_namespace(topology: Topology, one: Container, other: Container) -> bool:
    first, second = topology.network_owner(one), topology.network_owner(other)
    return first is not None and second is not None and first.id == second.id


def _on_the_host(topology: Topology, container: Container) -> bool:
    owner = topology.network_owner(container)
    return owner is not None and owner.network_mode == "host"
