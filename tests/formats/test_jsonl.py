"""JSON Lines: each line is one object of the published schema, named by its kind; the last one sums up."""

from __future__ import annotations

import importlib.resources
import json

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from netdoctor.formats.interface import FORMATS, Look

from .anything import failures, reports
from .scenarios import FAILURES, REPORTS
from .test_golden import rendered

SCHEMA = json.loads(importlib.resources.files("netdoctor.formats").joinpath("report-1.schema.json").read_text())
JSONL = FORMATS.get("jsonl")
PARTS = {
    "edge": {"$ref": "#/$defs/edge"},
    "finding": {"$ref": "#/$defs/finding"},
    "unjudged": SCHEMA["properties"]["unjudged"]["items"],
    "skipped": SCHEMA["properties"]["skipped"]["items"],
    "error": SCHEMA["properties"]["error"]["anyOf"][0],
}
VALIDATORS = {kind: Draft202012Validator({"$defs": SCHEMA["$defs"], **part}) for kind, part in PARTS.items()}
HEAD = {"schema", "netdoctor", "verdict"}


def parsed(text: str) -> list[dict]:
    """Each line against its part of the schema."""
    assert text.endswith("\n")
    found = [json.loads(line) for line in text.splitlines()]
    for each in found:
        kind, body = each["kind"], {key: value for key, value in each.items() if key != "kind"}
        if kind == "error":
            assert body.keys() >= HEAD
            body = {key: value for key, value in body.items() if key not in HEAD}
        if kind in VALIDATORS:
            VALIDATORS[kind].validate(body)
        else:
            assert kind in ("notice", "summary")
    return found


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_every_line_fits_its_part_of_the_published_schema(scenario):
    lines = parsed(rendered(scenario, "jsonl"))
    assert [each["kind"] for each in lines if each["kind"] in ("summary", "error")] == [lines[-1]["kind"]]
    assert lines[-1]["schema"] == "netdoctor.report/1"


@pytest.mark.parametrize("scenario", REPORTS)
def test_the_lines_are_the_json_report_taken_apart(scenario):
    lines, whole = parsed(rendered(scenario, "jsonl")), json.loads(rendered(scenario, "json"))
    for key, kind in (("edges", "edge"), ("findings", "finding"), ("unjudged", "unjudged"), ("skipped", "skipped")):
        mine = [
            {name: value for name, value in each.items() if name != "kind"} for each in lines if each["kind"] == kind
        ]
        assert mine == whole[key]
        assert lines[-1][key] == len(mine)
    assert [each["notice"] for each in lines if each["kind"] == "notice"] == whole["notices"]
    assert lines[-1]["verdict"] == whole["verdict"]


@given(reports())
def test_whatever_names_hold_a_line_is_a_line(report):
    text = JSONL.render(report, Look())
    assert text.isascii()
    assert len(parsed(text)) == text.count("\n")


@given(failures)
def test_an_error_is_one_line_and_never_health(failure):
    (line,) = parsed(JSONL.render_error(failure))
    assert (line["kind"], line["verdict"], line["status"]) == ("error", "unknown", failure.status)
