"""The other connections of the containers that a fix changes: what passes now has to pass afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from netdoctor.edges.arguments import edges_of
from netdoctor.errors import NetdoctorError
from netdoctor.fixes.plan import PlannedFix, changed_by
from netdoctor.model import Edge, Topology

LIMIT = 32
"""Edges asked besides the explained ones; a database that a hundred containers use is judged by a sample."""


def bystanders(topology: Topology, fixes: Sequence[PlannedFix], asked: Sequence[Edge]) -> list[Edge]:
    """Declared edges touching the containers that ``fixes`` change, but for those that are asked anyway."""
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
    return found[:LIMIT]
