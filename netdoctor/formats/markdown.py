"""Markdown for a pull-request comment: a verdict line, a table of edges, each cause with its evidence and remedy."""

from __future__ import annotations

from collections.abc import Iterator

from netdoctor.formats._findings import clean, place_of, unexplained
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import Finding, Report, Verdict

_WORD = {Verdict.HOLDS: "holds", Verdict.BROKEN: "**broken**", Verdict.UNKNOWN: "*unknown*"}
_HEADING = {
    Verdict.HOLDS: "everything asked holds",
    Verdict.BROKEN: "something asked is broken",
    Verdict.UNKNOWN: "something could not be asked",
}


class MarkdownFormat:
    def render(self, report: Report, look: Look) -> str:
        return "\n".join(_lines(report)) + "\n"

    def render_error(self, failure: Failure) -> str:
        hint = f"\n\n{_text(failure.hint)}" if failure.hint else ""
        return f"### netdoctor: could not look\n\n{_text(failure.message)}{hint}\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"### netdoctor: {_HEADING[report.verdict]}"
    if report.edges:
        yield from ("", "| connection | verdict | cause |", "|---|---|---|")
    for edge in report.edges:
        codes = [finding.code for finding in report.findings if finding.edge == edge.edge]
        cause = ", ".join(codes) or _text(unexplained(edge, report))
        yield f"| {_code(edge.label)} | {_WORD[edge.verdict]} | {cause} |"
    for finding in report.findings:
        yield ""
        yield from _finding(finding, report)


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    later = "shows after the first is fixed: " if finding.announced else ""
    yield f"#### {later}{finding.code} {_text(finding.title)} ({finding.severity.value}, {finding.confidence.value})"
    yield ""
    place = place_of(finding, report)
    where = f" ({_code(f'{place.file}:{place.line}:{place.column}')})" if place else ""
    yield f"{_text(finding.cause)}{where}"
    if finding.evidence:
        yield ""
    for line in finding.evidence:
        yield f"- {_text(line)}"
    for remedy in finding.remedies:
        yield from ("", f"Fix: {_text(remedy.title)}")
        commands = [clean(operation.command()) for operation in remedy.operations]
        text = commands or [clean(line) for line in remedy.advice.splitlines()]
        if text:
            fence = "`" * max(3, 1 + max(_longest_run(line) for line in text))
            yield from ("", f"{fence}sh" if commands else fence, *text, fence)


def _longest_run(line: str) -> int:
    longest = current = 0
    for char in line:
        current = current + 1 if char == "`" else 0
        longest = max(longest, current)
    return longest


def _text(text: str) -> str:
    """Names come from outside: nothing in them may become markup, a link, a mention or a table cell's end."""
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#" else char for char in text)


def _code(text: str) -> str:
    """Inline code that survives backticks and table cells."""
    text = clean(text).replace("|", "\\|")
    ticks = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


FORMATS.add("markdown", MarkdownFormat(), home=__name__)
