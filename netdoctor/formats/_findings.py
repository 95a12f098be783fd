"""What several formats ask of a finding: where it is, how bad it is, and how it is told in one text."""

from __future__ import annotations

from collections.abc import Iterator

from netdoctor.formats.interface import Look
from netdoctor.model import Confidence, EdgeReport, Finding, Place, Report, Severity, Verdict
from netdoctor.model.report import UNSEEN
from netdoctor.redact import redact_text
from netdoctor.terminal import plain


def place_of(finding: Finding, report: Report) -> Place | None:
    """The first subject that stands in a file."""
    if report.topology is None:
        return None
    found = (report.topology.place(ref) for ref in finding.about)
    return next((place for place in found if place is not None), None)


def unseen(report: Report) -> list[tuple[str, str, str]]:
    """(kind, name, why) of each container or network that could not be looked at."""
    return [(each.code, clean(each.question), clean(each.reason)) for each in report.unjudged if each.code in UNSEEN]


def called(kind: str, name: str) -> str:
    """``db``, ``network back``"""
    return name if kind == "container" else f"{kind} {name}"


def unknowns(report: Report) -> list[tuple[str, str, str]]:
    """(kind, name, why) of everything that leaves the report unknown, each once.

    ``kind``: connection, container, network, or run (without a name) where nothing was asked at all.
    """
    found = [
        ("connection", clean(edge.label), unexplained(edge, report))
        for edge in report.edges
        if edge.verdict is Verdict.UNKNOWN
    ]
    found += unseen(report)
    if not found and not report.edges and report.verdict is Verdict.UNKNOWN:
        found.append(("run", "", "nothing was asked"))
    return list(dict.fromkeys(found))


def clean(text: str) -> str:
    """One line, without secrets and control characters."""
    return plain(redact_text(text))


def fails(finding: Finding, look: Look) -> bool:
    """Whether the finding alone fails the run."""
    return finding.confidence is not Confidence.POSSIBLE and finding.severity.rank <= look.fail_on.rank


def edge_fails(edge: EdgeReport, look: Look) -> bool:
    """Whether the broken edge alone fails the run: nobody accepts its causes, and it is bad enough."""
    return edge.verdict is Verdict.BROKEN and not edge.accepted and edge.severity.rank <= look.fail_on.rank


def level(finding: Finding) -> Severity:
    """How loud to be: what is only possible never fails a run, so it is never shown as an error."""
    if finding.confidence is Confidence.POSSIBLE and finding.severity is Severity.ERROR:
        return Severity.WARNING
    return finding.severity


def headline(finding: Finding) -> str:
    """``ND301 listens on loopback only``, and whether it is still to come."""
    later = " (will show once the first cause is fixed)" if finding.announced else ""
    return f"{finding.code} {clean(finding.title)}{later}"


def advice(finding: Finding) -> Iterator[str]:
    """Each remedy in lines: ``fix: title``, and below it, indented, the commands or the text to apply."""
    for number, remedy in enumerate(finding.remedies):
        yield f"{'or' if number else 'fix'}: {clean(remedy.title)}"
        what = [operation.command() for operation in remedy.operations] or remedy.advice.splitlines()
        yield from (f"    {clean(line)}" for line in what)


def told(finding: Finding) -> str:
    """Cause, evidence, what it explains and remedies as plain lines."""
    lines = [clean(finding.cause), *(f"- {clean(line)}" for line in finding.evidence)]
    if finding.suppressed:
        lines.append(f"explains: {', '.join(dict.fromkeys(each.code for each in finding.suppressed))}")
    return "\n".join([*lines, *advice(finding)])


def findings_on(edge: EdgeReport, report: Report) -> list[Finding]:
    """The findings that explain this edge, in the report's order.

    One cause on several edges may be reported once, on the first of them: between the same two ends, or about both.
    """
    own = [finding for finding in report.findings if finding.edge == edge.edge]
    if own or edge.verdict is not Verdict.BROKEN:
        return own
    ends = (edge.edge.source, edge.edge.target)
    return [
        each
        for each in report.findings
        if each.edge and ((each.edge.source, each.edge.target) == ends or {*ends} <= {ref.whole for ref in each.about})
    ]


def loose(report: Report) -> list[Finding]:
    """Findings on no edge of the report: those about the whole topology."""
    edges = {edge.edge for edge in report.edges}
    return [finding for finding in report.findings if finding.edge not in edges]


def unexplained(edge: EdgeReport, report: Report) -> str:
    """What to say of an edge that no finding explains; empty when one does, or when it holds."""
    if edge.verdict is Verdict.UNKNOWN:
        return clean(edge.reason or "it could not be asked")
    if edge.verdict is not Verdict.BROKEN or findings_on(edge, report):
        return ""
    if edge.accepted:
        return "it fails."
    if edge.reason:
        return clean(edge.reason)
    seen = ", ".join(f"{step.label}: {step.observation.outcome.value}" for step in edge.steps)
    return clean(f"it fails, and no rule knows why ({seen})" if seen else "it fails")
