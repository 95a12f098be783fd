"""Two looks at the engine compared: which containers changed in a way that connections can feel, and which edges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netdoctor.model import Container, Edge, Topology

Signature = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Between two looks. ``containers``: ids, of those that came and went as well."""

    containers: frozenset[str] = frozenset()
    names: frozenset[tuple[str, str]] = frozenset()
    """(network id, name): what Docker's DNS may answer anew, because somebody who carries it changed."""

    def touch(self, edge: Edge, topology: Topology) -> bool:
        """Whether the edge has to be asked again: an end changed, or whoever else answers to its name."""
        if edge.source.id in self.containers or edge.target.id in self.containers:
            return True
        source = topology.container(edge.source) if edge.source.kind == "container" else None
        if edge.name is None or source is None:
            return False
        name = edge.name.lower()
        return any((endpoint.network, name) in self.names for endpoint in topology.endpoints_of(source))


def compare(before: Topology, after: Topology) -> Changes:
    """What is different. A container that borrows a namespace changes with its owner."""
    old = {each.id: _signature(before, each) for each in before.containers}
    new = {each.id: _signature(after, each) for each in after.containers}
    changed = frozenset(each for each in old.keys() | new.keys() if old.get(each) != new.get(each))
    touched = [found for each in changed for found in (before.container(each), after.container(each)) if found]
    return Changes(changed, frozenset(_names(touched)))


def _names(containers: Iterable[Container]) -> Iterable[tuple[str, str]]:
    for container in containers:
        for endpoint in container.endpoints:
            for name in endpoint.names:
                yield endpoint.network, name


def _signature(topology: Topology, container: Container) -> Signature:
    owner = topology.network_owner(container)
    own = _own(container)
    return own if owner is None or owner.id == container.id else (own, _own(owner))


def _own(container: Container) -> Signature:
    state = container.state
    return (
        container.name,
        (state.status, state.running, state.paused, state.restarting, state.pid, state.started_at) if state else None,
        container.health.status if container.health else None,
        tuple(sorted((e.network, e.ipv4 or "", e.ipv6 or "", e.aliases, e.names) for e in container.endpoints)),
    )
