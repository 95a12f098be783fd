"""The report for a person: 80 columns, readable without colour, the next command last."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from netdoctor.formats._findings import called, findings_on, unseen
from netdoctor.formats._paint import Line, paint
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import (
    Confidence,
    EdgeReport,
    Finding,
    Layer,
    Outcome,
    Remedy,
    Report,
    Severity,
    Step,
    Verdict,
)
from netdoctor.model.report import UNSEEN
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

_VERDICT = {Verdict.HOLDS: "good", Verdict.BROKEN: "bad", Verdict.UNKNOWN: "doubt"}
_SEVERITY = {Severity.ERROR: "bad", Severity.WARNING: "doubt", Severity.INFO: "faint"}
_WORD = {
    Outcome.CONNECTED: "ok",
    Outcome.REFUSED: "refused",
    Outcome.TIMED_OUT: "timed out",
    Outcome.NAME_NOT_FOUND: "not found",
    Outcome.RESOLVER_FAILED: "no answer",
    Outcome.NO_ROUTE: "no route",
    Outcome.RESET: "reset",
    Outcome.TLS_MISMATCH: "tls",
    Outcome.HTTP_ERROR: "http error",
    Outcome.WRONG_SERVICE: "wrong",
    Outcome.COULD_NOT_ASK: "?",
}
_LAYER = {Layer.MEMBERSHIP: "networks"}


CROWD = 40
"""Edges above which those that hold are only counted."""


class HumanFormat:
    def render(self, report: Report, look: Look) -> str:
        return paint(list(_lines(report, look)), look)

    def render_error(self, failure: Failure) -> str:
        # The sentence is on stderr; stdout carries only reports.
        return ""


def _lines(report: Report, look: Look) -> Iterator[Line]:
    whole = len(report.edges) == 1 or look.verbose
    crowd = len(report.edges) > CROWD and not look.verbose
    alike = Counter(edge.like for edge in report.edges)
    for edge in report.edges:
        # Of files only what contradicts them is news; nothing was asked that could be shown.
        if _from_files(report) and not look.verbose:
            continue
        if not look.verbose and (edge.like or (crowd and edge.verdict is Verdict.HOLDS)):
            continue
        yield from _edge(edge, look, whole or edge.verdict is not Verdict.HOLDS)
        if alike[edge.label] and not look.verbose:
            yield from _wrapped(
                f"{alike[edge.label]} more fail for the same cause (-v lists them)", look, "  ", "  ", ""
            )
    for number, finding in enumerate(report.findings):
        if number or look.verbose or not _from_files(report):
            yield []
        yield from _finding(finding, look, report)
    yield from _unexplained(report, look)
    for kind, name, why in unseen(report):
        yield []
        yield from _wrapped(f"{called(kind, name)} could not be looked at: {why}", look, "", "  ", "doubt")
    yield from _silence(report, look)
    for notice in report.notices:
        yield from _wrapped(f"note: {notice}", look, "", "  ", "faint")
    if report.findings or report.notices or not _from_files(report):
        yield []
    yield [(_summary(report), _VERDICT[report.verdict])]
    if look.next_command:
        yield [("Next: ", "faint"), (plain(look.next_command), "strong")]


def _edge(report: EdgeReport, look: Look, whole: bool) -> Iterator[Line]:
    label, verdict = plain(redact_text(report.label)), report.verdict.value.upper()
    if report.edge.isolated and report.verdict is Verdict.HOLDS:
        verdict = "ISOLATED"
    first, *more = _fold(label, look.width - len(verdict) - 1)
    gap = look.width - len(first) - len(verdict)
    yield [(first, "strong"), (" " * gap, ""), (verdict, _VERDICT[report.verdict])]
    for line in more:
        yield [(f"  {line}", "strong")]
    if report.reason:
        style = "faint" if report.verdict is Verdict.HOLDS else "doubt"
        yield from _wrapped(report.reason, look, "  ", "  ", style)
    yield from _expected(report, look)
    if not whole:
        return
    said = {report.reason} - {""}
    for step in report.steps:
        yield from _step(step, look, said)
    # From outside Docker nobody can ask: that there is no way back is no news.
    asked = report.reverse if report.edge.target.kind != "external" else ()
    back = [step for step in asked if step.layer is not Layer.MEMBERSHIP]
    if back:
        yield from _wrapped(f"back: {report.reverse_label}", look, "  ", "    ", "faint")
        for step in back:
            yield from _step(step, look, said)


def _expected(report: EdgeReport, look: Look) -> Iterator[Line]:
    """Why somebody wants it so, where that is news, and who accepts that it is not."""
    expectation = report.edge.expectation
    if expectation is not None and expectation.why and report.verdict is not Verdict.HOLDS:
        yield from _wrapped(f"expected because: {expectation.why}", look, "  ", "  ", "faint")
    if report.accepted:
        yield from _wrapped(f"accepted: {report.accepted}", look, "  ", "  ", "faint")


def _step(step: Step, look: Look, said: set[str]) -> Iterator[Line]:
    """``said``: reasons that stand above already; a person reads each of them once."""
    observation = step.observation
    style = "good" if observation.good else "doubt" if not observation.known else "bad"
    word = _WORD[observation.outcome]
    if step.layer is Layer.PING and observation.known and not observation.good:
        word = "lost"
    elif step.layer is Layer.GREETING and observation.outcome is Outcome.HTTP_ERROR:
        word = "error"
    layer = _LAYER.get(step.layer, step.layer.name.lower())
    head = f"  {layer:<9} {word:<10} "
    lines = textwrap.wrap(
        plain(redact_text(_detail(step, said))), look.width - len(head), break_on_hyphens=False, break_long_words=True
    ) or [""]
    yield [(f"  {layer:<9} ", ""), (f"{word:<10} ", style), (lines[0], "")]
    for more in lines[1:]:
        yield [(" " * len(head) + more, "")]


def _fold(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(10, width), break_on_hyphens=False) or [""]


def _detail(step: Step, said: set[str]) -> str:
    observation = step.observation
    if not observation.known:
        if observation.reason in said:
            return "(as above)"
        said.add(observation.reason)
    took = f" ({_duration(observation.seconds)})" if observation.known and observation.seconds else ""
    return f"{step.detail}{took}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _from_files(report: Report) -> bool:
    """Judged from compose files alone."""
    return report.topology is not None and report.topology.source == "compose"


def _finding(finding: Finding, look: Look, report: Report) -> Iterator[Line]:
    waiting = "will show next: " if finding.announced else ""
    head, title = f"{waiting}{finding.code} ", plain(finding.title)
    sureness = f"({finding.severity.value}, {finding.confidence.value})"
    fits = len(head) + len(title) + 1 + len(sureness) <= look.width
    yield [
        (head, _SEVERITY[finding.severity]),
        (title, "strong"),
        *([(f" {sureness}", "faint")] if fits else []),
    ]
    if not fits:
        yield [(f"  {sureness}", "faint")]
    place = report.topology.place(*finding.about) if report.topology is not None else None
    if place is not None:
        # For copying, and for editors that jump to it: it is never wrapped.
        yield [(f"  {plain(redact_text(place.file))}:{place.line}:{place.column}", "")]
    yield from _wrapped(finding.cause, look, "  ", "  ", "")
    for line in finding.evidence:
        yield from _wrapped(line, look, "  - ", "    ", "faint")
    symptoms = [each.code for each in finding.suppressed if each.severity is Severity.ERROR]
    beside = [each.code for each in finding.suppressed if each.code not in symptoms]
    for words, codes in (("explains", symptoms), ("mind also", beside)):
        if codes:
            yield from _wrapped(f"{words}: {', '.join(dict.fromkeys(codes))}", look, "  ", "  ", "faint")
    for number, remedy in enumerate(finding.remedies):
        yield from _remedy("fix" if number == 0 else "or", remedy, look)


def _remedy(word: str, remedy: Remedy, look: Look) -> Iterator[Line]:
    caution = "" if remedy.safe or not remedy.operations else " (interrupts traffic)"
    yield from _wrapped(f"{word}: {remedy.title}{caution}", look, "  ", "    ", "")
    for operation in remedy.operations:
        # A command is for copying: it is never wrapped.
        yield [("    $ ", "faint"), (plain(redact_text(operation.command())), "strong")]
    lines = remedy.advice.splitlines()
    if len(lines) == 1 and lines[0].endswith("."):
        yield from _wrapped(lines[0], look, "    ", "    ", "")
        return
    # Text for copying keeps its lines.
    for line in lines:
        yield [(f"    {plain(redact_text(line))}", "")]


def _unexplained(report: Report, look: Look) -> Iterator[Line]:
    broken = [
        edge
        for edge in report.edges
        if edge.verdict is Verdict.BROKEN and not findings_on(edge, report) and not (edge.reason or edge.accepted)
    ]
    for edge in broken:
        yield []
        yield from _wrapped(
            f"{edge.label} fails, and no rule knows why: the ladder above is what was seen.", look, "", "", "doubt"
        )


def _silence(report: Report, look: Look) -> Iterator[Line]:
    for failed in (each for each in report.unjudged if not each.question):
        yield from _wrapped(f"note: {failed.code} could not judge: {failed.reason}", look, "", "  ", "doubt")
    unjudged = [each for each in report.unjudged if each.code not in UNSEEN and each.question]
    if not unjudged:
        return
    if not look.verbose:
        count = len(unjudged)
        said = "1 question" if count == 1 else f"{count} questions"
        yield from _wrapped(f"note: {said} got no answer (-v lists them)", look, "", "  ", "faint")
        return
    yield []
    yield [("could not be asked:", "doubt")]
    reasons = dict.fromkeys(each.reason for each in unjudged)
    for reason in reasons:
        which = dict.fromkeys(
            f"{each.question} (for {each.code})" if each.code.startswith("ND") else each.question
            for each in unjudged
            if each.reason == reason
        )
        yield from _wrapped(f"{', '.join(which)}: {reason}", look, "  - ", "    ", "faint")


def _files_summary(report: Report) -> str:
    """Never "reachable": files cannot say that."""
    services = len(report.topology.containers) if report.topology is not None else 0
    judged = f"{_count(services, 'service')}, {_count(len(report.edges), 'declared connection')}"
    failing = [each for each in report.findings if each.confidence is not Confidence.POSSIBLE]
    if not report.findings:
        # A rule that failed itself might have found one.
        return f"{judged}: no contradiction {'found' if report.unjudged else 'in these files'}"
    worst = "; no certain contradiction in these files" if report.verdict is Verdict.HOLDS else ""
    counted = f"{_count(len(failing), 'finding')}, {len(report.findings) - len(failing)} possible"
    return f"{judged}: {counted}{worst}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _summary(report: Report) -> str:
    if _from_files(report):
        return _files_summary(report)
    counts = {verdict: sum(1 for edge in report.edges if edge.verdict is verdict) for verdict in Verdict}
    parts = [f"{count} {verdict.value}" for verdict, count in counts.items() if count]
    edges = "1 edge" if len(report.edges) == 1 else f"{len(report.edges)} edges"
    said = f"{edges}: {', '.join(parts)}" if parts else report.summary or "nothing was asked"
    hidden = Counter(kind for kind, _, _ in unseen(report))
    told = " and ".join(_count(count, kind) for kind, count in sorted(hidden.items()))
    return f"{said}; {told} could not be looked at" if told else said


def _wrapped(text: str, look: Look, first: str, rest: str, style: str) -> Iterator[Line]:
    lines: Sequence[str] = textwrap.wrap(
        plain(redact_text(text)),
        look.width,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )
    for line in lines:
        yield [(line, style)]


FORMATS.add("human", HumanFormat(), home=__name__)
