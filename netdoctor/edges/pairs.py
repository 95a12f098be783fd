"""Every pair of running containers, as edges: what ``check --all`` asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from netdoctor.edges.arguments import all_edges
from netdoctor.edges.catalogue import services_of
from netdoctor.model import Container, Edge, Topology


@dataclass(frozen=True, slots=True)
class Pairs:
    """``edges`` without a port where nothing says one; ``left_out``: who cannot be one end of a pair, and why."""

    edges: tuple[Edge, ...]
    left_out: tuple[str, ...] = ()


def pairs(topology: Topology, within: frozenset[str] = frozenset()) -> Pairs:
    """``within``: only containers of these Compose projects; empty: all."""
    everyone = [each for each in topology.containers if each.running and (not within or each.project in within)]
    left_out = [
        f"{each.name} has no network, so nothing goes in or out" for each in everyone if _cut_off(topology, each)
    ]
    callers = [each for each in everyone if not _cut_off(topology, each)]
    targets = [each for each in callers if _addresses(topology, each)]
    left_out += [
        f"{each.name} has no address of its own ({each.network_mode} network), and is no target here"
        for each in callers
        if each not in targets
    ]
    declared = _declared(topology, callers)
    edges = [
        declared.get((caller.id, target.id)) or _edge(topology, caller, target)
        for caller in callers
        for target in targets
        if caller.id != target.id
    ]
    return Pairs(tuple(edges), tuple(left_out))


def only_projects(edges: Iterable[Edge], topology: Topology, within: frozenset[str]) -> tuple[Edge, ...]:
    """The edges that begin in one of these Compose projects; all when none is named."""
    return tuple(
        edge
        for edge in edges
        if not within or ((source := topology.container(edge.source)) is not None and source.project in within)
    )


def _declared(topology: Topology, callers: Sequence[Container]) -> dict[tuple[str, str], Edge]:
    ids = {each.id for each in callers}
    found: dict[tuple[str, str], Edge] = {}
    for edge in all_edges(topology):
        if edge.source.id in ids and edge.target.id in ids and edge.port is not None:
            source, target = topology.container(edge.source), topology.container(edge.target)
            apart = source is not None and target is not None and not topology.shared_networks(source, target)
            # No name is asked for where no network could carry it.
            found.setdefault((edge.source.id, edge.target.id), replace(edge, name=None) if apart else edge)
    return found


def _edge(topology: Topology, caller: Container, target: Container) -> Edge:
    """By the name that a person would use, where the two share a network that has names."""
    named = any(not network.default_bridge for network in topology.shared_networks(caller, target))
    borrowed = "host" in (caller.network_mode, target.network_mode)
    name = (target.service if _alone(topology, target) else None) or target.name
    return Edge(
        caller.ref,
        target.ref,
        name=name if named and not borrowed and target.endpoints and caller.endpoints else None,
        port=services_of(target.image)[0].port if services_of(target.image) else None,
        origin="pair",
    )


def _alone(topology: Topology, target: Container) -> bool:
    """Its service has no other container: the service's name means this one."""
    same = [each for each in topology.containers if each.service == target.service and each.project == target.project]
    return len(same) == 1


def _cut_off(topology: Topology, container: Container) -> bool:
    owner = topology.network_owner(container)
    return owner is None or owner.network_mode == "none"


def _addresses(topology: Topology, container: Container) -> list[str]:
    return [address for endpoint in topology.endpoints_of(container) for address in endpoint.addresses]
