"""Expectations as edges of one topology. What cannot be found there is unknown, with the reason, and never healthy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netdoctor.edges.address import Address
from netdoctor.edges.arguments import HOST_WORD, edge_to
from netdoctor.edges.environment import answering, names_of
from netdoctor.edges.expectation_file import Entry
from netdoctor.errors import Ambiguous, NetdoctorError, NotFound
from netdoctor.model import HOST, Container, Edge, EdgeReport, Expect, Ref, Topology, Verdict
from netdoctor.topology.names import find_container


@dataclass(frozen=True, slots=True)
class Meant:
    """One entry in one topology: the edges to ask, or (as reports already) why there is nothing to ask."""

    entry: Entry
    edges: tuple[Edge, ...] = ()
    unknown: tuple[EdgeReport, ...] = ()


def resolve(topology: Topology, entries: Sequence[Entry], projects: frozenset[str] = frozenset()) -> tuple[Meant, ...]:
    """Each entry on its own; a service with several containers is as many edges. Raises nothing.

    ``projects``: whose container is meant where a name is there several times.
    """
    return tuple(_meant(topology, entry, projects) for entry in entries)


def _meant(topology: Topology, entry: Entry, projects: frozenset[str]) -> Meant:
    edges: list[Edge] = []
    try:
        for source in _sources(topology, entry, projects):
            edges += _edges(topology, entry, source, projects)
    except NetdoctorError as error:
        return Meant(entry, unknown=(_unknown(topology, entry, error.message),))
    return Meant(entry, tuple(dict.fromkeys(edges)))


def _sources(topology: Topology, entry: Entry, projects: frozenset[str]) -> Sequence[Container | None]:
    """None: this machine."""
    if entry.source == HOST_WORD and not any(each.name == HOST_WORD for each in topology.containers):
        return (None,)
    return _everyone(topology, entry.source, projects)


def _edges(topology: Topology, entry: Entry, source: Container | None, projects: frozenset[str]) -> Iterator[Edge]:
    typed = Address(entry.target, entry.port, entry.path, entry.protocol, entry.port is not None)
    for target in _targets(topology, entry, source, projects):
        edge = edge_to(topology, source, target, typed)
        if entry.protocol is not None:
            edge = replace(edge, protocol=entry.protocol)
        if entry.expectation.expect is Expect.ISOLATED:
            # No port: not the usual one only, but whatever the target listens on. A path says nothing here.
            edge = replace(edge, port=entry.port, path=None)
        name = entry.target.rpartition("/")[2].lower()
        if target is not None and source is not None and name in names_of(target):
            edge = replace(edge, name=name)
        yield replace(edge, origin="expectation", expectation=entry.expectation, basis=None)


def _targets(
    topology: Topology, entry: Entry, source: Container | None, projects: frozenset[str]
) -> Sequence[Container | None]:
    """None: a host outside Docker."""
    own = projects or (frozenset({source.project}) if source is not None and source.project else frozenset())
    try:
        return _everyone(topology, entry.target, own)
    except Ambiguous:
        found = _answering(topology, source, entry.target)
        if found:
            return found
        raise
    except NotFound:
        found = _answering(topology, source, entry.target)
        owners = [each for each in topology.containers if entry.target in _addresses(each)]
        if found or owners:
            return found or owners[:1]
        if "." in entry.target or ":" in entry.target or _in_hosts(source, entry.target):
            return (None,)
        raise


def _everyone(topology: Topology, name: str, projects: frozenset[str]) -> Sequence[Container]:
    """The container of that name, or all containers of the one service that has it."""
    try:
        return (find_container(topology, name),)
    except Ambiguous:
        project, slash, service = name.rpartition("/")
        found = [
            each
            for each in topology.containers
            if each.service == service and (not slash or each.project == project) and each.running
        ]
        if not slash:
            found = [each for each in found if each.project in projects] or found
        if found and len({each.project for each in found}) == 1:
            return found
        raise


def _answering(topology: Topology, source: Container | None, name: str) -> list[Container]:
    """Whom Docker's DNS, or a link, would lead to."""
    return answering(topology, source, name.lower().rstrip(".")) if source is not None else []


def _addresses(container: Container) -> set[str]:
    return {address for endpoint in container.endpoints for address in endpoint.addresses}


def _in_hosts(source: Container | None, name: str) -> bool:
    return source is not None and any(line.partition(":")[0] == name for line in source.extra_hosts or ())


def _unknown(topology: Topology, entry: Entry, reason: str) -> EdgeReport:
    """An edge whose ends are names only."""
    ends = [_ref(topology, name) for name in (entry.source, entry.target)]
    edge = Edge(
        ends[0],
        ends[1],
        name=entry.target,
        port=entry.port,
        path=entry.path,
        protocol=entry.protocol or "tcp",
        origin="expectation",
        expectation=entry.expectation,
    )
    label = entry.text.partition(" (")[0]
    return EdgeReport(edge, label, Verdict.UNKNOWN, (), reason=reason, reverse_reason="not asked")


def _ref(topology: Topology, name: str) -> Ref:
    if name == HOST_WORD:
        return HOST
    try:
        return find_container(topology, name).ref
    except NetdoctorError:
        return Ref("external", name)
