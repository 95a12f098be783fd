"""What works now, written down as expectations. Names and ports only: nothing of an environment's values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from netdoctor.errors import NetdoctorError
from netdoctor.model import Container, EdgeReport, Topology, Verdict
from netdoctor.topology.names import find_container

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:@%+~,-]*(?: ->)? ?[A-Za-z0-9_./:@%+~?=&,-]*")
HEAD = """\
# What must work (->) and what must not (-x>). Checked by: netdoctor check
# Learned on {day} with: netdoctor expect --learn
# {count} of {asked} connections that were asked worked; only those are listed. Add what must NOT work by hand:
#   - web -x> db:5432 (isolated)
version: 1
expectations:
"""


def learned(topology: Topology, reports: Iterable[EdgeReport], day: str) -> tuple[str, int]:
    """The file's text, and how many expectations it holds. ``reports``: what was asked, declared edges first."""
    reports = list(reports)
    declared: dict[str, None] = {}
    others: dict[str, None] = {}
    for report in reports:
        line = _line(topology, report)
        if line is not None:
            (others if report.edge.origin in ("pair", "listeners") else declared).setdefault(line)
    found = [
        *(["  # Declared by the containers' environment or depends_on:"] if declared else []),
        *(f"  - {each}" for each in declared),
        *(
            ["  # Reachable, though nothing declares it; delete what nobody needs:"]
            if set(others) - set(declared)
            else []
        ),
        *(f"  - {each}" for each in others if each not in declared),
    ]
    count = len({*declared, *others})
    body = "\n".join(found) if found else "  []"
    return HEAD.format(day=day, count=count, asked=len(reports)) + body + "\n", count


def short_name(topology: Topology, container: Container) -> str:
    """The most lasting name that means this container alone: service, project/service, name."""
    candidates = [container.service, f"{container.project}/{container.service}" if container.service else None]
    for name in candidates:
        try:
            if name and find_container(topology, name).id == container.id:
                return name
        except NetdoctorError:
            continue
    return container.name


def _line(topology: Topology, report: EdgeReport) -> str | None:
    edge = report.edge
    source, target = topology.container(edge.source), topology.container(edge.target)
    if report.verdict is not Verdict.HOLDS or source is None or target is None or edge.port is None:
        return None
    path = edge.path if edge.path and edge.path != "/" and "?" not in edge.path else ""
    text = f"{short_name(topology, source)} -> {short_name(topology, target)}:{edge.port}{path}"
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
