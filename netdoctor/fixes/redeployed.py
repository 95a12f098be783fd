"""After a platform made containers anew: what was confirmed is asked once more, of the new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netdoctor.errors import FixFailed, NetdoctorError
from netdoctor.fixes.run import Desk, Outcome
from netdoctor.model import Edge, Ref, Topology, Verdict

PATIENCE = 30
"""Looks, one second apart: a new container needs a moment until its program listens."""


def broken_by_deploy(outcomes: Sequence[Outcome], desk: Desk, *, patience: int = PATIENCE) -> FixFailed | None:
    """None when every edge that a kept fix was confirmed by holds again; else what does not."""
    said = ""
    for turn in range(patience):
        if turn:
            desk.sleep(1.0)
        now = desk.look()
        said = _first_problem(outcomes, desk, now)
        if not said:
            return None
    return FixFailed(
        f"The platform deployed the stack, and now {said}.",
        hint="Look at the platform's own log. netdoctor undo tells it what it had before.",
    )


def _first_problem(outcomes: Sequence[Outcome], desk: Desk, now: Topology) -> str:
    for outcome in outcomes:
        report = outcome.report
        if not outcome.kept or report is None or report.topology is None:
            continue
        edges = []
        for each in report.edges:
            if each.verdict is not Verdict.HOLDS:
                continue
            moved = _moved(each.edge, report.topology, now)
            if moved is None:
                return f"a container of {each.label} is gone"
            edges.append(moved)
        try:
            again = desk.recheck(now, edges)
        except NetdoctorError as error:
            return error.message.rstrip(".")
        failing = next((each.label for each in again.edges if each.verdict is not Verdict.HOLDS), None)
        if failing is not None:
            return f"{failing} does not hold any more"
    return ""


def _moved(edge: Edge, before: Topology, now: Topology) -> Edge | None:
    """The same edge between the containers that bear the names now."""
    source, target = _place(edge.source, before, now), _place(edge.target, before, now)
    return replace(edge, source=source, target=target) if source is not None and target is not None else None


def _place(ref: Ref, before: Topology, now: Topology) -> Ref | None:
    if ref.kind != "container" or now.container(ref.id) is not None:
        return ref
    was = before.container(ref.id)
    found = next((c for c in now.containers if was is not None and c.name == was.name), None)
    return found.ref if found is not None else None
