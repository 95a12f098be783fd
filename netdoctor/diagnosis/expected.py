"""Expectations, judged: asked as often as each allows, weighed as each says, with what somebody accepts set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date

from netdoctor.diagnosis.judge import order
from netdoctor.diagnosis.run import overall
from netdoctor.diagnosis.unseen import with_unseen
from netdoctor.edges.expectation_file import Entry, ExpectationFile
from netdoctor.edges.expectations import resolve
from netdoctor.model import (
    Confidence,
    Edge,
    EdgeReport,
    Finding,
    Place,
    Report,
    Severity,
    Suppression,
    Topology,
    Verdict,
)

PAUSE = 0.5
"""Seconds between two attempts."""

Diagnose = Callable[[Sequence[Edge], Topology], Report]


def meet(
    file: ExpectationFile,
    look: Callable[[int], Topology],
    diagnose: Diagnose,
    *,
    today: date,
    sleep: Callable[[float], None],
    projects: frozenset[str] = frozenset(),
) -> Report:
    """One report on all of the file's expectations. ``look`` is given the number of the attempt, from 0."""
    every = list(range(len(file.entries)))
    found: dict[int, tuple[EdgeReport, ...]] = {}
    report: Report | None = None
    turn = 0
    wanting = every
    while wanting:
        now = _attempt(look(turn), [file.entries[index] for index in wanting], diagnose, projects)
        found |= dict(zip(wanting, now[0], strict=True))
        report = now[1] if report is None else _joined(report, now[1])
        turn += 1
        wanting = [
            index
            for index in wanting
            if file.entries[index].expectation.attempts > turn and not all(map(_final, found[index]))
        ]
        if wanting:
            sleep(PAUSE)
    edges = tuple(edge for index in every for edge in found[index])
    if report is None:
        report = Report(Verdict.UNKNOWN, (), ())
    return settle(replace(report, edges=edges), file.suppress, today)


def settle(report: Report, suppress: Sequence[Suppression], today: date) -> Report:
    """Weigh each edge's findings as its expectation says, and set aside what is accepted."""
    by_edge = {each.edge: each for each in report.edges}
    kept: list[Finding] = []
    accepted: dict[Edge, list[Suppression]] = {}
    notices = list(report.notices)
    for finding in report.findings:
        edge = by_edge.get(finding.edge) if finding.edge is not None else None
        own = edge.edge.expectation.suppress if edge is not None and edge.edge.expectation is not None else ()
        excuse = next(
            (each for each in (*own, *suppress) if each.code == finding.code and not each.expired(today)), None
        )
        if excuse is not None:
            notices.append(_accepted(edge, excuse))
            if edge is not None:
                accepted.setdefault(edge.edge, []).append(excuse)
            continue
        if edge is not None and finding.severity is Severity.ERROR:
            finding = replace(finding, severity=edge.severity)
        kept.append(finding)
    notices += _expired([*suppress, *_own(report.edges)], today)
    blamed = {
        finding.edge for finding in kept if finding.confidence is not Confidence.POSSIBLE and not finding.announced
    }
    edges = tuple(
        replace(each, accepted="; ".join(f"{excuse.code}: {excuse.reason}" for excuse in accepted[each.edge]))
        if each.verdict is Verdict.BROKEN and each.edge in accepted and each.edge not in blamed
        else each
        for each in report.edges
    )
    counted = [each.verdict for each in edges if not each.accepted]
    verdict = overall(counted) if counted or not edges else Verdict.HOLDS
    return with_unseen(
        replace(
            report,
            verdict=verdict,
            edges=edges,
            findings=tuple(sorted(kept, key=order)),
            notices=tuple(dict.fromkeys(notices)),
        )
    )


def _attempt(
    topology: Topology, entries: Sequence[Entry], diagnose: Diagnose, projects: frozenset[str]
) -> tuple[list[tuple[EdgeReport, ...]], Report]:
    """For each entry its edges, judged; and the report they come from."""
    meant = resolve(topology, entries, projects)
    edges = [edge for each in meant for edge in each.edges]
    report = diagnose(edges, topology) if edges else Report(Verdict.UNKNOWN, (), (), topology=topology)
    judged = iter(report.edges)
    # The report keeps the edges' order, not their identity: a port may have been filled in.
    found = [(*each.unknown, *(next(judged) for _ in each.edges)) for each in meant]
    return found, report


def _final(edge: EdgeReport) -> bool:
    """Not to be asked again: it is as expected, or it reached what it must not reach."""
    return edge.verdict is Verdict.HOLDS or (edge.edge.isolated and edge.verdict is Verdict.BROKEN)


def _joined(before: Report, now: Report) -> Report:
    """What was asked again replaces what was said about the same two ends."""
    again = {(each.edge.source, each.edge.target) for each in now.edges}
    stays = [each for each in before.findings if each.edge is None or (each.edge.source, each.edge.target) not in again]
    return replace(
        now,
        findings=(*stays, *(each for each in now.findings if each.edge is not None)),
        seconds=before.seconds + now.seconds,
        notices=tuple(dict.fromkeys([*before.notices, *now.notices])),
    )


def _own(edges: Iterable[EdgeReport]) -> list[Suppression]:
    return [one for each in edges if each.edge.expectation is not None for one in each.edge.expectation.suppress]


def _accepted(edge: EdgeReport | None, excuse: Suppression) -> str:
    until = f" until {excuse.until.isoformat()}" if excuse.until is not None else ""
    where = f"{edge.label}: " if edge is not None else ""
    return f"{where}{excuse.code} is accepted{until}: {excuse.reason}"


def _expired(suppress: Iterable[Suppression], today: date) -> list[str]:
    return [
        f"{where(each.place)}the suppression of {each.code} expired on {each.until.isoformat()}: {each.reason}"
        for each in suppress
        if each.until is not None and each.expired(today)
    ]


def where(place: Place | None) -> str:
    return f"{place.file}:{place.line}: " if place is not None else ""
