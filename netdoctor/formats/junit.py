"""JUnit XML: one test case per asked edge; a broken one is a failure, an unknown one an error, an accepted one skipped.

A finding about the whole topology that fails the run is a case of its own, so that CI shows every reason. What does
not fail the run stands in the ``system-out`` of its case, or of the suite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from netdoctor.formats._findings import (
    clean,
    edge_fails,
    fails,
    findings_on,
    headline,
    loose,
    told,
    unexplained,
    unseen,
)
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import EdgeReport, Finding, Report, Verdict

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
# Valid in Python and harmless on a terminal, but no XML document may hold them (control characters are gone already).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class JunitFormat:
    def render(self, report: Report, look: Look) -> str:
        cases = [_edge(edge, report, look) for edge in report.edges]
        others = loose(report)
        cases += [_topology(finding) for finding in others if fails(finding, look)]
        for kind, name, why in unseen(report):
            hidden = _case(f"{kind} {name}")
            _outcome(hidden, "error", why, "unknown", "")
            cases.append(hidden)
        if not cases and not report.edges and report.verdict is Verdict.UNKNOWN:
            nothing = _case("netdoctor")
            _outcome(nothing, "error", "nothing was asked", "unknown", "")
            cases.append(nothing)
        remarks = [finding for finding in others if not fails(finding, look)]
        return _document(cases, report.seconds, remarks)

    def render_error(self, failure: Failure) -> str:
        case = _case("netdoctor")
        _outcome(case, "error", clean(failure.message), failure.code or "error", clean(failure.hint))
        return _document([case], 0.0)


def _edge(edge: EdgeReport, report: Report, look: Look) -> ET.Element:
    case = _case(clean(edge.label), sum(step.observation.seconds for step in edge.steps))
    found = findings_on(edge, report)
    failing = [finding for finding in found if fails(finding, look)]
    text = _paragraphs(found)
    if edge.accepted:
        ET.SubElement(case, "skipped", message=_xml(clean(edge.accepted)), type="accepted").text = _xml(text)
    elif failing or edge_fails(edge, look):
        first = next(iter(failing or found), None)
        if first is None:
            _outcome(case, "failure", unexplained(edge, report), "broken", "")
        else:
            _outcome(case, "failure", f"{first.code} {clean(first.cause)}", first.code, text)
    elif edge.verdict is Verdict.UNKNOWN:
        _outcome(case, "error", unexplained(edge, report), "unknown", text)
    elif found or edge.verdict is Verdict.BROKEN:
        ET.SubElement(case, "system-out").text = _xml(text or unexplained(edge, report))
    return case


def _topology(finding: Finding) -> ET.Element:
    case = _case(headline(finding))
    _outcome(case, "failure", clean(finding.cause), finding.code, told(finding))
    return case


def _case(name: str, seconds: float = 0.0) -> ET.Element:
    return ET.Element("testcase", classname="netdoctor", name=_xml(name), time=f"{seconds:.3f}")


def _outcome(case: ET.Element, tag: str, message: str, kind: str, text: str) -> None:
    ET.SubElement(case, tag, message=_xml(message), type=kind).text = _xml(text)


def _paragraphs(findings: Iterable[Finding]) -> str:
    return "\n\n".join(
        f"{headline(each)} ({each.severity.value}, {each.confidence.value})\n{told(each)}" for each in findings
    )


def _xml(text: str) -> str:
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _document(cases: list[ET.Element], seconds: float, remarks: Iterable[Finding] = ()) -> str:
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(1 for case in cases if case.find("failure") is not None)),
        "errors": str(sum(1 for case in cases if case.find("error") is not None)),
        "time": f"{seconds:.3f}",
    }
    suites = ET.Element("testsuites", {"name": "netdoctor", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": "netdoctor", **counts})
    suite.extend(cases)
    said = _xml(_paragraphs(remarks))
    if said:
        ET.SubElement(suite, "system-out").text = said
    ET.indent(suites)
    return _HEAD + ET.tostring(suites, encoding="unicode") + "\n"


FORMATS.add("junit", JunitFormat(), home=__name__)
