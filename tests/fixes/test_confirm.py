"""Kept when what was explained is green or fails later, and nothing that passed fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.fixes.confirm import Baseline, baseline_of, judge
from netdoctor.model import Edge, EdgeReport, Finding, Layer, Report, Verdict

from .build import APP, COOLIFY, EDGE, OWN, QDRANT, container, edge_report, endpoint, finding, join, topology

WHERE = topology(COOLIFY, OWN, APP, QDRANT)
OTHER = Edge(QDRANT.ref, APP.ref, name="app", port=80)


def report(*edges: EdgeReport, findings: tuple[Finding, ...] = (), where=WHERE) -> Report:
    return Report(edges[0].verdict, edges, findings, topology=where)


BROKEN = edge_report(EDGE, Verdict.BROKEN, Layer.MEMBERSHIP)
HOLDS = edge_report(EDGE, Verdict.HOLDS)
BEFORE = baseline_of(report(BROKEN, findings=(finding(EDGE, WHERE),)), [finding(EDGE, WHERE)])


def test_green_is_kept_and_the_code_is_fixed():
    found = judge(BEFORE, report(HOLDS))
    assert found.keep
    assert found.fixed == ("ND101",)
    assert found.left == ()


def test_a_later_failure_is_progress_and_is_what_remains():
    later = finding(EDGE, WHERE, "ND301", remedies=())
    found = judge(BEFORE, report(edge_report(EDGE, Verdict.BROKEN, Layer.TCP), findings=(later,)))
    assert found.keep
    assert found.fixed == ("ND101",)
    assert [each.code for each in found.left] == ["ND301"]


@pytest.mark.parametrize(
    ("after", "findings", "why"),
    [
        (BROKEN, (finding(EDGE, WHERE),), "no later than before"),
        (edge_report(EDGE, Verdict.BROKEN, Layer.TCP), (finding(EDGE, WHERE),), "still found"),
        (edge_report(EDGE, Verdict.UNKNOWN, reason="no vantage"), (), "could not be asked from inside: no vantage"),
    ],
)
def test_anything_less_is_not_kept(after, findings, why):
    found = judge(BEFORE, report(after, findings=findings))
    assert not found.keep
    assert found.fixed == ()
    assert any(why in each for each in found.against), found.against


def test_an_announced_second_cause_is_not_the_first_one_again():
    announced = replace(finding(EDGE, WHERE), announced=True)
    assert judge(BEFORE, report(HOLDS, findings=(announced,))).keep


@pytest.mark.parametrize("verdict", [Verdict.BROKEN, Verdict.UNKNOWN])
def test_a_bystander_that_passed_and_no_longer_does_takes_the_fix_back(verdict):
    passing = edge_report(OTHER, Verdict.HOLDS, label="qdrant -> app:80")
    before = Baseline((*BEFORE.asked, *baseline_of(report(passing), ()).asked))
    found = judge(before, report(HOLDS, edge_report(OTHER, verdict, Layer.DNS)))
    assert not found.keep
    assert "qdrant -> app:80 passed before" in found.against[0]


def test_a_bystander_that_failed_before_may_go_on_failing():
    failing = edge_report(OTHER, Verdict.BROKEN, Layer.DNS)
    before = Baseline((*BEFORE.asked, *baseline_of(report(failing), ()).asked))
    assert judge(before, report(HOLDS, failing)).keep


def test_a_way_back_that_is_lost_takes_the_fix_back():
    before = baseline_of(report(replace(BROKEN, reverse_verdict=Verdict.HOLDS)), [finding(EDGE, WHERE)])
    assert not judge(before, report(replace(HOLDS, reverse_verdict=Verdict.BROKEN))).keep
    assert judge(before, report(replace(HOLDS, reverse_verdict=Verdict.UNKNOWN))).keep


def test_a_name_that_somebody_took_in_the_same_moment_takes_the_fix_back():
    joined = replace(QDRANT, endpoints=(*QDRANT.endpoints, endpoint(COOLIFY, "qdrant", "qdrant")))
    thief = replace(container("thief"), endpoints=(endpoint(COOLIFY, "thief", "qdrant"),))
    found = judge(BEFORE, report(HOLDS, where=topology(COOLIFY, OWN, APP, joined, thief)), [join()])
    assert not found.keep
    assert "belongs to another container on coolify" in found.against[0]


def test_not_being_able_to_ask_all_of_it_again_is_no_confirmation():
    assert not judge(BEFORE, Report(Verdict.UNKNOWN, (), ())).keep


def test_what_was_known_before_survives_the_journal():
    assert Baseline.from_json(BEFORE.to_json()).to_json() == BEFORE.to_json()
    assert judge(Baseline.from_json(BEFORE.to_json()), report(HOLDS)).keep
