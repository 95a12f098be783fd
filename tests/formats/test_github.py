"""GitHub annotations: each line one command that the runner reads as we meant it; the worst first, merged by cause."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Verdict

from .anything import failures, reports
from .scenarios import FAILURES, REPORTS
from .test_golden import rendered, report_of

GITHUB = FORMATS.get("github")
LINE = re.compile(r"::(?P<command>[^: ]+)(?: (?P<properties>[^:]*))?::(?P<data>.*)")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """As the runner reads them: properties end at the next ``::``, split by commas, both unescaped."""
    found = []
    for line in text.split("\n")[:-1]:
        read = LINE.fullmatch(line)
        assert read, line
        pairs = [each.partition("=") for each in read["properties"].split(",")] if read["properties"] else []
        properties = {key: unescaped(value, (("%3A", ":"), ("%2C", ","))) for key, _, value in pairs}
        found.append((read["command"], properties, unescaped(read["data"])))
    return found


def unescaped(text: str, more=()) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
        text = text.replace(code, char)
    return text


@pytest.mark.parametrize("scenario", [*REPORTS, *FAILURES])
def test_every_line_is_one_annotation(scenario):
    for command, properties, text in commands(rendered(scenario, "github")):
        assert command in ("error", "warning", "notice")
        assert set(properties) in ({"title"}, {"file", "line", "col", "title"})
        assert text


@given(reports())
def test_no_name_can_start_a_command_or_end_a_property(report):
    for command, properties, _ in commands(GITHUB.render(report, Look())):
        assert command in ("error", "warning", "notice")
        assert set(properties) <= {"file", "line", "col", "title"}
        assert properties.get("line", "1").isdigit()


@given(failures)
def test_an_error_is_one_annotation(failure):
    ((command, properties, _),) = commands(GITHUB.render_error(failure))
    assert command == "error"
    assert properties["title"] == f"netdoctor {failure.code}" if failure.code else "netdoctor"


def test_an_annotation_points_to_its_place():
    ((command, properties, text),) = commands(rendered("lint-found", "github"))
    assert command == "error"
    assert properties == {
        "file": "deploy/my compose.yaml", "line": "5", "col": "7", "title": "ND101 no shared network",
    }  # fmt: skip
    assert text.startswith("shop-app-1 (on shop_front) and shop-db-1 (on shop_default) share no network.\nfix: ")


def test_one_cause_on_two_connections_is_one_annotation_that_names_both():
    found = commands(rendered("markup", "github"))
    assert [(command, properties["title"][:5]) for command, properties, _ in found] == [
        ("error", "ND101"), ("warning", "ND304"), ("error", "ND301"),
    ]  # fmt: skip
    assert all(edge.label.splitlines()[0] in found[0][2] for edge in report_of("markup").edges)
    assert found[2][1]["title"].endswith("(will show once the first cause is fixed)")


def test_the_worst_comes_first_and_what_holds_says_nothing():
    assert [command for command, _, _ in commands(rendered("only-possible", "github"))] == [
        "warning", "warning", "notice",
    ]  # fmt: skip
    assert rendered("all-well", "github") == ""
    assert rendered("lint-clean", "github") == ""


def test_what_fails_without_a_cause_is_told_as_loud_as_it_counts():
    found = [(command, properties["title"]) for command, properties, _ in commands(rendered("expectations", "github"))]
    assert found == [
        ("notice", "accepted: app -> db:2"),
        ("warning", "broken: app -> db:3"),
        ("error", "broken: app -x> db:4"),
        ("error", "unknown: app -x> db:5"),
    ]


def test_an_unknown_edge_is_never_silent():
    report = report_of("all-well")
    edges = tuple(replace(each, verdict=Verdict.UNKNOWN, reason="") for each in report.edges)
    ((command, _, text),) = commands(GITHUB.render(replace(report, edges=edges), Look()))
    assert (command, text) == ("error", "it could not be asked")
