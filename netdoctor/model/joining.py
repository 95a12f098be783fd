"""Which container can join which network, and under which names. Pure: inspect alone decides.

Used by the rules that propose a join and by the fixes that plan one, so that both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from netdoctor.model.operations import AddServiceNetwork, Connect, CreateNetwork, Disconnect, Operation
from netdoctor.model.topology import Container, Network, Topology

PLATFORM_NETWORKS = frozenset({"coolify", "dokploy-network", "captain-overlay-network"})
"""The networks that platforms share between everything they deploy."""

_PROJECT = "com.docker.compose.project"
_NOT_FOR_PEERS = frozenset({"ingress", "docker_gwbridge"})
"""Swarm's plumbing: containers are attached to it, but not to talk to each other."""

_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})\Z")


def joinable(container: Container) -> str | None:
    """Why a container cannot be connected to one more network; None when it can."""
    mode = container.network_mode or ""
    if mode == "host":
        return f"{container.name} uses the host's network; the engine connects no network to it"
    if mode.startswith("container:"):
        return f"{container.name} borrows another container's network; connect that one instead"
    if any(endpoint.network_name == "none" for endpoint in container.endpoints):
        return f"{container.name} has no network at all (none); it must leave that one first"
    if container.labels.get("com.docker.swarm.task.id") or container.labels.get("com.docker.swarm.service.id"):
        return f"{container.name} is a Swarm task; change the networks of its service"
    if container.state is not None and container.state.status in ("removing", "dead"):
        return f"{container.name} is being removed"
    return None


def carries_peers(network: Network) -> bool:
    """Whether containers attach to it to talk to each other: not host, none or Swarm's plumbing."""
    return network.driver not in ("host", "null") and network.name not in _NOT_FOR_PEERS


def common_networks(topology: Topology, one: Container, other: Container) -> tuple[Network, ...]:
    """Shared networks that carry traffic or names between the two, in the first one's order."""
    return tuple(network for network in topology.shared_networks(one, other) if carries_peers(network))


def open_for_joining(network: Network) -> bool:
    """Whether joining it gives a container names and traffic."""
    return carries_peers(network) and network.attachable and network.icc and not network.default_bridge


def join_operation(
    topology: Topology, joiner: Container, network: Network, names: Iterable[str | None] = ()
) -> Connect:
    """Connect ``joiner`` to ``network`` under its service and container name, and further ``names`` it shall have.

    A name that somebody else carries on that network already is left out; replicas of one service share theirs.
    """
    wanted = [joiner.service if not _oneoff(joiner) else None, joiner.name, *names]
    taken = names_taken(topology, network, joiner)
    aliases = tuple(dict.fromkeys(name for name in wanted if name and _sayable(name) and name.lower() not in taken))
    return Connect(joiner.id, joiner.name, network.id, network.name, aliases)


def _sayable(name: str) -> bool:
    """A label can hold anything; only what could be a host name is ever made one."""
    return _HOST_NAME.match(name) is not None


def names_taken(topology: Topology, network: Network, joiner: Container) -> frozenset[str]:
    """Names, in lower case, that others than ``joiner`` and its replicas carry on that network."""
    found: set[str] = set()
    for member in topology.members(network.id):
        endpoint = member.endpoint_on(network.id)
        if endpoint is not None and member.id != joiner.id and not _replicas(member, joiner):
            found.update(name.lower() for name in (*endpoint.names, *endpoint.aliases, member.name))
    return frozenset(found)


def preferred_join(
    topology: Topology, source: Container, target: Container, name: str | None = None
) -> tuple[Connect, ...]:
    """Joins that give the two a common network, best first: at most one for each side, none when nobody can join.

    The other side joins a network meant for sharing (a platform's, else one that is not its member's own
    project's); otherwise the caller joins the target's network. ``name`` is the one the caller uses: a join
    after which it would not lead to the target comes last.
    """
    mine, theirs = _best_network(topology, source), _best_network(topology, target)
    moves: list[tuple[int, int, Connect]] = []
    if theirs is not None and joinable(source) is None:
        join = join_operation(topology, source, theirs)
        endpoint = target.endpoint_on(theirs.id)
        lost = name is not None and endpoint is not None and name.lower() not in endpoint.names
        moves.append((int(lost), -_sharedness(topology, theirs, target), join))
    if mine is not None and joinable(target) is None:
        own = {each for endpoint in target.endpoints for each in endpoint.names}
        join = join_operation(topology, target, mine, [name] if name and name.lower() in own else [])
        given = {alias.lower() for alias in (*join.aliases, target.short_id)}
        lost = name is not None and name.lower() not in given
        moves.append((int(lost), -_sharedness(topology, mine, source), join))
    # Stable: with equal rank the caller moves.
    return tuple(join for *_, join in sorted(moves, key=lambda move: move[:2]))


def joins_new_network(
    topology: Topology, source: Container, target: Container, name: str | None = None, before: str | None = None
) -> tuple[Operation, ...]:
    """A new network for exactly these two, and both joining it; () when one of them cannot.

    It is internal, so that it never becomes anybody's default route: what they reach outside stays as it is.
    ``before``: the new network's answer to a name must come before that of the network of this name. The engine
    asks ordinary networks before internal ones, each kind by name, so such a network is ordinary, and its name
    sorts first; () when no such name exists.
    """
    if joinable(source) is not None or joinable(target) is not None:
        return ()
    used = {network.name for network in topology.networks}
    stem = f"netdoctor-{source.name}-{target.name}"
    tries = [f"{prefix}{stem}{suffix}" for prefix in ("", "0-", "00-") for suffix in ("", "-2", "-3", "-4")]
    free = next((each for each in tries if each not in used and (before is None or each < before)), None)
    if free is None:
        return ()
    # Its id is not known before it exists: the operations name it.
    network = Network(free, free, internal=before is None)
    return (
        CreateNetwork(free, internal=before is None),
        join_operation(topology, source, network),
        join_operation(topology, target, network, [name]),
    )


def service_joins(topology: Topology, source: Container, target: Container) -> tuple[AddServiceNetwork, ...]:
    """The networks that a Swarm service at one end can be given so that it meets the other, the caller's service
    first; its tasks are made anew by that. () where no end is a task, or this node may not change services.
    """
    found = []
    for mover, other in ((source, target), (target, source)):
        service = mover.swarm_service
        if service is None or service not in topology.service_networks or other.swarm_service == service:
            continue
        joined = topology.service_networks[service]
        meeting = (topology.network(endpoint.network) for endpoint in other.endpoints)
        found += [
            add_service_network(topology, mover, network)
            for network in meeting
            if network is not None
            and network.driver == "overlay"
            and carries_peers(network)
            and network.id not in joined
        ]
    return tuple(found)


def add_service_network(topology: Topology, task: Container, network: Network) -> AddServiceNetwork:
    """The service of this task joins the network, with the tasks of it that are seen here."""
    service = task.swarm_service or ""
    tasks = tuple(c.id for c in topology.containers if c.swarm_service == service and c.running)
    name = task.labels.get("com.docker.swarm.service.name", service)
    return AddServiceNetwork(
        service, name, network.id, network.name, tasks, task.labels.get("com.docker.stack.namespace", "")
    )


def joins_new_overlay(topology: Topology, plain: Container, task: Container) -> tuple[Operation, ...]:
    """A new attachable overlay, joined by a plain container and by a Swarm service, which stays on its own as well;
    () when one of them cannot.
    """
    if task.swarm_service not in topology.service_networks or joinable(plain) is not None:
        return ()
    used = {network.name for network in topology.networks}
    stem = task.labels.get("com.docker.swarm.service.name", task.name)
    name = next((each for each in (f"{stem}-open", f"netdoctor-{stem}-open") if each not in used), None)
    if name is None:
        return ()
    # Its id is not known before it exists: the operations name it.
    network = Network(name, name, driver="overlay", scope="swarm")
    return (
        CreateNetwork(name, driver="overlay"),
        add_service_network(topology, task, network),
        join_operation(topology, plain, network),
    )


def rejoin_operations(
    topology: Topology, container: Container, network: Network, name: str | None = None
) -> tuple[Operation, ...]:
    """Leave a network and join it again with every alias it should have, ``name`` too: an alias can be given only
    while joining. Breaks the connections that are open on it. () when that is not possible.
    """
    endpoint = container.endpoint_on(network.id)
    if endpoint is None or joinable(container) is not None or network.default_bridge:
        return ()
    join = join_operation(topology, container, network, [name, *endpoint.aliases])
    return (
        Disconnect(container.id, container.name, network.id, network.name),
        replace(join, ipv4=endpoint.user_ipv4, ipv6=endpoint.user_ipv6),
    )


def _best_network(topology: Topology, member: Container) -> Network | None:
    """The network of ``member`` that another would join: the most shared one, internal ones last."""
    found = [topology.network(endpoint.network) for endpoint in member.endpoints]
    usable = [network for network in found if network is not None and open_for_joining(network)]
    return min(usable, key=lambda network: (-_sharedness(topology, network, member), network.internal), default=None)


def _sharedness(topology: Topology, network: Network, member: Container) -> int:
    """2: a platform's. 1: not its member's own project's, so meant to be joined from outside. 0: its own."""
    if network.name in PLATFORM_NETWORKS:
        return 2
    project = member.project
    if project is not None and (network.labels.get(_PROJECT) == project or network.name == project):
        return 0
    # Without a project nothing says whose network it is: an only member counts as its owner.
    return 1 if project is not None or len(topology.members(network.id)) > 1 else 0


def _replicas(one: Container, other: Container) -> bool:
    same = one.project is not None and one.project == other.project and one.service is not None
    return same and one.service == other.service and not _oneoff(one)


def _oneoff(container: Container) -> bool:
    return container.labels.get("com.docker.compose.oneoff", "").lower() == "true"
