"""What a container or network that could not be looked at does to a report: it stands there; nothing is called well."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.model import Confidence, Finding, Report, Topology, Unjudged, Verdict


def with_unseen(report: Report, topology: Topology | None = None) -> Report:
    """The report with every container of its topology that could not be looked at, and why. Twice is as good as once.

    What is broken stays broken. What holds was asked and holds, but the whole is unknown then.
    """
    seen_by = topology or report.topology
    if seen_by is None or not seen_by.unseen:
        return report
    silent = [Unjudged(each.kind, each.reason, each.name) for each in seen_by.unseen]
    return replace(
        report,
        verdict=Verdict.UNKNOWN if report.verdict is Verdict.HOLDS else report.verdict,
        unjudged=tuple(dict.fromkeys([*silent, *report.unjudged])),
    )


def in_doubt(finding: Finding, topology: Topology) -> Finding:
    """A finding that rests on nobody's having something is possible only while somebody could not be looked at."""
    if not topology.unseen or finding.confidence is Confidence.POSSIBLE:
        return finding
    names = ", ".join(each.label for each in topology.unseen)
    return replace(
        finding,
        confidence=Confidence.POSSIBLE,
        evidence=(*finding.evidence, f"could not be looked at, and may be what is meant: {names}"),
    )
