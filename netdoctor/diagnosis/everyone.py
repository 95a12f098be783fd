"""All pairs at once: a light question each, and a whole examination of one edge for every way in which pairs fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from netdoctor.diagnosis.ask import Asker, Progress, probe_for
from netdoctor.diagnosis.ladder import ADDRESSES, addresses, path_explained
from netdoctor.diagnosis.run import TIMEOUT, Standing, diagnose, edge_reports, overall, with_ports
from netdoctor.diagnosis.unseen import with_unseen
from netdoctor.model import (
    Answers,
    Case,
    Edge,
    EdgeReport,
    Finding,
    Question,
    Report,
    Topology,
    Verdict,
    predicted_addresses,
)
from netdoctor.probes.dns import Dns
from netdoctor.probes.interface import World
from netdoctor.probes.listeners import Listeners
from netdoctor.probes.membership import Membership
from netdoctor.probes.tcp import Tcp

SHORT = 0.2
"""Seconds for the one dial of a pair that shares no network: an answer, should there be a way, takes a millisecond."""

Alike = tuple[object, ...]


def diagnose_pairs(
    topology: Topology,
    edges: Sequence[Edge],
    vantages: Standing,
    *,
    left_out: Sequence[str] = (),
    timeout: float = TIMEOUT,
    clock: Callable[[], float] = time.monotonic,
    only: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> Report:
    """Membership, name and TCP for each edge; a pair that shares no network costs one short dial and no name.

    Raises nothing for what the network does.
    """
    began = clock()
    world = World(topology, vantages.at, timeout, clock)
    with Asker(world, _memberships(edges, world), progress=progress) as asking:
        edges, silent = _listening(topology, with_ports(topology, edges, asking), asking.answers)
        for _ in range(2):
            # The addresses to dial may come from the names' answers.
            wanted = [question for edge in edges for question in _rungs(Case(topology, edge, asking.answers))]
            asking.ask(wanted, {each: SHORT for each in wanted if isinstance(each, Tcp) and each.brief})
        answers = asking.answers
    reports = edge_reports(topology, edges, answers, vantages, both_ways=False)
    groups = _alike(topology, reports)
    ends = {ref for group in groups.values() for ref in (group[0].edge.source, group[0].edge.target)}
    examined = diagnose(
        topology,
        [group[0].edge for group in groups.values()],
        vantages,
        timeout=timeout,
        clock=clock,
        only=only,
        skip=skip,
        recorded=Answers({question: seen for question, seen in answers if question.at in ends}),
        progress=progress,
    )
    reports = _spread(reports, groups, examined)
    return with_unseen(
        replace(
            examined,
            verdict=overall(each.verdict for each in reports),
            edges=tuple(reports),
            notices=(*examined.notices, *left_out, *silent),
            seconds=clock() - began,
        )
    )


def _memberships(edges: Iterable[Edge], world: World) -> Answers:
    """Without the pool: they are read off the topology, and are half of all the questions."""
    questions = dict.fromkeys(Membership(edge.source, edge.target) for edge in edges)
    return Answers({question: probe_for(question).ask(question, world) for question in questions})


def _rungs(case: Case) -> Iterator[Question[Any]]:
    edge = case.edge
    if edge is None:
        return
    brief = path_explained(case.topology, edge)
    if edge.name is not None and not brief:
        name = Dns(edge.source, edge.name)
        yield name
        if name not in case.seen:
            return
    if edge.port is None:
        return
    dialled = addresses(case.topology, edge, case.seen) or predicted_addresses(case.topology, edge)
    # Behind a closed path one address is as good as all.
    for address in dialled[: 1 if brief else ADDRESSES]:
        yield Tcp(edge.source, address, edge.port, brief=brief)


def _listening(topology: Topology, edges: Sequence[Edge], answers: Answers) -> tuple[list[Edge], list[str]]:
    """Without the pairs whose target takes connections on no port at all: there is nothing to ask."""
    silent = set()
    for target in {edge.target for edge in edges if edge.port is None}:
        seen = answers.get(Listeners(target))
        if seen is not None and seen.evidence is not None and not seen.evidence.sockets:
            silent.add(target)
    names = sorted(each.name for ref in silent if (each := topology.container(ref)) is not None)
    return [edge for edge in edges if edge.port is not None or edge.target not in silent], [
        f"{name} listens on no port, and is no target here" for name in names
    ]


def _alike(topology: Topology, reports: Iterable[EdgeReport]) -> dict[Alike, list[EdgeReport]]:
    """The edges that do not hold, by what is the same about their failure."""
    groups: dict[Alike, list[EdgeReport]] = {}
    for report in reports:
        if report.verdict is not Verdict.HOLDS:
            groups.setdefault(_failure(topology, report), []).append(report)
    return groups


def _failure(topology: Topology, report: EdgeReport) -> Alike:
    edge = report.edge
    source, target = topology.container(edge.source), topology.container(edge.target)
    if source is None or target is None:
        return (edge,)
    if path_explained(topology, edge):
        networks = sorted(tuple(sorted(e.network for e in topology.endpoints_of(each))) for each in (source, target))
        return (*networks, report.verdict)
    seen = tuple((step.layer, step.observation.outcome) for step in report.steps)
    return (edge.target, edge.port, report.reason, seen, *(n.id for n in topology.shared_networks(source, target)))


def _spread(reports: Iterable[EdgeReport], groups: dict[Alike, list[EdgeReport]], examined: Report) -> list[EdgeReport]:
    """What was found on one edge of a group is said of the others."""
    found: dict[Edge, EdgeReport] = {}
    for group, first in zip(groups.values(), examined.edges, strict=True):
        cause = next((each for each in examined.findings if each.edge == first.edge), None)
        found |= {each.edge: _as(each, first, cause) for each in group[1:]}
        found[group[0].edge] = first
    return [found.get(each.edge, each) for each in reports]


def _as(report: EdgeReport, first: EdgeReport, cause: Finding | None) -> EdgeReport:
    if report.verdict is not Verdict.BROKEN or first.verdict is not Verdict.BROKEN:
        return report
    said = f"{cause.code} {cause.title}, as {first.label}" if cause is not None else f"as {first.label}"
    return replace(report, reason=said, like=first.label)
