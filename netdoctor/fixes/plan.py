"""From what a report found to what would be done: remedies chosen, alternatives named, side effects foreseen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from netdoctor.errors import FixFailed, NetdoctorError
from netdoctor.fixes.choices import Choices, own_network, shape
from netdoctor.fixes.effects import warnings_of
from netdoctor.fixes.possible import first_problem
from netdoctor.model import (
    AddServiceNetwork,
    Confidence,
    Connect,
    Container,
    CreateNetwork,
    Disconnect,
    Edge,
    Finding,
    Membership,
    Operation,
    Remedy,
    RemoveServiceNetwork,
    Report,
    Severity,
    Topology,
)
from netdoctor.model.joining import preferred_join

IMPERMANENT = frozenset({"ND801", "ND802", "ND803"})
"""What works now and is in no file: --persist is for that, no live change."""


@dataclass(frozen=True, slots=True)
class PlannedFix:
    """One incident and what is done about it, as one transaction."""

    finding: Finding
    remedy: Remedy
    warnings: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    also: tuple[Finding, ...] = ()
    """Further findings, of other connections, that the same operations repair; each is confirmed by itself."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (self.finding, *self.also)

    @property
    def operations(self) -> tuple[Operation, ...]:
        return self.remedy.operations

    @property
    def commands(self) -> tuple[str, ...]:
        """The equivalent docker commands, for people."""
        return tuple(operation.command() for operation in self.operations)

    @property
    def memberships(self) -> tuple[Membership, ...]:
        """What has to be declared for it to survive a recreation."""
        return tuple(dict.fromkeys(m for operation in self.operations for m in operation.permanent()))


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A finding that netdoctor does not fix by itself: why not, and what to do."""

    finding: Finding
    reason: str
    advice: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    """What --disruptive would do."""


@dataclass(frozen=True, slots=True)
class Plan:
    fixes: tuple[PlannedFix, ...]
    held_back: tuple[HeldBack, ...] = ()

    @property
    def containers(self) -> tuple[str, ...]:
        """Ids of the containers that are changed."""
        return tuple(dict.fromkeys(c for fix in self.fixes for c in changed_by(fix.operations)))


def make_plan(report: Report, choices: Choices | None = None, *, about: Sequence[Edge] | None = None) -> Plan:
    """Plan the certain findings of a report (those of the edges ``about``, when given).

    Raises UsageError and FixFailed for choices that cannot be met.
    """
    choices = choices or Choices()
    topology = report.topology
    if topology is None:
        raise FixFailed("The report holds no topology to plan with.", hint="Run the check against a live engine.")
    fixes: list[PlannedFix] = []
    held_back: list[HeldBack] = []
    for finding in report.findings:
        if not _plannable(finding, about):
            continue
        planned = _one(finding, topology, choices)
        if isinstance(planned, HeldBack):
            held_back.append(planned)
            continue
        same = next((n for n, other in enumerate(fixes) if planned.operations == other.operations), None)
        if same is None:
            fixes.append(planned)
        else:
            fixes[same] = replace(fixes[same], also=(*fixes[same].also, finding))
    return Plan(tuple(fixes), tuple(held_back))


def changed_by(operations: Iterable[Operation]) -> tuple[str, ...]:
    """Ids of the containers whose networks these change, each once."""
    found: list[str] = []
    for operation in operations:
        if isinstance(operation, Connect | Disconnect):
            found.append(operation.container)
        elif isinstance(operation, AddServiceNetwork | RemoveServiceNetwork):
            found += operation.tasks
    return tuple(dict.fromkeys(found))


def _plannable(finding: Finding, about: Sequence[Edge] | None) -> bool:
    if not _sure(finding) or finding.severity is Severity.INFO or finding.announced:
        return False
    if finding.code in IMPERMANENT and finding.severity is not Severity.ERROR:
        return False
    if about is None or finding.edge is None:
        return about is None
    return any((finding.edge.source, finding.edge.target) == (edge.source, edge.target) for edge in about)


def _sure(finding: Finding) -> bool:
    """Certain itself, or the likely reason of a fact that is certain: which platform keeps two apart may be a guess,
    that they are apart is none.
    """
    return any(each.confidence is Confidence.CERTAIN for each in (finding, *finding.suppressed))


def _one(finding: Finding, topology: Topology, choices: Choices) -> PlannedFix | HeldBack:
    if choices.shaped and finding.edge is not None and _is_about_membership(finding):
        remedy = shape(topology, finding.edge, choices)
    else:
        chosen = _choose(finding, topology, choices)
        if isinstance(chosen, HeldBack):
            return chosen
        remedy = chosen
    warnings = [*warnings_of(remedy.operations, topology), *_name_is_missed(finding, remedy, topology)]
    if not remedy.safe:
        warnings.insert(0, "This interrupts connections that work now.")
    return PlannedFix(finding, remedy, tuple(warnings), _alternatives(finding, remedy, topology))


def _choose(finding: Finding, topology: Topology, choices: Choices) -> Remedy | HeldBack:
    advice = tuple(remedy.advice for remedy in finding.remedies if remedy.advice)
    doable = [remedy for remedy in finding.remedies if remedy.operations]
    if not doable:
        return HeldBack(finding, "netdoctor changes nothing for this by itself", advice)
    problems: list[NetdoctorError] = []
    for remedy in sorted(doable, key=lambda each: not each.safe):
        problem = first_problem(remedy.operations, topology)
        if problem is not None:
            problems.append(problem)
        elif remedy.safe or choices.disruptive:
            return remedy
        else:
            reason = "what netdoctor could do interrupts connections that work now; allow it with --disruptive"
            return HeldBack(finding, reason, advice, tuple(op.command() for op in remedy.operations))
    return HeldBack(finding, problems[0].message.rstrip("."), advice)


def _is_about_membership(finding: Finding) -> bool:
    return any(isinstance(op, Connect) for remedy in finding.remedies for op in remedy.operations)


def _name_is_missed(finding: Finding, remedy: Remedy, topology: Topology) -> Iterable[str]:
    """The caller's own name for the target has to lead there afterwards."""
    edge = finding.edge
    target = topology.container(edge.target) if edge is not None else None
    if edge is None or edge.name is None or target is None:
        return
    wanted = edge.name.lower()
    given: set[str] = set()
    for operation in remedy.operations:
        if not isinstance(operation, Connect):
            continue
        if operation.container == target.id:
            given |= {alias.lower() for alias in operation.aliases} | {target.name.lower(), target.short_id}
        endpoint = target.endpoint_on(operation.network)
        given |= {name.lower() for name in endpoint.names} if endpoint is not None else set()
    if given and wanted not in given:
        yield f"The name {edge.name} does not lead to {target.name} after this; one that does: {_best(given, target)}."


def _best(names: set[str], target: Container) -> str:
    for name in (target.service, target.name):
        if name and name.lower() in names:
            return name
    return min(names, key=lambda each: (len(each), each))


def _alternatives(finding: Finding, chosen: Remedy, topology: Topology) -> tuple[str, ...]:
    edge = finding.edge
    source = topology.container(edge.source) if edge is not None else None
    target = topology.container(edge.target) if edge is not None else None
    said: list[str] = []
    if edge is not None and source is not None and target is not None and _is_about_membership(finding):
        for join in preferred_join(topology, source, target, edge.name):
            mover = topology.container(join.container)
            new = mover is not None and mover.endpoint_on(join.network) is None
            if new and join.container not in changed_by(chosen.operations):
                side = "source" if join.container == source.id else "target"
                said.append(f"--move {side}: {join.container_name} joins {join.network_name} instead")
        makes_one = any(isinstance(op, CreateNetwork) for op in chosen.operations)
        if not makes_one and own_network(topology, source, target, edge.name):
            said.append("--isolate: a new network for these two only")
    said += [
        f"{remedy.title}{'' if remedy.safe else ' (--disruptive)'}"
        for remedy in finding.remedies
        if remedy.operations and remedy.operations != chosen.operations and not said
    ]
    return tuple(dict.fromkeys(said))


__all__ = ["HeldBack", "Plan", "PlannedFix", "changed_by", "make_plan"]
