"""Expectations as assertions: what fails says the cause and the remedy, not only that something is false."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netdoctor.api import given
from netdoctor.api.checking import check
from netdoctor.model import EdgeReport, Report, Verdict


class NotAsExpected(AssertionError):
    """``report`` is the whole diagnosis; the message is its gist."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


def assert_reaches(source: str, target: str | None = None, **options: Any) -> Report:
    """``assert_reaches("app", "qdrant:6333/healthz")`` or ``assert_reaches("app -> qdrant:6333")``.

    ``options`` are those of :func:`netdoctor.check`. Unknown fails as well: it is never health. Raises NotAsExpected,
    and NetdoctorError as check does.
    """
    __tracebackhide__ = True
    return _assert(_said(source, "->", target), "->", options)


def assert_isolated(source: str, target: str | None = None, **options: Any) -> Report:
    """``assert_isolated("web", "db:5432")`` or ``assert_isolated("web -x> db:5432")``: must NOT be reachable.

    It holds only when everything that leads there was dialled in vain, the reason is known, and the target is alive.
    """
    __tracebackhide__ = True
    return _assert(_said(source, "-x>", target), "-x>", options)


def _said(source: str, arrow: str, target: str | None) -> str:
    given.text("source", source)
    return source if target is None else f"{source} {arrow} {given.text('target', target)}"


def _assert(text: str, arrow: str, options: dict[str, Any]) -> Report:
    __tracebackhide__ = True  # pytest prints a frame's arguments, and an engine's URL may hold a password
    from netdoctor.errors import UsageError

    if f" {arrow} " not in text:
        raise UsageError(f"{text!r} is not of the form SOURCE {arrow} TARGET.", hint=f'like "app {arrow} qdrant:6333"')
    report = check(text, **options)
    if not report.ok:
        raise NotAsExpected(explanation(report), report)
    return report


def explanation(report: Report) -> str:
    """Each edge that is not as expected, then each cause with its evidence and its remedies. Redacted, plain."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    from netdoctor.formats._findings import advice, clean, headline

    for edge in report.edges:
        if edge.verdict is not Verdict.HOLDS and not edge.accepted:
            yield from _edge(edge)
    for finding in report.findings:
        yield f"{headline(finding)}: {clean(finding.cause)}"
        yield from (f"  - {clean(line)}" for line in finding.evidence)
        yield from (f"  {line}" for line in advice(finding))
        yield f"  more: netdoctor explain {finding.code}"
    unknown = report.verdict is Verdict.UNKNOWN and not report.findings
    for reason in dict.fromkeys(each.reason for each in report.unjudged) if unknown else ():
        yield f"  not asked: {clean(reason)}"


def _edge(edge: EdgeReport) -> Iterator[str]:
    from netdoctor.formats._findings import clean

    word = "reachable" if edge.edge.isolated and edge.verdict is Verdict.BROKEN else edge.verdict.value
    yield f"{clean(edge.label)} is {word}{f': {clean(edge.reason)}' if edge.reason else ''}"
    for step in edge.steps:
        if not edge.edge.isolated and not step.observation.good:
            yield f"  {clean(step.label)}: {step.observation.outcome.value.replace('_', ' ')}"
