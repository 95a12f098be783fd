"""Did it help? The same edges are asked again from inside, and judged by the findings that were to be fixed.

Kept when each edge that a finding explained now holds, or fails at a later layer than before, and nothing that
passed before fails now. Anything less is not a fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from netdoctor.fixes.codec import edge_from_json, edge_to_json
from netdoctor.model import Edge, EdgeReport, Finding, Layer, Operation, Ref, Report, Topology, Verdict
from netdoctor.model.joining import names_taken
from netdoctor.model.operations import Connect

_ORDER = (Layer.MEMBERSHIP, Layer.DNS, Layer.TCP, Layer.HTTP, Layer.GREETING)
"""The layers that decide; ping and what is read at the target are evidence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One edge before the fix."""

    edge: Edge
    label: str
    verdict: Verdict
    failing: int | None
    """Index into the deciding layers of the first that failed."""
    codes: tuple[str, ...]
    """Findings of this edge that the fix is meant for; empty for a bystander."""
    reverse: Verdict = Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was known before: the explained edges, and those of the same containers that passed."""

    asked: tuple[Asked, ...]

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(each.edge for each in self.asked)

    def moved(self, places: Mapping[str, str]) -> Baseline:
        """About the containers that stand in the place of these now: id to id."""
        return Baseline(tuple(replace(each, edge=moved_edge(each.edge, places)) for each in self.asked))

    def to_json(self) -> dict[str, Any]:
        return {
            "asked": [
                {
                    "edge": edge_to_json(a.edge),
                    "label": a.label,
                    "verdict": a.verdict.value,
                    "failing": a.failing,
                    "codes": list(a.codes),
                    "reverse": a.reverse.value,
                }
                for a in self.asked
            ]
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Baseline:
        """Raises KeyError, TypeError, ValueError for damaged data."""
        return cls(
            tuple(
                Asked(
                    edge_from_json(each["edge"]),
                    str(each["label"]),
                    Verdict(each["verdict"]),
                    each["failing"],
                    tuple(each["codes"]),
                    Verdict(each["reverse"]),
                )
                for each in data["asked"]
            )
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """``fixed`` and ``left`` are finding codes; ``against`` says why the fix is not kept."""

    keep: bool
    fixed: tuple[str, ...] = ()
    left: tuple[Finding, ...] = ()
    against: tuple[str, ...] = ()


def baseline_of(report: Report, findings: Iterable[Finding]) -> Baseline:
    """From the report before, and the findings that are to be fixed."""
    fixing = list(findings)
    return Baseline(
        tuple(
            Asked(
                each.edge,
                each.label,
                each.verdict,
                first_failing(each),
                tuple(dict.fromkeys(f.code for f in fixing if explains(f, each.edge))),
                each.reverse_verdict,
            )
            for each in report.edges
        )
    )


def judge(before: Baseline, after: Report, applied: Sequence[Operation] = ()) -> Judgement:
    """``after`` answers ``before.edges``, in their order."""
    against: list[str] = []
    if len(after.edges) != len(before.asked):
        return Judgement(False, against=("the edges could not be asked again",))
    for was, now in zip(before.asked, after.edges, strict=True):
        against += _not_better(was, now) if was.codes else []
        against += _worse(was, now)
    against += _clashes(applied, after.topology)
    explained = [(code, was.edge) for was in before.asked for code in was.codes]
    against += [f"{code} is still found" for code, edge in explained if _still(code, edge, after)]
    fixed = tuple(dict.fromkeys(code for code, _ in explained))
    left = tuple(f for f in after.findings if any(explains(f, was.edge) for was in before.asked if was.codes))
    return Judgement(not against, fixed if not against else (), left, tuple(dict.fromkeys(against)))


def first_failing(report: EdgeReport) -> int | None:
    """The first deciding layer with a known bad answer; of several addresses one that answers is enough."""
    for index, layer in enumerate(_ORDER):
        found = [step.observation for step in report.steps if step.layer is layer]
        known = [observation for observation in found if observation.known]
        if known and not any(observation.good for observation in known):
            return index
    return None


def _not_better(was: Asked, now: EdgeReport) -> list[str]:
    if now.verdict is Verdict.HOLDS:
        return []
    if now.verdict is Verdict.UNKNOWN:
        return [f"{now.label} could not be asked from inside: {now.reason or 'no answer'}"]
    failing = first_failing(now)
    # Every question is answered well, and only the caller's own words fail: that is later than any layer.
    if was.failing is not None and (failing is None or failing > was.failing):
        return []
    layer = _ORDER[failing].name.lower() if failing is not None else "an unknown layer"
    return [f"{now.label} still fails, no later than before (at {layer})"]


def _worse(was: Asked, now: EdgeReport) -> list[str]:
    if was.verdict is Verdict.HOLDS and now.verdict is not Verdict.HOLDS:
        return [f"{was.label} passed before and {'fails' if now.verdict is Verdict.BROKEN else 'is unknown'} now"]
    if was.reverse is Verdict.HOLDS and now.reverse_verdict is Verdict.BROKEN:
        return [f"the way back of {was.label} passed before and fails now"]
    return []


def _still(code: str, edge: Edge, after: Report) -> bool:
    return any(f.code == code and not f.announced and explains(f, edge) for f in after.findings)


def _clashes(applied: Sequence[Operation], topology: Topology | None) -> list[str]:
    """A name that somebody else took in the same moment would answer for both."""
    said = []
    for operation in applied:
        if not isinstance(operation, Connect) or topology is None:
            continue
        container = topology.container(operation.container)
        network = topology.network(operation.network) or next(
            (n for n in topology.networks if n.name == operation.network_name), None
        )
        if container is None or network is None:
            continue
        clash = sorted({alias.lower() for alias in operation.aliases} & names_taken(topology, network, container))
        said += [f"the name {name} belongs to another container on {network.name} as well" for name in clash]
    return said


def moved_edge(edge: Edge, places: Mapping[str, str]) -> Edge:
    """The edge between the containers that stand there now."""

    def now(ref: Ref) -> Ref:
        return replace(ref, id=places.get(ref.id, ref.id)) if ref.kind == "container" else ref

    return replace(edge, source=now(edge.source), target=now(edge.target))


def explains(finding: Finding, edge: Edge) -> bool:
    """Whether the finding is about this edge (the same cause on several edges is one finding)."""
    if finding.edge is not None and _pair(finding.edge) == _pair(edge):
        return True
    abouts = {ref.whole for ref in finding.about}
    return edge.source in abouts and edge.target in abouts


def _pair(edge: Edge) -> tuple[str, str]:
    return edge.source.id, edge.target.id


__all__ = ["Asked", "Baseline", "Judgement", "baseline_of", "explains", "first_failing", "judge", "moved_edge"]
