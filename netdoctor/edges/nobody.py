"""Hosts in a container's environment that could be a container's, and are nobody's: misspelt, never created, gone."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from netdoctor.edges.address import parse_address
from netdoctor.edges.environment import HOST_ALIASES, Mention, edge_from, mentions, names_of
from netdoctor.edges.likeness import is_free, meant_by_likeness
from netdoctor.edges.loopback import for_browsers, meant_by_kind
from netdoctor.errors import UsageError
from netdoctor.model import Container, Edge, Ref, Topology

_WORD = re.compile(r"(?!\d+\Z)[a-z0-9][a-z0-9_-]*\Z")
"""A name with a dot belongs to the world outside."""
_OWN = re.compile(r"(?i)LISTEN|BIND|ADVERTIS|^(ASPNETCORE|DOTNET)_")
"""Variables by which a program says where itself is."""


def edges_to_nobody(
    topology: Topology, caller: Container, meant: Collection[str], taken: Collection[str]
) -> list[Edge]:
    """One edge to each such host and port. ``meant``: names, lower case, that lead to somebody all the same;
    ``taken``: what ``names_in_use`` says.

    Only with a port, or a scheme that has one: a host alone may be any word. Only where Docker answers names.
    """
    if not _asks_docker(topology, caller):
        return []
    found: dict[tuple[str, int | None], Edge] = {}
    for mention in mentions(caller):
        host = mention.address.host.lower()
        # A leftover beside the right name, which the likeness or the kind of its target tells.
        if (
            host not in meant
            and _could_be_a_container(caller, mention, taken)
            and not _means(topology, caller, mention)
        ):
            edge = replace(edge_from(caller, caller, mention), target=Ref("external", host))
            found.setdefault((host, edge.port), edge)
    return list(found.values())


def leads_to_nobody(edge: Edge) -> bool:
    """Whether it is one of these."""
    return edge.target.kind == "external" and edge.target.id not in HOST_ALIASES and edge.origin != "argument"


def edge_to_nobody(topology: Topology, caller: Container, typed: str) -> Edge | None:
    """The same, for a name (perhaps with a port) that somebody typed and that the caller's environment has too."""
    try:
        address = parse_address(typed)
    except UsageError:
        return None
    for edge in edges_to_nobody(topology, caller, (), names_in_use(topology)):
        if edge.name is not None and edge.name.lower() == address.host.lower() and address.path is None:
            return replace(edge, port=address.port) if address.port is not None else edge
    return None


def names_in_use(topology: Topology) -> frozenset[str]:
    """Lower case; those of containers that could not be looked at too."""
    unseen = {name for each in topology.unseen_containers for name in (each.name, each.service, *each.also) if name}
    return frozenset(name.lower() for name in unseen).union(*(names_of(each) for each in topology.containers))


def _could_be_a_container(caller: Container, mention: Mention, taken: Collection[str]) -> bool:
    """One word with a port that nobody has, and that the caller does not know by itself."""
    host = mention.address.host.lower()
    if mention.address.port is None or not _WORD.match(host) or not is_free(host, taken):
        return False
    if for_browsers(mention.variable) or _OWN.search(mention.variable):
        return False
    lines = any(line.partition(":")[0].lower() == host for line in caller.extra_hosts or ())
    return not lines and host != (caller.hostname or "").lower() and all(link.alias != host for link in caller.links)


def _means(topology: Topology, caller: Container, mention: Mention) -> bool:
    others = [(each, names_of(each)) for each in topology.containers if each.id != caller.id]
    like = meant_by_likeness(topology, caller, mention.address, others)
    return like is not None or meant_by_kind(topology, caller, mention.variable, mention.address) is not None


def _asks_docker(topology: Topology, caller: Container) -> bool:
    """On a network of its own on which the engine answers names."""
    networks = (topology.network(endpoint.network) for endpoint in caller.endpoints)
    own = any(n is not None and not n.default_bridge and n.driver not in ("host", "null") for n in networks)
    return own and not (caller.network_mode or "").startswith(("host", "none", "container:"))
