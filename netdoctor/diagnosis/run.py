"""One diagnosis from topology and edges to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from netdoctor.diagnosis import isolation
from netdoctor.diagnosis.ask import Asker, Progress, probe_for
from netdoctor.diagnosis.judge import Broken, applicable, judge_edge, order, unjudged, verdict_with
from netdoctor.diagnosis.ladder import ladder
from netdoctor.diagnosis.opened import opened_meanwhile
from netdoctor.diagnosis.unseen import with_unseen
from netdoctor.diagnosis.verdict import decide
from netdoctor.model import (
    Answers,
    Case,
    Edge,
    EdgeReport,
    Finding,
    Observation,
    Question,
    Ref,
    Report,
    Rule,
    SkippedRule,
    Step,
    Topology,
    Unjudged,
    Verdict,
)
from netdoctor.probes.interface import World
from netdoctor.probes.listeners import Listeners
from netdoctor.rules.registry import RULES
from netdoctor.vantage.interface import Vantage

CHANGED = "target changed while it was asked"
"""How the reason of an edge begins whose ends moved under the questions."""
ROUNDS = 4
"""Rules may ask for more as answers arrive, this often at most."""
LOOKS = 8
"""Containers that are inspected again side by side."""
TIMEOUT = 4.0
"""Seconds for one question: a dead address in the own subnet needs 3.1 to say so."""


class Standing(Protocol):
    """Where vantages come from (``vantage.choose.Vantages``)."""

    def at(self, ref: Ref) -> Vantage:
        """Raises CannotAsk or NoVantage."""

    def changed(self, ref: Ref) -> str | None:
        """What is different at that container since the topology was taken, or None."""

    def used(self) -> tuple[str, ...]:
        """Helpers that a person should know of."""


def diagnose(
    topology: Topology,
    edges: Sequence[Edge],
    vantages: Standing,
    *,
    timeout: float = TIMEOUT,
    clock: Callable[[], float] = time.monotonic,
    only: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
    both_ways: bool = True,
    recorded: Answers | None = None,
    progress: Progress | None = None,
) -> Report:
    """Ask everything the edges and the rules want, and judge. Raises nothing for what the network does.

    ``recorded`` answers are taken as given; only questions beyond them are asked. An edge that must not work is
    judged by what ``isolation`` wants, and by no rule.
    """
    began = clock()
    rules, skipped = applicable(_chosen(only, skip), topology)
    world = World(topology, vantages.at, timeout, clock, getattr(vantages, "listed", None))
    broken = Broken()
    with Asker(world, recorded, progress=progress) as asking:
        edges = with_ports(topology, edges, asking)
        backwards = [edge.backwards() for edge in edges if not edge.isolated] if both_ways else []
        _rounds(topology, [*edges, *backwards], rules, asking, broken, timeout)
        answers = asking.answers
    opened = opened_meanwhile(edges, answers, world) if recorded is None else {}
    reports = edge_reports(topology, edges, answers, vantages, both_ways, opened)
    findings: list[Finding] = []
    silent: list[Unjudged] = list(_silent_ladder(topology, edges, answers))
    for number, (edge, report) in enumerate(zip(edges, reports, strict=True)):
        if edge.isolated:
            continue
        case = Case(topology, edge, answers)
        judged = judge_edge(case, rules, report.verdict, broken)
        reports[number] = replace(report, verdict=verdict_with(report.verdict, judged))
        findings += judged
        silent += unjudged(case, rules, broken)
    whole = Case(topology, None, answers)
    findings += judge_edge(whole, rules, Verdict.UNKNOWN, broken)
    silent += [*unjudged(whole, rules, broken), *broken.unjudged()]
    return with_unseen(
        Report(
            verdict=overall(report.verdict for report in reports),
            edges=tuple(reports),
            findings=_once(findings),
            unjudged=tuple(dict.fromkeys(silent)),
            skipped=skipped,
            topology=topology,
            seconds=clock() - began,
            notices=vantages.used(),
            seen=answers,
        )
    )


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Broken beats unknown beats holds; nothing asked is unknown."""
    found = set(verdicts)
    if Verdict.BROKEN in found:
        return Verdict.BROKEN
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found or not found else Verdict.HOLDS


def _chosen(only: frozenset[str], skip: frozenset[str]) -> list[Rule]:
    return [rule for rule in RULES if (not only or rule.code in only) and rule.code not in skip]


def _rounds(
    topology: Topology,
    edges: Sequence[Edge],
    rules: Sequence[Rule],
    asking: Asker,
    broken: Broken,
    timeout: float,
) -> None:
    for _ in range(ROUNDS):
        wanted: list[Question[Any]] = []
        patience: dict[Question[Any], float] = {}
        for edge in edges:
            case = Case(topology, edge, asking.answers)
            own = edge.expectation.timeout if edge.expectation is not None else None
            if edge.isolated:
                for question, seconds in isolation.wants(case, own or timeout):
                    wanted.append(question)
                    patience[question] = max(seconds, patience.get(question, 0.0))
                continue
            rungs = list(ladder(case))
            if own is not None:
                patience |= {question: max(own, patience.get(question, 0.0)) for question in rungs}
            wanted += rungs
            if not edge.reverse:
                wanted += [question for rule in rules for question in broken.wants(rule, case)]
        whole = Case(topology, None, asking.answers)
        wanted += [question for rule in rules for question in broken.wants(rule, whole)]
        if asking.ask(wanted, patience) == 0:
            return


def with_ports(topology: Topology, edges: Sequence[Edge], asking: Asker) -> list[Edge]:
    """An edge without a port takes the target's real listeners: an exposed one first, else the lowest."""
    unported = [_wants_port(edge) for edge in edges]
    asking.ask(Listeners(edge.target) for edge, wanted in zip(edges, unported, strict=True) if wanted)
    ports: dict[Ref, int | None] = {}
    found = []
    for edge, wanted in zip(edges, unported, strict=True):
        if wanted and edge.target not in ports:
            ports[edge.target] = _listening(topology, edge, asking.answers)
        port = ports[edge.target] if wanted else None
        found.append(replace(edge, port=port, origin="listeners") if port is not None else edge)
    return found


def _wants_port(edge: Edge) -> bool:
    return edge.port is None and edge.target.kind == "container" and not edge.isolated


def _listening(topology: Topology, edge: Edge, answers: Answers) -> int | None:
    observation = answers.get(Listeners(edge.target))
    if observation is None or observation.evidence is None:
        return None
    reachable = observation.evidence.ports
    if reachable:
        target = topology.container(edge.target)
        exposed = {port for port, protocol in (target.exposed if target else None) or () if protocol == "tcp"}
        return next((port for port in reachable if port in exposed), reachable[0])
    return min((socket.port for socket in observation.evidence.sockets), default=None)


def edge_reports(
    topology: Topology,
    edges: Sequence[Edge],
    answers: Answers,
    vantages: Standing,
    both_ways: bool,
    opened: Mapping[Ref, str] = MappingProxyType({}),
) -> list[EdgeReport]:
    """Every edge with its verdict and its ladder. What moved while it was asked is unknown, with the reason."""
    cases = [Case(topology, edge, answers) for edge in edges]
    decided = [
        isolation.decide(case) if edge.isolated else decide(case) for edge, case in zip(edges, cases, strict=True)
    ]
    suspects = [
        edge
        for edge, (verdict, _) in zip(edges, decided, strict=True)
        if verdict is Verdict.BROKEN or (edge.isolated and verdict is Verdict.HOLDS)
    ]
    moved = {**opened, **_moved(vantages, [ref for edge in suspects for ref in (edge.source, edge.target)])}
    found = []
    for case, edge, (verdict, reason) in zip(cases, edges, decided, strict=True):
        said = next((moved[ref] for ref in (edge.source, edge.target) if ref in moved), None)
        if said is not None and (verdict is Verdict.BROKEN or edge.isolated):
            verdict, reason = Verdict.UNKNOWN, f"{CHANGED}: {said}"
        found.append(_edge_report(case, edge, verdict, reason, both_ways and not edge.isolated))
    return found


def _edge_report(case: Case, edge: Edge, verdict: Verdict, reason: str, both_ways: bool) -> EdgeReport:
    back = edge.backwards()
    way_back = Case(case.topology, back, case.seen)
    reverse, reverse_reason = decide(way_back) if both_ways else (Verdict.UNKNOWN, "not asked")
    steps = tuple(_steps(case))
    return EdgeReport(
        edge=edge,
        label=edge_label(case.topology, edge),
        verdict=verdict,
        steps=steps,
        reverse=tuple(_steps(way_back)) if both_ways else (),
        reverse_label=edge_label(case.topology, back),
        reverse_verdict=reverse,
        vantages=tuple(dict.fromkeys(step.observation.vantage for step in steps if step.observation.vantage)),
        reason=reason,
        reverse_reason=reverse_reason,
    )


def _moved(vantages: Standing, refs: Iterable[Ref]) -> Mapping[Ref, str]:
    """What changed at these containers since the topology was taken; each is looked at once."""
    asked = [ref for ref in dict.fromkeys(refs) if ref.kind == "container"]
    if len(asked) > LOOKS:
        with ThreadPoolExecutor(max_workers=LOOKS) as pool:
            said = list(pool.map(vantages.changed, asked))
    else:
        said = [vantages.changed(ref) for ref in asked]
    return {ref: text for ref, text in zip(asked, said, strict=True) if text is not None}


def edge_label(topology: Topology, edge: Edge) -> str:
    """``app -> qdrant:6333/healthz``, ``web -x> db:5432``"""
    port = f":{edge.port}" if edge.port is not None else ""
    arrow = "-x>" if edge.isolated else "->"
    return f"{name_of(topology, edge.source)} {arrow} {name_of(topology, edge.target)}{port}{edge.path or ''}"


def name_of(topology: Topology, ref: Ref) -> str:
    """The container's name, or the ref's own."""
    container = topology.container(ref) if ref.kind == "container" else None
    return container.name if container is not None else ref.id


def _steps(case: Case) -> Iterable[Step]:
    """The edge's own questions with their answers, in the order of the layers."""
    found = []
    isolated = case.edge is not None and case.edge.isolated
    asked = (question for question, _ in isolation.wants(case, 0.0)) if isolated else ladder(case)
    told = isolation.told(case) if isolated else {}
    for question in dict.fromkeys(asked):
        observation: Observation[Any] | None = case.seen.get(question)
        if observation is not None:
            probe = probe_for(question)
            detail = observation.reason
            if observation.known:
                detail = told.get(question) or probe.describe(question, observation)
            found.append(Step(probe.layer, probe.label(question, case.topology), question, observation, detail))
    return sorted(found, key=lambda step: step.layer.value)


def _silent_ladder(topology: Topology, edges: Sequence[Edge], answers: Answers) -> Iterable[Unjudged]:
    for edge in edges:
        for step in _steps(Case(topology, edge, answers)):
            if not step.observation.known:
                yield Unjudged(step.layer.name.lower(), step.observation.reason, step.label)


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same cause on several edges is one finding; the first edge keeps it."""
    kept: dict[tuple[str, tuple[Ref, ...], str], Finding] = {}
    for finding in findings:
        kept.setdefault((finding.code, finding.about, finding.cause), finding)
    return tuple(sorted(kept.values(), key=order))


__all__ = ["SkippedRule", "Standing", "diagnose", "edge_label", "name_of", "overall"]
