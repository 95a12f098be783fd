"""ND209 is said when a name leads to an address that only the network's own list still has.

An engine shows this after a crash only, so the proof is a recorded run: nd209_ghost_endpoint.json.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netdoctor.diagnosis.run import diagnose
from netdoctor.edges.arguments import edge_between
from netdoctor.model import Answers, Case, Confidence, Observation, Outcome, Verdict
from netdoctor.probes.members import Listed, Members, MembersEvidence
from netdoctor.rules.nd209_ghost_endpoint import RULE
from netdoctor.topology.bundle import read_bundle
from netdoctor.vantage.recorded import Recorded

from .build import container, network, story, topology

NET = network("net", subnets=("10.20.0.0/16",), gateways=("10.20.0.1",))
APP = container("app", NET, address="10.20.0.3")
DB = container("db", NET, address="10.20.0.4")
DEAD = "10.20.0.9"
GHOST = Listed("f" * 64, "db-old", (DEAD,))


def case(*listed, answers=(DEAD, "10.20.0.4"), outcome=Outcome.NO_ROUTE, where=NET):
    seen = story(topology(APP, DB, where), APP, DB, name="db", port=80).dns(Outcome.CONNECTED, *answers)
    seen.tcp(outcome, DEAD).ping(Outcome.CONNECTED if outcome is Outcome.CONNECTED else Outcome.TIMED_OUT, DEAD)
    told = seen.case
    if listed:
        found = Observation(Outcome.CONNECTED, MembersEvidence(tuple(listed)))
        told = replace(told, seen=told.seen.plus({Members(where.ref): found}))
    return told


def judged(told):
    return tuple(RULE.judge(told))


def test_the_recorded_run_gives_this_code_first():
    seen, answers = read_bundle(Path(__file__).with_name("nd209_ghost_endpoint.json"))
    report = diagnose(seen, [edge_between(seen, "app", "db:8080")], Recorded(), recorded=answers)
    assert report.verdict is Verdict.BROKEN
    assert [finding.code for finding in report.findings] == ["ND209"]


def test_an_entry_whose_container_is_gone():
    (finding,) = judged(case(GHOST))
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "net still lists db-old at 10.20.0.9, and there is no such container: db leads to it."
    assert finding.remedies[0].advice.startswith("docker network disconnect --force net db-old")


def test_the_list_is_asked_for_only_where_an_answer_is_nobody_s():
    assert list(RULE.wants(case())) == [Members(NET.ref)]
    assert list(RULE.wants(case(answers=("10.20.0.4",)))) == []


@pytest.mark.parametrize(
    "told",
    [
        case(),
        case(Listed(DB.id, "db", (DEAD,))),
        case(Listed("f" * 64, "db-old", ("10.20.0.10",))),
        case(GHOST, answers=("10.20.0.4",)),
        case(GHOST, answers=("10.20.0.1",)),
        case(GHOST, answers=("192.0.2.9",)),
        case(GHOST, where=replace(NET, driver="overlay")),
    ],
)
def test_a_list_that_was_not_read_or_says_otherwise(told):
    assert judged(told) == ()


def test_an_address_at_which_something_answers_may_be_newer_than_the_list_of_containers():
    (finding,) = judged(case(GHOST, outcome=Outcome.CONNECTED))
    assert finding.confidence is Confidence.LIKELY


def test_nothing_is_said_without_an_edge():
    assert judged(Case(case().topology, None, Answers())) == ()
