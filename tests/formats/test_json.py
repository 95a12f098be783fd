"""The report as data: every document fits the published schema, which only ever grows."""

from __future__ import annotations

import importlib.resources
import json
from copy import deepcopy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from netdoctor.formats.interface import FORMATS, Look
from netdoctor.formats.json import SCHEMA
from netdoctor.model import Layer, Outcome, Verdict
from netdoctor.rules.registry import RULES

from .scenarios import FAILURES, REPORTS, SECRET, timed

TEXT = importlib.resources.files("netdoctor.formats").joinpath("report-1.schema.json").read_text("utf-8")
PUBLISHED = json.loads(TEXT)
VALIDATOR = Draft202012Validator(PUBLISHED)
JSON = FORMATS.get("json")
FROZEN = Path(__file__).with_name("report-1.frozen.txt")


def document(scenario: str) -> dict:
    text = JSON.render_error(FAILURES[scenario]) if scenario in FAILURES else _report(scenario)
    return json.loads(text)


def _report(scenario: str) -> str:
    return JSON.render(timed(REPORTS[scenario][0]()), Look())


def test_the_schema_is_a_schema_and_names_the_documents_version():
    Draft202012Validator.check_schema(PUBLISHED)
    assert PUBLISHED["properties"]["schema"]["const"] == SCHEMA == PUBLISHED["title"]


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_every_document_fits_the_schema(scenario):
    VALIDATOR.validate(document(scenario))


def test_the_schema_is_strict_in_every_object():
    def objects(node, where="#"):
        if isinstance(node, dict):
            if node.get("type") == "object" and "properties" in node:
                yield where, node
            for key, value in node.items():
                yield from objects(value, f"{where}/{key}")
        elif isinstance(node, list):
            for number, value in enumerate(node):
                yield from objects(value, f"{where}/{number}")

    found = list(objects(PUBLISHED))
    assert len(found) > 15
    for where, node in found:
        assert node["additionalProperties"] is False, where
        # What came later may be missing in a document of an older version.
        assert set(node["required"]) <= set(node["properties"]), where
        assert node["required"], where


def test_the_schema_knows_every_word_of_the_model():
    defined = PUBLISHED["$defs"]
    assert set(defined["outcome"]["enum"]) == {each.value for each in Outcome}
    assert set(defined["layer"]["enum"]) == {each.name.lower() for each in Layer}
    assert set(defined["verdict"]["enum"]) == {each.value for each in Verdict}


CHANGES = {
    "another field": lambda d: d.update(extra=1),
    "a missing field": lambda d: d.pop("unjudged"),
    "another verdict": lambda d: d.update(verdict="fine"),
    "another version": lambda d: d.update(schema="netdoctor.report/2"),
    "another outcome": lambda d: d["edges"][0]["steps"][0].update(outcome="meh"),
    "no evidence for an answer": lambda d: d["edges"][0]["steps"][0].update(evidence=None),
    "a finding without a subject": lambda d: d["findings"][0].update(subjects=[]),
    "a finding without a cause": lambda d: d["findings"][0].update(cause=""),
    "an unknown operation": lambda d: d["findings"][0]["remedies"][0]["operations"][0].update(kind="Explode"),
    "a port that is none": lambda d: d["edges"][0].update(port=0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_schema_refuses(change):
    changed = deepcopy(document("incident"))
    CHANGES[change](changed)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(changed)


def test_the_published_schema_is_frozen():
    """Fields and words may be added (add them to the list); none may go away."""
    frozen = FROZEN.read_text("utf-8").split("\n")
    gone = {each for each in frozen if each} - set(words(PUBLISHED))
    assert gone == set()
    assert len(frozen) > 150


def words(node, where="report"):
    """Every field and every word of an enumeration, by its place."""
    if isinstance(node, dict):
        for word in [*node.get("enum", ()), *([node["const"]] if "const" in node else [])]:
            yield f"{where} = {word}"
        for key, below in node.items():
            if key in ("properties", "$defs"):
                for name, inner in below.items():
                    yield f"{where}.{name}"
                    yield from words(inner, f"{where}.{name}")
            elif key != "if":
                yield from words(below, where)
    elif isinstance(node, list):
        for below in node:
            yield from words(below, where)


def test_ascii_only_and_sorted_out_of_control():
    text = _report("hostile")
    assert text.isascii()
    assert SECRET not in text


def test_the_incident_as_data():
    found = document("incident")
    (edge,), (finding,) = found["edges"], found["findings"]
    assert (found["verdict"], edge["verdict"], edge["edge"]) == ("broken", "broken", "app -> qdrant:6333/healthz")
    assert [(step["layer"], step["outcome"]) for step in edge["steps"]] == [
        ("membership", "no_route"), ("dns", "resolver_failed"), ("ping", "timed_out"), ("tcp", "timed_out"),
    ]  # fmt: skip
    assert (finding["code"], finding["edge"]) == ("ND101", edge["edge"])
    assert finding["subjects"][0]["name"] == "qdrant"
    assert finding["remedies"][0]["operations"][0]["network_name"] == "coolify"
    assert finding["remedies"][0]["commands"] == ["docker network connect --alias qdrant coolify qdrant"]
    assert found["error"] is None


def test_a_second_cause_is_marked_and_not_hidden():
    found = {finding["code"]: finding["announced"] for finding in document("second-cause")["findings"]}
    assert found == {"ND101": False, "ND301": True}


def test_an_error_has_the_same_shape_and_is_never_health():
    for name, failure in FAILURES.items():
        found = document(name)
        assert set(found) == set(document("incident"))
        assert (found["verdict"], found["edges"]) == ("unknown", [])
        assert (found["error"]["status"], found["error"]["code"]) == (failure.status, failure.code)


def test_every_code_of_a_rule_fits_the_schemas_pattern():
    pattern = Draft202012Validator(PUBLISHED["$defs"]["finding"]["properties"]["code"])
    assert all(pattern.is_valid(code) for code in RULES.names())
