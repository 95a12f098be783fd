"""While a container could not be looked at nothing is called well, and nobody's having something proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rules.build import container, network, topology

from netdoctor.cli.common import status_of
from netdoctor.cli.settings import Settings
from netdoctor.diagnosis.judge import judge_edge
from netdoctor.diagnosis.unseen import in_doubt, with_unseen
from netdoctor.exits import Exit
from netdoctor.formats.interface import FORMATS, Look
from netdoctor.model import Answers, Case, Confidence, Finding, Layer, Ref, Report, Severity, Unseen, Verdict
from netdoctor.rules.registry import RULES

NET = network("net")
HIDDEN = Unseen("d" * 64, "db\x1b[31m", "Could not inspect it: it has no State.")
WHOLE = topology(NET, container("app", NET), container("web", NET))
HOLED = replace(WHOLE, unseen=(HIDDEN,))
FINDING = Finding("ND209", "t", Severity.ERROR, Confidence.CERTAIN, Layer.DNS, (Ref("container", "a"),), "cause.")


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (Verdict.HOLDS, Verdict.UNKNOWN),
        (Verdict.UNKNOWN, Verdict.UNKNOWN),
        (Verdict.BROKEN, Verdict.BROKEN),
    ],
)
def test_the_whole_is_never_well_and_what_is_broken_stays_broken(was: Verdict, becomes: Verdict) -> None:
    report = with_unseen(Report(was, (), (), topology=HOLED))
    assert report.verdict is becomes
    assert [(each.question, each.reason) for each in report.unjudged] == [(HIDDEN.name, HIDDEN.reason)]
    assert with_unseen(report) == report


def test_where_all_were_looked_at_nothing_changes() -> None:
    report = Report(Verdict.HOLDS, (), (), topology=WHOLE)
    assert with_unseen(report) is report


def test_the_exit_status_is_the_one_for_unknown_and_findings_come_first() -> None:
    report = with_unseen(Report(Verdict.HOLDS, (), (), topology=HOLED))
    assert status_of(report, Settings()) is Exit.UNKNOWN
    assert status_of(replace(report, findings=(FINDING,)), Settings()) is Exit.FINDINGS
    assert status_of(report, Settings(exit_zero=True)) is Exit.OK


@pytest.mark.parametrize("name", ["human", "json", "jsonl", "junit", "github", "markdown"])
def test_every_format_tells_who_and_why(name: str) -> None:
    said = FORMATS.get(name).render(with_unseen(Report(Verdict.HOLDS, (), (), topology=HOLED)), Look())
    assert "no State" in said
    assert "db" in said
    assert "\x1b" not in said


def test_what_rests_on_nobody_having_it_is_possible_only() -> None:
    doubted = in_doubt(FINDING, HOLED)
    assert doubted.confidence is Confidence.POSSIBLE
    assert "db" in doubted.evidence[-1]
    assert in_doubt(FINDING, WHOLE) is FINDING


class Lonely:
    code, title, needs, suppresses = "ND209", "t", frozenset(), frozenset({"ND101"})
    by_absence = True

    def wants(self, case):
        return ()

    def judge(self, case):
        return (FINDING,)


class Other(Lonely):
    code, suppresses, by_absence = "ND101", frozenset(), False

    def judge(self, case):
        return (replace(FINDING, code="ND101"),)


@pytest.mark.parametrize(("seen", "heads"), [(WHOLE, {"ND209"}), (HOLED, {"ND209", "ND101"})])
def test_and_explains_nothing_else_away(seen, heads) -> None:
    found = judge_edge(Case(seen, None, Answers({})), [Lonely(), Other()], Verdict.UNKNOWN)
    assert {each.code for each in found} == heads
    assert next(each for each in found if each.code == "ND101" or not seen.unseen).confidence is Confidence.CERTAIN


def test_the_rules_that_say_nobody_has_it_say_so_of_themselves() -> None:
    assert {rule.code for rule in RULES if getattr(rule, "by_absence", False)} == {
        "ND206",
        "ND209",
        "ND308",
        "ND601",
        "ND702",
    }
