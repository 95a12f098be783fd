"""JUnit XML: one test case per asked edge; a broken one is a failure, an unknown one an error.

A finding about the whole topology that fails the run is a case of its own, so that CI shows every reason.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from netdoctor.formats._findings import clean, fails, findings_on, loose, told, unexplained
from netdoctor.formats.interface import FORMATS, Failure, Look
from netdoctor.model import EdgeReport, Finding, Report, Verdict

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class JunitFormat:
    def render(self, report: Report, look: Look) -> str:
        cases = [_edge(edge, report) for edge in report.edges]
        cases += [_topology(finding) for finding in loose(report) if fails(finding)]
        return _document(cases, report.seconds)

    def render_error(self, failure: Failure) -> str:
        case = ET.Element("testcase", classname="netdoctor", name="netdoctor", time="0.000")
        error = ET.SubElement(case, "error", message=clean(failure.message), type=failure.code or "error")
        error.text = clean(failure.hint)
        return _document([case], 0.0)


def _edge(edge: EdgeReport, report: Report) -> ET.Element:
    took = sum(step.observation.seconds for step in edge.steps)
    case = ET.Element("testcase", classname="netdoctor", name=clean(edge.label), time=f"{took:.3f}")
    found = findings_on(edge, report)
    if edge.verdict is Verdict.BROKEN:
        first = f"{found[0].code} {clean(found[0].cause)}" if found else unexplained(edge, report)
        kind = found[0].code if found else "broken"
        ET.SubElement(case, "failure", message=first, type=kind).text = "\n\n".join(_paragraph(f) for f in found)
    elif edge.verdict is Verdict.UNKNOWN:
        ET.SubElement(case, "error", message=unexplained(edge, report), type="unknown")
    elif found:
        ET.SubElement(case, "system-out").text = "\n\n".join(_paragraph(f) for f in found)
    return case


def _topology(finding: Finding) -> ET.Element:
    case = ET.Element("testcase", classname="netdoctor", name=f"{finding.code} {clean(finding.title)}", time="0.000")
    ET.SubElement(case, "failure", message=clean(finding.cause), type=finding.code).text = told(finding)
    return case


def _paragraph(finding: Finding) -> str:
    return f"{finding.code} {clean(finding.title)} ({finding.severity.value})\n{told(finding)}"


def _document(cases: list[ET.Element], seconds: float) -> str:
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(1 for case in cases if case.find("failure") is not None)),
        "errors": str(sum(1 for case in cases if case.find("error") is not None)),
        "time": f"{seconds:.3f}",
    }
    suites = ET.Element("testsuites", {"name": "netdoctor", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": "netdoctor", **counts})
    suite.extend(cases)
    ET.indent(suites)
    return _HEAD + ET.tostring(suites, encoding="unicode") + "\n"


FORMATS.add("junit", JunitFormat(), home=__name__)
