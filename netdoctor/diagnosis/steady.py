"""One diagnosis of things that may change while they are asked: they are asked again before it is told.

Containers are recreated; and while Docker Engine 20.10 makes or removes any network, it takes the jump to its isolation
rules out of the filter for some milliseconds. A dial in that moment gets through between networks that are kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netdoctor.diagnosis.run import CHANGED
from netdoctor.model import Edge, Report, Topology, Verdict

_LOOKS = 2
"""So many times in a row must an edge that got through once be closed, to count as isolated."""


def diagnose_steadily(
    topology: Topology,
    edges: Sequence[Edge],
    diagnose: Callable[[Topology, Sequence[Edge]], Report],
    look_again: Callable[[], Topology],
) -> Report:
    """Ask and judge; again when an end changed while it was asked, or when an edge that must not work got through."""
    report = diagnose(topology, edges)
    if _got_through(report):
        for _ in range(_LOOKS):
            report = diagnose(topology, edges)
            if _got_through(report):
                break
    if any(edge.reason.startswith(CHANGED) for edge in report.edges):
        now = look_again()
        # An end that is gone cannot be asked again; the first report says so, by its name.
        if all(now.container(end) for edge in edges for end in (edge.source, edge.target) if end.kind == "container"):
            report = diagnose(now, edges)
    return report


def _got_through(report: Report) -> bool:
    return any(each.edge.isolated and each.verdict is Verdict.BROKEN for each in report.edges)
