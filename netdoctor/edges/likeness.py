"""A written name that belongs to nobody: whom it must mean, if it is so like one container's own name."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from netdoctor.edges.address import Address
from netdoctor.edges.loopback import is_loopback
from netdoctor.model import Container, Topology

_LIKENESS = 0.75
_SHORTEST = 4
"""Characters; shorter names are like too many others."""


def is_free(host: str, taken: Collection[str]) -> bool:
    """A name for a container that no container has: a name with a dot belongs to the world outside."""
    host = host.rstrip(".")
    return "." not in host and ":" not in host and host not in taken and not is_loopback(host)


def alike(host: str, name: str) -> bool:
    """A typing error, or a name with something before or behind it (a platform's suffix, a project)."""
    if len(host) < _SHORTEST or len(name) < _SHORTEST:
        return False
    if host.startswith(name) or name.startswith(host):
        return True
    return difflib.SequenceMatcher(None, host, name).ratio() >= _LIKENESS


def meant_by_likeness(
    topology: Topology, caller: Container, address: Address, others: Iterable[tuple[Container, frozenset[str]]]
) -> Container | None:
    """The one neighbour whose name is so like this address's host; None when nobody is, or several are.

    ``others``: the other containers with their names, lower case. Neighbours are those of the caller's project and
    networks: a stranger's name is like it by chance. A host without port and scheme may be any word.
    """
    host = address.host.lower().rstrip(".")
    if address.port is None or not host[:1].isalpha():
        return None
    if any(line.partition(":")[0].lower() == host for line in caller.extra_hosts or ()):
        return None
    if host in (caller.hostname or "").lower() or any(link.alias == host for link in caller.links):
        return None
    near = [
        each
        for each, names in others
        if each.id != caller.id and _neighbours(topology, caller, each) and any(alike(host, name) for name in names)
    ]
    return near[0] if len(near) == 1 else None


def _neighbours(topology: Topology, caller: Container, other: Container) -> bool:
    own = caller.project is not None and caller.project == other.project
    return own or any(not network.default_bridge for network in topology.shared_networks(caller, other))
