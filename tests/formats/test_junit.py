"""JUnit XML: valid by the published schema, whatever names hold; a case for each edge; green only when the run is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given

from netdoctor.cli.common import status_of
from netdoctor.cli.settings import Settings
from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Report, Severity, Verdict

from .anything import failures, reports
from .scenarios import FAILURES, REPORTS
from .test_golden import rendered, report_of

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-10.xsd"))
JUNIT = FORMATS.get("junit")


def parsed(text: str) -> ET.Element:
    SCHEMA.validate(text.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n'))
    return ET.fromstring(text.encode())


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_every_document_fits_the_published_schema(scenario):
    root = parsed(rendered(scenario, "junit"))
    cases = root.findall("testsuite/testcase")
    for node in (root, root[0]):
        assert int(node.attrib["tests"]) == len(cases)
        assert int(node.attrib["failures"]) == len(root.findall(".//failure"))
        assert int(node.attrib["errors"]) == len(root.findall(".//error"))


def test_the_schema_refuses_what_is_no_junit():
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        SCHEMA.validate("<testsuites><testcase/></testsuites>")


@given(reports())
def test_whatever_names_hold_the_document_is_valid(report):
    root = parsed(JUNIT.render(report, Look()))
    assert len(root.findall(".//testcase")) >= 1


@given(failures)
def test_whatever_an_error_says_the_document_is_valid_and_red(failure):
    assert len(parsed(JUNIT.render_error(failure)).findall(".//testcase/error")) == 1


@pytest.mark.parametrize("threshold", Severity)
@pytest.mark.parametrize("scenario", REPORTS)
def test_it_is_red_exactly_when_the_exit_status_is(scenario, threshold):
    report = report_of(scenario)
    root = parsed(JUNIT.render(report, Look(fail_on=threshold)))
    red = bool(root.findall(".//failure") or root.findall(".//error"))
    assert red == (status_of(report, Settings(fail_on=threshold.value)) != 0)


def test_every_asked_edge_is_one_case_in_order():
    cases = parsed(rendered("several", "junit")).findall(".//testcase")
    assert [case.attrib["name"] for case in cases] == [edge.label for edge in report_of("several").edges]
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["failure"]]


def test_an_edge_that_could_not_be_asked_is_an_error_with_the_reason():
    (case,) = parsed(rendered("no-vantage", "junit")).findall(".//testcase")
    assert [child.tag for child in case] == ["error"]
    assert "netns: entering a network namespace needs root" in case[0].attrib["message"]


def test_an_accepted_edge_is_skipped_and_a_warning_only_a_remark():
    cases = parsed(rendered("expectations", "junit")).findall(".//testcase")
    assert [[child.tag for child in case] for case in cases] == [
        [], ["skipped"], ["system-out"], ["failure"], ["error"],
    ]  # fmt: skip
    assert "the batch job starts at night" in cases[1][0].attrib["message"]


def test_a_failure_names_the_code_and_tells_all_of_it():
    failure = parsed(rendered("incident", "junit")).find(".//failure")
    assert failure.attrib["type"] == "ND101"
    for line in ("- app is on: coolify", "fix: Connect qdrant to coolify", "    docker network connect"):
        assert line in failure.text


def test_a_second_cause_stands_behind_the_first():
    failure = parsed(rendered("second-cause", "junit")).find(".//failure")
    assert failure.attrib["type"] == "ND101"
    later = next(line for line in failure.text.splitlines() if line.startswith("ND301"))
    assert "(will show once the first cause is fixed)" in later


def test_a_finding_on_no_edge_is_a_case_when_it_fails_the_run_and_a_remark_when_not():
    report = report_of("only-possible")
    assert parsed(JUNIT.render(report, Look())).find(".//failure") is None
    assert "ND801" in parsed(JUNIT.render(report, Look())).find("testsuite/system-out").text
    named = {
        each.attrib["type"] for each in parsed(JUNIT.render(report, Look(fail_on=Severity.WARNING))).iter("failure")
    }
    assert named == {"ND801"}


def test_an_edge_is_red_too_when_one_cause_on_two_edges_is_reported_on_the_first_only():
    report = report_of("lint-found")
    (edge,) = report.edges
    twin = replace(edge, edge=replace(edge.edge, port=5433), label="again")
    both: Report = replace(report, edges=(edge, twin))
    found = parsed(JUNIT.render(both, Look())).findall(".//failure")
    assert [each.attrib["type"] for each in found] == ["ND101", "ND101"]
    assert both.edges[1].verdict is Verdict.BROKEN
