"""One diagnosis from topology and edges to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from netdoctor.diagnosis.ask import Asker, probe_for
from netdoctor.diagnosis.judge import Broken, applicable, judge_edge, order, unjudged, verdict_with
from netdoctor.diagnosis.ladder import ladder
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
) -> Report:
    """Ask everything the edges and the rules want, and judge. Raises nothing for what the network does.

    ``recorded`` answers are taken as given; only questions beyond them are asked.
    """
    began = clock()
    rules, skipped = applicable(_chosen(only, skip), topology)
    world = World(topology, vantages.at, timeout, clock)
    broken = Broken()
    with Asker(world, recorded) as asking:
        edges = _with_ports(topology, edges, asking)
        backwards = [_way_back(edge) for edge in edges] if both_ways else []
        _rounds(topology, [*edges, *backwards], rules, asking, broken)
        answers = asking.answers
    reports = [_edge_report(topology, edge, answers, vantages, both_ways) for edge in edges]
    findings: list[Finding] = []
    silent: list[Unjudged] = list(_silent_ladder(topology, edges, answers))
    for number, (edge, report) in enumerate(zip(edges, reports, strict=True)):
        case = Case(topology, edge, answers)
        judged = judge_edge(case, rules, report.verdict, broken)
        reports[number] = replace(report, verdict=verdict_with(report.verdict, judged))
        findings += judged
        silent += unjudged(case, rules, broken)
    whole = Case(topology, None, answers)
    findings += judge_edge(whole, rules, Verdict.UNKNOWN, broken)
    silent += [*unjudged(whole, rules, broken), *broken.unjudged()]
    return Report(
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


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Broken beats unknown beats holds; nothing asked is unknown."""
    found = set(verdicts)
    if Verdict.BROKEN in found:
        return Verdict.BROKEN
    return Verdict.UNKNOWN if Verdict.UNKNOWN in found or not found else Verdict.HOLDS


def _chosen(only: frozenset[str], skip: frozenset[str]) -> list[Rule]:
    return [rule for rule in RULES if (not only or rule.code in only) and rule.code not in skip]


def _rounds(topology: Topology, edges: Sequence[Edge], rules: Sequence[Rule], asking: Asker, broken: Broken) -> None:
    for _ in range(ROUNDS):
        wanted: list[Question[Any]] = []
        for edge in edges:
            case = Case(topology, edge, asking.answers)
            wanted += ladder(case)
            if not edge.reverse:
                wanted += [question for rule in rules for question in broken.wants(rule, case)]
        whole = Case(topology, None, asking.answers)
        wanted += [question for rule in rules for question in broken.wants(rule, whole)]
        if asking.ask(wanted) == 0:
            return


def _with_ports(topology: Topology, edges: Sequence[Edge], asking: Asker) -> list[Edge]:
    """An edge without a port takes the target's real listeners: an exposed one first, else the lowest."""
    unported = [edge for edge in edges if edge.port is None and edge.target.kind == "container"]
    asking.ask(Listeners(edge.target) for edge in unported)
    found = []
    for edge in edges:
        port = _listening(topology, edge, asking.answers) if edge in unported else None
        found.append(replace(edge, port=port, origin="listeners") if port is not None else edge)
    return found


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


def _way_back(edge: Edge) -> Edge:
    return edge.backwards()


def _edge_report(topology: Topology, edge: Edge, answers: Answers, vantages: Standing, both_ways: bool) -> EdgeReport:
    case = Case(topology, edge, answers)
    verdict, reason = decide(case)
    if verdict is Verdict.BROKEN:
        moved = next((said for ref in (edge.source, edge.target) if (said := _moved(vantages, ref))), None)
        if moved is not None:
            verdict, reason = Verdict.UNKNOWN, f"{CHANGED}: {moved}"
    back = edge.backwards()
    way_back = Case(topology, back, answers)
    reverse, reverse_reason = decide(way_back) if both_ways else (Verdict.UNKNOWN, "not asked")
    steps = tuple(_steps(case))
    return EdgeReport(
        edge=edge,
        label=edge_label(topology, edge),
        verdict=verdict,
        steps=steps,
        reverse=tuple(_steps(way_back)) if both_ways else (),
        reverse_label=edge_label(topology, back),
        reverse_verdict=reverse,
        vantages=tuple(dict.fromkeys(step.observation.vantage for step in steps if step.observation.vantage)),
        reason=reason,
        reverse_reason=reverse_reason,
    )


def _moved(vantages: Standing, ref: Ref) -> str | None:
    return vantages.changed(ref) if ref.kind == "container" else None


def edge_label(topology: Topology, edge: Edge) -> str:
    """``app -> qdrant:6333/healthz``"""
    port = f":{edge.port}" if edge.port is not None else ""
    return f"{name_of(topology, edge.source)} -> {name_of(topology, edge.target)}{port}{edge.path or ''}"


def name_of(topology: Topology, ref: Ref) -> str:
    """The container's name, or the ref's own."""
    container = topology.container(ref) if ref.kind == "container" else None
    return container.name if container is not None else ref.id


def _steps(case: Case) -> Iterable[Step]:
    """The ladder's questions with their answers, in the order of the layers."""
    found = []
    for question in dict.fromkeys(ladder(case)):
        observation: Observation[Any] | None = case.seen.get(question)
        if observation is not None:
            probe = probe_for(question)
            detail = probe.describe(question, observation) if observation.known else observation.reason
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
