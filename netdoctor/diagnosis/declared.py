"""Edges that somebody names, judged by what files declare. Nothing is asked, so nothing is said to be reachable."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Sequence

from netdoctor.diagnosis import isolation
from netdoctor.diagnosis.declared_fix import in_the_file
from netdoctor.diagnosis.judge import applicable, judge_edge, order
from netdoctor.diagnosis.lint import CLAIM, CONTRADICTED
from netdoctor.diagnosis.run import edge_label, overall
from netdoctor.model import (
    Answers,
    Apart,
    Case,
    Confidence,
    Edge,
    EdgeReport,
    Finding,
    PortBinding,
    Report,
    Rule,
    Severity,
    Topology,
    Verdict,
)
from netdoctor.rules.registry import RULES

_SILENT = "files say nothing about what is outside them"


def judge_declared(
    topology: Topology,
    edges: Sequence[Edge],
    *,
    only: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """An edge is broken where the files contradict it, and holds where they do not; outside them it is unknown.

    An edge that must not work holds where the files give the two no way to each other, published ports included.
    """
    began = clock()
    rules, skipped = applicable((r for r in RULES if (not only or r.code in only) and r.code not in skip), topology)
    findings: list[Finding] = []
    reports: list[EdgeReport] = []
    for edge in edges:
        case = Case(topology, edge, Answers())
        if edge.isolated:
            verdict, reason = _apart(case)
        else:
            verdict, reason = _together(case, rules, findings)
        reports.append(EdgeReport(edge, edge_label(topology, edge), verdict, (), reason=reason))
    told = {(each.code, each.about, each.cause): each for each in reversed(findings)}
    return Report(
        verdict=overall(report.verdict for report in reports),
        edges=tuple(reports),
        findings=tuple(in_the_file(each, topology) for each in sorted(told.values(), key=order)),
        skipped=skipped,
        topology=topology,
        seconds=clock() - began,
        seen=Answers(),
    )


def _together(case: Case, rules: Sequence[Rule], findings: list[Finding]) -> tuple[Verdict, str]:
    if case.source is None or case.target is None:
        return Verdict.UNKNOWN, _SILENT
    mine = judge_edge(case, rules, Verdict.UNKNOWN)
    findings += mine
    if any(each.severity is Severity.ERROR and each.confidence is not Confidence.POSSIBLE for each in mine):
        return Verdict.BROKEN, CONTRADICTED
    return Verdict.HOLDS, CLAIM


def _apart(case: Case) -> tuple[Verdict, str]:
    source, target, edge = case.source, case.target, case.edge
    if source is None or target is None or edge is None:
        return Verdict.UNKNOWN, _SILENT
    wanted = edge.expectation.reason if edge.expectation is not None else Apart.ISOLATED
    if wanted is Apart.POLICY:
        return Verdict.UNKNOWN, "a policy is nothing that these files declare; ask an engine"
    reasons = isolation.why_apart(case)
    if not reasons:
        shared = ", ".join(network.name for network in case.topology.shared_networks(source, target))
        cure = f"both are on {shared}: take one of them off it" if shared else "one of them is on every network"
        return Verdict.BROKEN, f"{source.name} may reach {target.name}: {cure}"
    published = [each for each in target.published or () if edge.port in (None, each.container_port) and _open(each)]
    if published:
        port = published[0].container_port
        return Verdict.BROKEN, (
            f"{target.name} publishes port {port} on every address of the host, so {source.name} reaches it through "
            f"its gateway: publish it on 127.0.0.1 only, or not at all"
        )
    if wanted is not Apart.ISOLATED and wanted not in reasons:
        found = ", ".join(each.value for each in reasons)
        return Verdict.UNKNOWN, f"not apart for the reason given: {wanted.value} expected, {found} found"
    said = reasons[wanted] if wanted in reasons else "; ".join(reasons.values())
    return Verdict.HOLDS, f"isolated in these files: {said}"


def _open(binding: PortBinding) -> bool:
    """Whether more than the host itself gets in. An address that is no address is not known to be closed."""
    if binding.protocol != "tcp":
        return False
    try:
        return not ipaddress.ip_address(binding.host_ip).is_loopback
    except ValueError:
        return True
