"""The report for a person: 80 columns, the same words with and without colour, commands whole."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Confidence, Finding, Layer, Ref, Severity

from .scenarios import REPORTS, timed

HUMAN = FORMATS.get("human")
FOR_COPYING = ("    $ ", "Next: ")


def shown(scenario: str, **look) -> str:
    make, _, usual = REPORTS[scenario]
    return HUMAN.render(timed(make()), replace(usual, **look))


@pytest.mark.parametrize("scenario", REPORTS)
def test_no_line_is_wider_than_80_columns_but_commands_to_copy(scenario):
    for line in shown(scenario).splitlines():
        assert len(line) <= 80 or line.startswith(FOR_COPYING), line
        assert line == line.rstrip()


@pytest.mark.parametrize("scenario", REPORTS)
def test_colour_adds_nothing_but_colour(scenario):
    coloured = shown(scenario, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(scenario)
    assert "\x1b[" in coloured
    for line in coloured.splitlines():
        assert len(re.findall(r"\x1b\[[0-9;]+m", line)) % 2 == 0


def test_the_incident_says_cause_fix_and_next_command():
    text = shown("incident")
    assert "app -> qdrant:6333/healthz" in text.splitlines()[0]
    assert text.splitlines()[0].endswith("BROKEN")
    assert "ND101 no shared network (error, certain)" in text
    assert "    $ docker network connect --alias qdrant coolify qdrant" in text
    assert text.rstrip().splitlines()[-1] == "Next: netdoctor fix app qdrant --persist"


def test_a_second_cause_is_announced():
    assert "will show next: ND301" in shown("second-cause")


def test_what_could_not_be_asked_is_a_question_mark_with_its_reason():
    text = shown("no-vantage")
    assert "UNKNOWN" in text.splitlines()[0]
    assert "ND901: Nothing can be asked from inside app" in text
    assert re.search(r"^  tcp +\? ", text, re.MULTILINE)


def test_questions_without_an_answer_are_never_silent():
    assert "(-v lists them)" in shown("several")
    assert "could not be asked:" in shown("several", verbose=True)


def test_a_broken_edge_without_a_cause_says_so():
    assert "no rule knows why" in shown("no-rule-knows")


def test_a_cause_that_is_about_both_ends_explains_each_edge_it_is_about():
    report = REPORTS["no-rule-knows"][0]()
    (edge,) = report.edges
    asked = edge.edge
    twin = replace(edge, edge=replace(asked, target=Ref("container", "twin")), label="app -> twin")
    cause = Finding(
        "ND203",
        "one name, two containers",
        Severity.ERROR,
        Confidence.CERTAIN,
        Layer.DNS,
        (asked.target, Ref("container", "twin"), asked.source),
        "One name leads to both.",
        edge=asked,
    )
    text = HUMAN.render(replace(report, edges=(edge, twin), findings=(cause,)), Look())
    assert "no rule knows why" not in text


def test_an_edge_that_holds_among_others_is_one_line():
    lines = shown("several").splitlines()
    assert lines[0].startswith("app -> db:80") and lines[0].endswith("HOLDS")
    assert lines[1].startswith("app -> db:81")


def test_a_narrow_terminal_is_kept_to():
    assert all(len(line) <= 50 or line.startswith(FOR_COPYING) for line in shown("incident", width=50).splitlines())


def test_an_error_is_said_on_stderr_only():
    from .scenarios import FAILURES

    assert all(HUMAN.render_error(failure) == "" for failure in FAILURES.values())


def test_nothing_asked_is_said():
    assert "nothing was asked" in HUMAN.render(REPORTS["nothing-asked"][0](), Look())


def test_a_host_outside_docker_has_no_way_back_to_show():
    from diagnosis.play import healthy, run

    from netdoctor.model import Edge, Outcome, Ref

    seen, vantages, app, _, _ = healthy(dials={("10.9.9.9", 443): Outcome.REFUSED})
    report = run(seen, vantages, Edge(app.ref, Ref("external", "10.9.9.9"), name="10.9.9.9", port=443))
    text = HUMAN.render(report, Look())
    assert "BROKEN" in text
    assert "back:" not in text
