"""The other connections of the containers that a fix changes: what passes now has to pass afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netdoctor.edges.arguments import edges_of
from netdoctor.errors import NetdoctorError
from netdoctor.fixes.plan import PlannedFix, changed_by
from netdoctor.model import Edge, Topology

LIMIT = 256
"""Edges asked besides the explained ones; one that needs a helper container for each caller takes its time."""


def bystanders(
    topology: Topology,
    fixes: Sequence[PlannedFix],
    asked: Sequence[Edge],
    notice: Callable[[str], None] = lambda _: None,
) -> list[Edge]:
    """Declared edges touching the containers that ``fixes`` change, but for those that are asked anyway.

    ``notice`` is told when there are more than :data:`LIMIT`: the rest is judged by nobody.
    """
    known = {(edge.source, edge.target, edge.port) for edge in asked}
    found: list[Edge] = []
    for container_id in dict.fromkeys(c for fix in fixes for c in changed_by(fix.operations)):
        container = topology.container(container_id)
        try:
            touching = edges_of(topology, container.name) if container is not None else ()
        except NetdoctorError:
            continue
        for edge in touching:
            key = (edge.source, edge.target, edge.port)
            if key not in known:
                known.add(key)
                found.append(edge)
    if len(found) > LIMIT:
        notice(f"{len(found) - LIMIT} of the {len(found)} other connections of these containers are not asked again.")
    return found[:LIMIT]
