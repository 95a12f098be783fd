"""One diagnosis of containers that may change while they are asked: once more from a fresh look, then it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netdoctor.diagnosis.run import CHANGED
from netdoctor.model import Edge, Report, Topology


def diagnose_steadily(
    topology: Topology,
    edges: Sequence[Edge],
    diagnose: Callable[[Topology, Sequence[Edge]], Report],
    look_again: Callable[[], Topology],
) -> Report:
    """Ask and judge; once more when an end changed while it was asked."""
    report = diagnose(topology, edges)
    if any(edge.reason.startswith(CHANGED) for edge in report.edges):
        now = look_again()
        # An end that is gone cannot be asked again; the first report says so, by its name.
        if all(now.container(end) for edge in edges for end in (edge.source, edge.target) if end.kind == "container"):
            report = diagnose(now, edges)
    return report
