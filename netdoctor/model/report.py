"""What a run says in the end. Frozen: fields are only ever added."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from netdoctor.model.edge import Edge
from netdoctor.model.finding import Confidence, Finding, Severity
from netdoctor.model.observation import Answers, Layer, Observation, Question
from netdoctor.model.topology import Topology


class Verdict(Enum):
    HOLDS = "holds"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder: a question of the edge and its answer."""

    layer: Layer
    label: str
    """``dns qdrant``, ``tcp 10.0.4.2:6333``"""
    question: Question[Any]
    observation: Observation[Any]
    detail: str = ""
    """What came back, in a few words."""


@dataclass(frozen=True, slots=True)
class EdgeReport:
    edge: Edge
    label: str
    """``app -> qdrant:6333/healthz``"""
    verdict: Verdict
    steps: tuple[Step, ...]
    reverse: tuple[Step, ...] = ()
    reverse_label: str = ""
    reverse_verdict: Verdict = Verdict.UNKNOWN
    vantages: tuple[str, ...] = ()
    reason: str = ""
    """Why it is unknown; on an edge that must not work, what was found."""
    reverse_reason: str = ""
    like: str = ""
    """The label of an edge that fails for the same cause, and was examined in this one's place."""
    accepted: str = ""
    """Why this broken edge fails no run: somebody accepts each of its causes."""

    @property
    def severity(self) -> Severity:
        """How bad it is when this edge is not as expected."""
        expectation = self.edge.expectation
        return expectation.severity if expectation is not None and expectation.severity else Severity.ERROR


UNSEEN = ("container", "network")
"""The codes of what could not be looked at as a whole."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A question that a rule (or the ladder) wanted and nobody could answer; or a container or a network that nobody
    could look at."""

    code: str
    reason: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class SkippedRule:
    """A rule that this topology cannot feed, like a live-only rule over compose files."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    verdict: Verdict
    edges: tuple[EdgeReport, ...]
    findings: tuple[Finding, ...]
    unjudged: tuple[Unjudged, ...] = ()
    skipped: tuple[SkippedRule, ...] = ()
    topology: Topology | None = None
    seconds: float = 0.0
    notices: tuple[str, ...] = field(default=())
    """What was used on the way that a person should know: an exec, a sidecar."""
    seen: Answers | None = None
    """Every question with its answer; a bundle carries them away."""
    summary: str = ""
    """What was done, in a few words, where no edge was asked."""

    @property
    def ok(self) -> bool:
        """Everything asked holds, and no finding that may fail a run is an error."""
        return self.verdict is Verdict.HOLDS and self.worst() is not Severity.ERROR

    def worst(self) -> Severity | None:
        """The worst severity among findings that may fail a run (``possible`` never does)."""
        ranked = [f.severity for f in self.findings if f.confidence is not Confidence.POSSIBLE and not f.announced]
        return min(ranked, key=lambda severity: severity.rank, default=None)
