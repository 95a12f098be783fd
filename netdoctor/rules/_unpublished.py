"""A port that a container publishes, and that an internal network does not carry to the machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netdoctor.model import HOST, Case, Container, PortBinding, Topology
from netdoctor.rules._placing import HOST_ALIASES, mode, networks_of, runs
from netdoctor.rules._reading import connected, declared

MACHINE = HOST_ALIASES | {"localhost", "127.0.0.1", "::1", "0.0.0.0"}
Unpublished = tuple[Container, PortBinding]


def unpublished(case: Case) -> Iterator[Unpublished]:
    """In files: every such port. Live: the one that is asked for, through the machine or from it."""
    edge = case.edge
    if edge is None:
        yield from _of(case.topology.containers, case.topology, None) if declared(case.topology) else ()
        return
    if edge.reverse or declared(case.topology):
        return
    target = case.target
    from_machine = edge.source == HOST or (case.source is not None and mode(case.topology, case.source) == "host")
    if target is not None and from_machine:
        yield from _of((target,), case.topology, None)
    elif target is None and (edge.name or "").lower() in MACHINE and not connected(case):
        yield from _of(case.topology.containers, case.topology, edge.port)


def _of(containers: Iterable[Container], topology: Topology, port: int | None) -> Iterator[Unpublished]:
    for container in containers:
        networks = networks_of(topology, container)
        inside = bool(networks) and all(each.internal for each in networks) and mode(topology, container) == "own"
        wanted = [each for each in container.published or () if each.host_port and each.protocol == "tcp"]
        wanted = [each for each in wanted if port in (None, each.host_port)]
        if inside and wanted and runs(container):
            yield container, wanted[0]
