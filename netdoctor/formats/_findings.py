"""What several formats ask of a finding: where it is, and how it is told in one text."""

from __future__ import annotations

from collections.abc import Iterator

from netdoctor.model import Confidence, EdgeReport, Finding, Place, Report, Severity, Verdict
from netdoctor.redact import redact_text
from netdoctor.terminal import plain


def place_of(finding: Finding, report: Report) -> Place | None:
    """The first subject that stands in a file."""
    if report.topology is None:
        return None
    found = (report.topology.place(ref) for ref in finding.about)
    return next((place for place in found if place is not None), None)


def clean(text: str) -> str:
    """One line, without secrets and control characters."""
    return plain(redact_text(text))


def fails(finding: Finding) -> bool:
    """Whether the finding alone may fail a run that fails on errors."""
    return finding.severity is Severity.ERROR and finding.confidence is not Confidence.POSSIBLE


def advice(finding: Finding) -> Iterator[str]:
    """Each remedy as one line: its title and the commands or the text to apply."""
    for remedy in finding.remedies:
        what = [operation.command() for operation in remedy.operations] or remedy.advice.splitlines()
        yield clean(f"{remedy.title}: {'; '.join(what)}" if what else remedy.title)


def told(finding: Finding) -> str:
    """Cause, evidence and remedies as plain lines."""
    lines = [clean(finding.cause), *(f"- {clean(line)}" for line in finding.evidence)]
    return "\n".join([*lines, *(f"fix: {line}" for line in advice(finding))])


def findings_on(edge: EdgeReport, report: Report) -> list[Finding]:
    """The findings that explain this edge, in the report's order."""
    return [finding for finding in report.findings if finding.edge == edge.edge]


def loose(report: Report) -> list[Finding]:
    """Findings on no edge of the report: those about the whole topology."""
    edges = {edge.edge for edge in report.edges}
    return [finding for finding in report.findings if finding.edge not in edges]


def unexplained(edge: EdgeReport, report: Report) -> str:
    """What to say of an edge that no finding explains; empty when one does, or when it holds."""
    if edge.verdict is Verdict.UNKNOWN:
        return clean(edge.reason or "it could not be asked")
    if edge.verdict is Verdict.BROKEN and not findings_on(edge, report):
        seen = ", ".join(f"{step.label}: {step.observation.outcome.value}" for step in edge.steps)
        return clean(f"it fails, and no rule knows why ({seen})")
    return ""
