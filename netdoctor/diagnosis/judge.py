"""Rules conclude; one incident keeps one cause, and what follows from it is listed under it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from netdoctor.diagnosis.unseen import in_doubt
from netdoctor.model import (
    Case,
    Confidence,
    Finding,
    Layer,
    Question,
    Rule,
    Severity,
    SkippedRule,
    Topology,
    Unjudged,
    Verdict,
)
from netdoctor.redact import secrets_among, without

log = logging.getLogger(__name__)
T = TypeVar("T")

NOT_ASKED = "not asked: it was wanted in the last round only"


def applicable(rules: Iterable[Rule], topology: Topology) -> tuple[list[Rule], tuple[SkippedRule, ...]]:
    """Rules that this topology can feed, and the others with the reason."""
    kept: list[Rule] = []
    skipped: list[SkippedRule] = []
    for rule in rules:
        missing = rule.needs - topology.knows
        if missing:
            wanted = "a live engine" if any(fact.value == "runtime" for fact in missing) else "compose files"
            skipped.append(SkippedRule(rule.code, f"needs {wanted}"))
        else:
            kept.append(rule)
    return kept, tuple(skipped)


class Broken:
    """Rules that failed themselves: the others go on, and the report says which could not be judged, and why."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._secrets: tuple[Topology, frozenset[str]] | None = None

    def wants(self, rule: Rule, case: Case) -> list[Question[Any]]:
        return self._tried(rule, rule.wants, case)

    def judge(self, rule: Rule, case: Case) -> list[Finding]:
        return [self._discreet(finding, case.topology) for finding in self._tried(rule, rule.judge, case)]

    def unjudged(self) -> Iterable[Unjudged]:
        return [Unjudged(code, reason) for code, reason in self._reasons.items()]

    def _discreet(self, finding: Finding, topology: Topology) -> Finding:
        """Evidence quotes health checks, logs and answers, where a credential may stand bare, without its name."""
        if not finding.evidence:
            return finding
        # Once for all findings: a hundred files have thousands of variables, and hundreds of findings.
        if self._secrets is None or self._secrets[0] is not topology:
            self._secrets = (topology, _bare_secrets(topology))
        told = self._secrets[1]
        return replace(finding, evidence=tuple(without(told, line) for line in finding.evidence)) if told else finding

    def _tried(self, rule: Rule, work: Callable[[Case], Iterable[T]], case: Case) -> list[T]:
        try:
            return list(work(case))
        except Exception as error:
            log.debug("%s failed", rule.code, exc_info=True)
            self._reasons.setdefault(rule.code, f"the rule itself failed ({type(error).__name__}: {error})")
            return []


def _bare_secrets(topology: Topology) -> frozenset[str]:
    """Credentials of everybody's, by what variables and labels are called."""
    told = secrets_among(
        pair for each in topology.containers for pair in (*(each.environment or ()), *each.labels.items())
    )
    # A password that is somebody's name as well cannot be kept secret by hiding that name.
    names = {name for each in topology.containers for name in (each.name, each.service, each.hostname)}
    return told - names - {each.name for each in topology.networks}


def judge_edge(
    case: Case, rules: Iterable[Rule], verdict: Verdict, broken: Broken | None = None
) -> tuple[Finding, ...]:
    """The findings on one edge (or, with no edge, on the topology), suppressed and in order."""
    rules = list(rules)
    broken = broken or Broken()
    found = [
        in_doubt(finding, case.topology) if getattr(rule, "by_absence", False) else finding
        for rule in rules
        for finding in broken.judge(rule, case)
    ]
    found = [replace(finding, edge=case.edge) for finding in found]
    if verdict is Verdict.HOLDS:
        # "Error" means that an asked edge fails; this one does not, unless the caller's own traffic does.
        found = [
            replace(f, severity=Severity.WARNING) if f.severity is Severity.ERROR and not f.caller_fails else f
            for f in found
        ]
    return announce(suppress(found, below(rules)))


def below(rules: Iterable[Rule]) -> dict[str, frozenset[str]]:
    """Which codes are listed under each: those it suppresses, and those that say of themselves that they follow it."""
    rules = list(rules)
    found = {rule.code: set(rule.suppresses) for rule in rules}
    for rule in rules:
        for cause in getattr(rule, "follows", ()):
            found.get(cause, set()).add(rule.code)
    return {code: frozenset(codes) for code, codes in found.items()}


def verdict_with(verdict: Verdict, findings: Iterable[Finding]) -> Verdict:
    """The ladder's verdict, unless a finding proves that the caller's own traffic fails all the same."""
    proven = any(f.caller_fails and f.confidence is not Confidence.POSSIBLE and not f.announced for f in findings)
    return Verdict.BROKEN if verdict is Verdict.HOLDS and proven else verdict


def suppress(found: Iterable[Finding], suppresses: dict[str, frozenset[str]]) -> list[Finding]:
    """Each finding that another one explains moves under it. A merely possible cause explains nothing."""
    ordered = sorted(found, key=order)
    # By code, not one finding with each other: the whole of a hundred files has hundreds of them.
    sure = Counter(each.code for each in ordered if each.confidence is not Confidence.POSSIBLE)

    def explained(finding: Finding) -> bool:
        itself = finding.code if finding.confidence is not Confidence.POSSIBLE else None
        others = (code for code, count in sure.items() if count > (code == itself))
        return any(finding.code in suppresses.get(code, ()) for code in others)

    heads: list[Finding] = []
    others: list[Finding] = []
    for finding in ordered:
        (others if explained(finding) else heads).append(finding)
    result = []
    for head in heads:
        reach = _closure(head.code, suppresses) if head.confidence is not Confidence.POSSIBLE else set()
        result.append(replace(head, suppressed=tuple(each for each in others if each.code in reach)))
    return result


def announce(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """A fact read at the target, behind a path that is broken anyway, is a second cause: announced, not blamed."""
    found = list(found)
    broken_before = any(
        f.layer is Layer.MEMBERSHIP and f.severity is Severity.ERROR and f.confidence is not Confidence.POSSIBLE
        for f in found
    )
    marked = [replace(f, announced=True) if broken_before and f.layer is Layer.TARGET else f for f in found]
    return tuple(sorted(marked, key=order))


def order(finding: Finding) -> tuple[bool, int, int, int, str]:
    """Causes first, then severity, confidence, layer, code."""
    return (
        finding.announced,
        finding.severity.rank,
        finding.confidence.rank,
        finding.layer.value,
        finding.code,
    )


def unjudged(case: Case, rules: Iterable[Rule], broken: Broken) -> Iterable[Unjudged]:
    """Every question that a rule wanted and that got no answer."""
    from netdoctor.diagnosis.ask import probe_for

    for rule in rules:
        for question in broken.wants(rule, case):
            observation = case.seen.get(question)
            if observation is None or not observation.known:
                label = probe_for(question).label(question, case.topology)
                yield Unjudged(rule.code, observation.reason if observation else NOT_ASKED, label)


def _closure(code: str, suppresses: dict[str, frozenset[str]]) -> set[str]:
    reach: set[str] = set()
    todo = [code]
    while todo:
        for each in suppresses.get(todo.pop(), frozenset()):
            if each not in reach:
                reach.add(each)
                todo.append(each)
    return reach
