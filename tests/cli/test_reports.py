"""Several reports from one run, and a valid document in each of them when the run ends in an error."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from formats.test_junit import SCHEMA as JUNIT
from formats.test_prometheus import parsed as metrics
from formats.test_sarif import SCHEMA as SARIF

from netdoctor.formats.interface import FORMATS

from .conftest import netdoctor

REPORT = json.loads(importlib.resources.files("netdoctor.formats").joinpath("report-1.schema.json").read_text())
MACHINE = [name for name in FORMATS.names() if name != "human"]
WRONG = {
    "no container": (["check", "nope", "neither"], 3),
    "no such option": (["check", "--bogus"], 2),
    "no such rule": (["lint", "--only", "ND999"], 2),
    "no such file": (["lint", "/nonexistent/compose.yaml"], 2),
}


@pytest.fixture(autouse=True)
def no_engine(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def ended(words: list[str], *more: str, env: dict[str, str] | None = None):
    return netdoctor(*words, "--host", "unix:///nonexistent.sock", *more, env=env)


def valid(name: str, text: str, status: int) -> None:
    """As its readers see it: a document, and one that nobody takes for health."""
    if name == "json":
        document = json.loads(text)
        jsonschema.validate(document, REPORT)
        assert (document["verdict"], document["error"]["status"]) == ("unknown", status)
    elif name == "jsonl":
        (line,) = map(json.loads, text.splitlines())
        assert (line["kind"], line["status"]) == ("error", status)
    elif name == "sarif":
        document = json.loads(text)
        SARIF.validate(document)
        assert document["runs"][0]["invocations"][0]["exitCode"] == status
    elif name == "junit":
        JUNIT.validate(text.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n'))
        assert len(ET.fromstring(text.encode()).findall(".//error")) == 1
    elif name == "prometheus":
        assert metrics(text) == {"netdoctor_run_failed": [({}, 1.0)]}
    elif name == "github":
        assert text.startswith("::error title=netdoctor")
        assert text.count("\n") == 1
    elif name == "markdown":
        assert text.startswith("<!-- netdoctor -->\n### netdoctor: could not look\n")
    else:
        raise AssertionError(f"who reads {name}?")


@pytest.mark.parametrize("name", MACHINE)
@pytest.mark.parametrize("wrong", WRONG)
def test_stdout_is_valid_in_its_format_whatever_happens(wrong, name):
    words, status = WRONG[wrong]
    found = ended(words, "--format", name)
    assert found.status == status
    valid(name, found.out, status)


@pytest.mark.parametrize("wrong", WRONG)
def test_every_further_report_is_there_and_valid_too(wrong):
    words, status = WRONG[wrong]
    asked = [part for name in MACHINE for part in ("--report", f"{name}={name}.out")]
    found = ended(words, *asked)
    assert found.out == ""
    for name in MACHINE:
        valid(name, Path(f"{name}.out").read_text(), status)


def test_an_old_report_is_never_left_in_place_to_be_read_as_health():
    Path("old.prom").write_text("netdoctor_edge_holds 1\n")
    Path("old.xml").write_text("<testsuites/>\n")
    found = ended(["check", "a", "b"], "--format=prometheus", "-o", "old.prom", "--report=junit=old.xml")
    assert found.out == ""
    valid("prometheus", Path("old.prom").read_text(), 3)
    valid("junit", Path("old.xml").read_text(), 3)


@pytest.mark.parametrize("options", [["-oout"], ["--output=out"], ["--output", "out"]])
def test_every_way_to_name_the_file(options):
    assert ended(["check", "a", "b"], "--format", "json", *options).out == ""
    valid("json", Path("out").read_text(), 3)


def test_the_variables_name_files_too():
    found = ended(["check", "a", "b"], env={"NETDOCTOR_REPORT": "sarif=s junit=j", "NETDOCTOR_OUTPUT": "my out",
                                            "NETDOCTOR_FORMAT": "json"})  # fmt: skip
    assert found.out == ""
    for name, file in (("sarif", "s"), ("junit", "j"), ("json", "my out")):
        valid(name, Path(file).read_text(), 3)


def test_the_format_that_counts_is_the_last_one():
    valid("junit", netdoctor("--format", "json", "check", "a", "--format", "junit", "--bogus").out, 2)


def test_where_the_file_cannot_be_written_stdout_has_the_document():
    found = ended(["check", "a", "b"], "--format", "json", "-o", "/nonexistent/dir/x")
    valid("json", found.out, 3)


def test_a_person_gets_the_sentence_and_no_file():
    found = ended(["check", "a", "b"], "-o", "out.txt")
    assert found.out == ""
    assert "ND902" in found.err
    assert not Path("out.txt").exists()


@pytest.mark.parametrize("given", ["junit", "junit=", "=x", "nope=x"])
def test_a_report_that_is_no_format_and_path_is_refused_before_anything_is_asked(given):
    found = ended(["check", "a", "b"], "--report", given)
    assert found.status == 2
    assert given.partition("=")[0] in found.err
    assert list(Path().iterdir()) == []


def test_reports_of_a_good_run_in_several_formats_at_once():
    Path("compose.yaml").write_text(
        "services:\n  app:\n    image: a\n    environment: {DB_URL: 'postgres://db:5432/x'}\n    networks: [front]\n"
        "  db:\n    image: postgres:16\nnetworks:\n  front:\n"
    )
    found = netdoctor("lint", "--format", "json", "--report", "sarif=s.json", "--report", "junit=j.xml",
                      "--report", "github=g", "--report", "markdown=m", "--report", "prometheus=p")  # fmt: skip
    assert found.status == 1
    assert json.loads(found.out)["findings"][0]["place"]["file"] == "compose.yaml"
    sarif = json.loads(Path("s.json").read_text())
    SARIF.validate(sarif)
    codes = {result["ruleId"] for result in sarif["runs"][0]["results"]}
    assert codes == {each["code"] for each in json.loads(found.out)["findings"]}
    assert {each.attrib["type"] for each in ET.parse("j.xml").iter("failure")} <= codes
    assert Path("g").read_text().startswith("::error file=compose.yaml,line=")
    assert "| **broken** |" in Path("m").read_text()
    assert metrics(Path("p").read_text())["netdoctor_run_failed"] == [({}, 0.0)]
