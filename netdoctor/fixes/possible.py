"""Operations against a topology, without an engine: does it stand already, can it be done, what would it leave?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netdoctor.errors import FixFailed
from netdoctor.fixes.journal import JournalStep
from netdoctor.model import (
    AddServiceNetwork,
    Connect,
    CreateNetwork,
    Disconnect,
    Endpoint,
    Network,
    Operation,
    RemoveNetwork,
    RemoveServiceNetwork,
    Topology,
)
from netdoctor.model.joining import names_taken

OWNER_LABEL = "netdoctor.fix"
"""On networks that a fix creates; its value is the transaction."""


def stands(operation: Operation, topology: Topology) -> bool:
    """Whether the engine already is as the operation would leave it."""
    match operation:
        case Connect():
            container = topology.container(operation.container)
            endpoint = container.endpoint_on(operation.network) if container is not None else None
            if endpoint is None:
                return False
            carried = {name.lower() for name in (*endpoint.aliases, *endpoint.names)}
            right_address = operation.ipv4 is None or operation.ipv4 in (endpoint.user_ipv4, endpoint.ipv4)
            right_address &= operation.ipv6 is None or operation.ipv6 in (endpoint.user_ipv6, endpoint.ipv6)
            return right_address and all(alias.lower() in carried for alias in operation.aliases)
        case Disconnect():
            container = topology.container(operation.container)
            return container is None or container.endpoint_on(operation.network) is None
        case CreateNetwork():
            return any(
                network.name == operation.name and same_owner(network, operation) for network in topology.networks
            )
        case RemoveNetwork():
            return not any(operation.name in (network.name, network.id) for network in topology.networks)
        case AddServiceNetwork():
            return operation.network in topology.service_networks.get(operation.service, ())
        case RemoveServiceNetwork():
            return operation.network not in topology.service_networks.get(operation.service, ())
        case _:
            return False


def impossible(operation: Operation, topology: Topology) -> FixFailed | None:
    """Why the operation cannot be done on the engine as it is now; None when nothing forbids it."""
    again = "Look again with: netdoctor check, then run the fix again."
    match operation:
        case Connect() | Disconnect():
            container = topology.container(operation.container)
            if container is None:
                return FixFailed(
                    f"{operation.container_name} is gone: it was removed or made anew meanwhile.", hint=again
                )
            network = topology.network(operation.network)
            if network is None:
                return FixFailed(f"The network {operation.network_name} is gone meanwhile.", hint=again)
            if isinstance(operation, Connect):
                return _taken(operation, topology, network)
        case AddServiceNetwork() | RemoveServiceNetwork():
            if operation.service not in topology.service_networks:
                return FixFailed(
                    f"The service {operation.service_name} is gone, or this node is no manager of the Swarm.",
                    hint="Run netdoctor against a manager: netdoctor --host ...",
                )
            if topology.network(operation.network) is None:
                return FixFailed(f"The network {operation.network_name} is gone meanwhile.", hint=again)
        case CreateNetwork():
            if any(n.name == operation.name and not same_owner(n, operation) for n in topology.networks):
                return FixFailed(f"A network named {operation.name} exists meanwhile.", hint=again)
        case _:
            pass
    return None


def first_problem(operations: Sequence[Operation], topology: Topology) -> FixFailed | None:
    """The first operation of a row that cannot be done after the ones before it, as its reason; None when all can."""
    for operation in operations:
        problem = impossible(operation, topology)
        if problem is not None:
            return problem
        topology = simulated(operation, topology)
    return None


def simulated(operation: Operation, topology: Topology) -> Topology:
    """The topology as the operation would leave it, as far as names and memberships go."""
    match operation:
        case CreateNetwork():
            made = Network(
                operation.name,
                operation.name,
                driver=operation.driver,
                internal=operation.internal,
                labels=dict(operation.labels),
            )
            return replace(topology, networks=(*topology.networks, made))
        case RemoveNetwork():
            left = tuple(n for n in topology.networks if operation.name not in (n.name, n.id))
            return replace(topology, networks=left)
        case Connect():
            aliases = operation.aliases
            names = tuple(name.lower() for name in (operation.container_name, *aliases))
            joined = Endpoint(
                operation.network,
                operation.network_name,
                aliases=aliases,
                names=names,
                user_ipv4=operation.ipv4,
                user_ipv6=operation.ipv6,
            )
            return _with_endpoints(topology, operation.container, operation.network, joined)
        case Disconnect():
            return _with_endpoints(topology, operation.container, operation.network, None)
        case AddServiceNetwork() | RemoveServiceNetwork():
            others = tuple(n for n in topology.service_networks.get(operation.service, ()) if n != operation.network)
            now = (*others, operation.network) if isinstance(operation, AddServiceNetwork) else others
            return replace(topology, service_networks={**topology.service_networks, operation.service: now})
        case _:
            return topology


def _with_endpoints(topology: Topology, container: str, network: str, instead: Endpoint | None) -> Topology:
    """The container without its endpoint on that network, or with ``instead`` in its place."""

    def changed(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        others = tuple(endpoint for endpoint in endpoints if endpoint.network != network)
        return (*others, instead) if instead is not None else others

    return replace(
        topology,
        containers=tuple(
            replace(each, endpoints=changed(each.endpoints)) if each.id == container else each
            for each in topology.containers
        ),
    )


def _taken(operation: Connect, topology: Topology, network: Network) -> FixFailed | None:
    container = topology.container(operation.container)
    assert container is not None
    endpoint = container.endpoint_on(network.id)
    if endpoint is not None and not stands(operation, topology):
        return FixFailed(
            f"{operation.container_name} was connected to {network.name} meanwhile, without the names it needs.",
            hint="Look again with: netdoctor check, then run the fix again.",
        )
    clash = sorted(set(map(str.lower, operation.aliases)) & names_taken(topology, network, container))
    if clash:
        return FixFailed(
            f"The name {clash[0]} is taken on network {network.name} meanwhile.",
            hint="A name in use is never taken. Run the fix again to plan without it, or use --isolate.",
        )
    return None


def owned_network(topology: Topology, step: JournalStep) -> Network | None:
    """The network that this step created: by its id, else by its name and our label."""
    if not isinstance(step.operation, CreateNetwork):
        return None
    wanted = step.operation
    for network in topology.networks:
        if network.id == step.made or (
            step.made is None and network.name == wanted.name and same_owner(network, wanted)
        ):
            return network
    return None


def same_owner(network: Network, operation: CreateNetwork) -> bool:
    """Whether the network carries the label of the transaction that the operation belongs to."""
    mine = dict(operation.labels).get(OWNER_LABEL)
    return mine is not None and network.labels.get(OWNER_LABEL) == mine
