"""Markdown for a pull-request comment: a verdict line, a table of edges, each cause with its evidence and remedy.

The first line is a comment nobody sees (``<!-- netdoctor -->``), by which a bot finds its own earlier comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netdoctor.formats._findings import called, clean, findings_on, place_of, unexplained, unseen
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import Finding, Report, Verdict

MARK = "<!-- netdoctor -->"
LIMIT = 60_000
"""Characters. GitHub refuses a comment of more than 65,536."""

_WORD = {Verdict.HOLDS: "holds", Verdict.BROKEN: "**broken**", Verdict.UNKNOWN: "*unknown*"}
_HEADING = {
    Verdict.HOLDS: "everything asked holds",
    Verdict.BROKEN: "something asked is broken",
    Verdict.UNKNOWN: "something could not be asked",
}
_DECLARED = {
    Verdict.HOLDS: "no contradiction in these files",
    Verdict.BROKEN: "these files contradict themselves",
}
"""Files alone never say that a connection holds."""

_ENTITY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_SPECIAL = re.compile(r"[@#](?=\w)|://|www\.|[&<>|\\`*_\[\]~$]")
_BLOCK = re.compile(r"^(?=[-+=#])|^(\d+)(?=[.)])")


class MarkdownFormat:
    def render(self, report: Report, look: Look) -> str:
        lines = [MARK, f"### netdoctor: {_heading(report)}", *_table(report)]
        size = sum(map(len, lines))
        for number, finding in enumerate(report.findings):
            told = ["", *_finding(finding, report)]
            size += sum(len(line) + 1 for line in told)
            if size > LIMIT:
                lines += ["", f"... and {len(report.findings) - number} more."]
                break
            lines += told
        for kind, name, why in unseen(report):
            lines += ["", f"{_code(called(kind, name))} could not be looked at: {_text(why)}"]
        for notice in report.notices if size <= LIMIT else ():
            lines += ["", f"Note: {_text(notice)}"]
        return "\n".join(lines) + "\n"

    def render_error(self, failure: Failure) -> str:
        code = f"{failure.code} " if failure.code else ""
        hint = f"\n\n{_text(failure.hint)}" if failure.hint else ""
        return f"{MARK}\n### netdoctor: could not look\n\n{code}{_text(failure.message)}{hint}\n"


def _heading(report: Report) -> str:
    declared = report.topology is not None and report.topology.source == "compose"
    return (_DECLARED if declared else _HEADING).get(report.verdict, _HEADING[report.verdict])


def _table(report: Report) -> Iterator[str]:
    """The broken and the unknown first; beyond the limit the healthy are only counted."""
    if not report.edges:
        return
    yield from ("", "| connection | verdict | cause |", "|---|---|---|")
    size = 0
    worst_first = sorted(
        report.edges, key=lambda edge: (Verdict.BROKEN, Verdict.UNKNOWN, Verdict.HOLDS).index(edge.verdict)
    )
    for number, edge in enumerate(worst_first):
        codes = dict.fromkeys(finding.code for finding in findings_on(edge, report))
        cause = ", ".join(codes) or _text(unexplained(edge, report))
        cause += f" accepted: {_text(edge.accepted)}" if edge.accepted else ""
        row = f"| {_code(edge.label)} | {_WORD[edge.verdict]} | {cause.strip()} |"
        size += len(row) + 1
        if size > LIMIT // 2:
            yield f"| ... and {len(worst_first) - number} more | | |"
            return
        yield row


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    later = " (will show once the first cause is fixed)" if finding.announced else ""
    yield f"#### {finding.code} {_text(finding.title)} ({finding.severity.value}, {finding.confidence.value}){later}"
    yield ""
    place = place_of(finding, report)
    where = f" ({_code(f'{place.file}:{place.line}:{place.column}')})" if place else ""
    yield f"{_text(finding.cause)}{where}"
    if finding.evidence:
        yield ""
    for line in finding.evidence:
        yield f"- {_text(line)}"
    for number, remedy in enumerate(finding.remedies):
        yield from ("", f"{'Or' if number else 'Fix'}: {_text(remedy.title)}")
        commands = [clean(operation.command()) for operation in remedy.operations]
        text = commands or [clean(line) for line in remedy.advice.splitlines()]
        if text:
            fence = "`" * max(3, 1 + max(_longest_run(line) for line in text))
            yield from ("", f"{fence}sh" if commands else fence, *text, fence)


def _longest_run(line: str) -> int:
    return max((len(run) for run in re.findall("`+", line)), default=0)


def _text(text: str) -> str:
    """Names come from outside: nothing in them may become markup, a link, a mention or a table cell's end."""
    escaped = _SPECIAL.sub(_escape, clean(text).strip())
    return _BLOCK.sub(lambda found: f"{found[1] or ''}\\", escaped)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    if char in _ENTITY:
        return _ENTITY[char]
    if char in "@#":
        # An invisible space keeps GitHub from telling somebody, or linking an issue.
        return f"{char}&#8203;"
    return {"://": ":\\//", "www.": "www\\."}.get(char, f"\\{char}")


def _code(text: str) -> str:
    """As code, in a table or not: by backticks where they can hold it, else by HTML."""
    text = clean(text).strip() or " "
    return f"`{text}`" if not set(text) & set("`|\\") else f"<code>{_text(text)}</code>"


FORMATS.add("markdown", MarkdownFormat(), home=__name__)
