"""GitHub workflow commands: one annotation per cause, the worst first (GitHub shows ten of a kind for each step)."""

from __future__ import annotations

from netdoctor.formats._findings import advice, called, clean, headline, level, place_of, unexplained, unseen
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import Finding, Report, Severity, Verdict

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


class GithubFormat:
    def render(self, report: Report, look: Look) -> str:
        merged: dict[tuple[str, str], list[Finding]] = {}
        for finding in report.findings:
            merged.setdefault((finding.code, finding.cause), []).append(finding)
        worst_first = sorted(merged.values(), key=lambda same: (same[0].announced, level(same[0]).rank))
        lines = [_annotation(same, report) for same in worst_first]
        for edge in report.edges:
            text = unexplained(edge, report)
            if text and edge.accepted:
                lines.append(_command("notice", {"title": f"accepted: {clean(edge.label)}"}, clean(edge.accepted)))
            elif text:
                # Unknown ends with 3, so it is no remark either.
                loud = edge.severity if edge.verdict is Verdict.BROKEN else Severity.ERROR
                lines.append(_command(_COMMAND[loud], {"title": f"{edge.verdict.value}: {clean(edge.label)}"}, text))
        for kind, name, why in unseen(report):
            lines.append(_command("error", {"title": f"could not be looked at: {called(kind, name)}"}, why))
        if not lines and not report.edges and report.verdict is Verdict.UNKNOWN:
            lines.append(_command("error", {"title": "netdoctor"}, "nothing was asked"))
        return "".join(f"{line}\n" for line in lines)

    def render_error(self, failure: Failure) -> str:
        title = f"netdoctor {failure.code}" if failure.code else "netdoctor"
        return _command("error", {"title": title}, f"{clean(failure.message)} {clean(failure.hint)}".strip()) + "\n"


def _annotation(same: list[Finding], report: Report) -> str:
    finding = same[0]
    place = next((found for each in same if (found := place_of(each, report)) is not None), None)
    where = {}
    if place is not None:
        where = {"file": clean(place.file), "line": str(max(1, place.line)), "col": str(max(1, place.column))}
    labels = {edge.edge: edge.label for edge in report.edges}
    edges = list(dict.fromkeys(labels[each.edge] for each in same if each.edge in labels))
    also = [f"connections: {', '.join(clean(label) for label in edges)}"] if len(edges) > 1 else []
    text = "\n".join([clean(finding.cause), *also, *advice(finding)])
    return _command(_COMMAND[level(finding)], {**where, "title": headline(finding)}, text)


def _command(command: str, properties: dict[str, str], text: str) -> str:
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{command} {given}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


FORMATS.add("github", GithubFormat(), home=__name__)
