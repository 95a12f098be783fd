"""ND501 is judged by the target's state alone: a paused one connects, a stopped one has no name."""

from __future__ import annotations

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Layer, Outcome, State, Verdict
from netdoctor.rules import nd101_no_shared_network, nd201_name_unknown
from netdoctor.rules.nd501_not_running import RULE

from .build import RUNNING, container, network, story, topology

NET, ELSE = network("n"), network("else")
APP = container("app", NET)
PAUSED = State("paused", running=True, paused=True, pid=7)
EXITED = State("exited", exit_code=137, oom_killed=True)


def told(state: State | None, *on, **fields):
    db = container("db", *(on or (NET,)), state=state, **fields)
    return story(topology(APP, db, NET, ELSE), APP, db, name="db", port=80)


@pytest.mark.parametrize(
    ("state", "said", "advice"),
    [
        (PAUSED, "is paused", "docker unpause db"),
        (EXITED, "ended with exit code 137", "docker logs --tail 50 db\ndocker start db"),
        (State("created"), "never started", "docker start db"),
        (State("dead"), "it is dead", "docker rm db"),
    ],
)
def test_each_state_has_its_sentence_and_its_command(state, said, advice):
    (finding,) = told(state).judged(RULE)
    assert (finding.confidence, finding.layer) == (Confidence.CERTAIN, Layer.TARGET)
    assert said in finding.cause
    assert finding.remedies[0].advice.startswith(advice)
    assert finding.remedies[0].operations == ()


def test_the_evidence_says_how_it_ended():
    (finding,) = told(EXITED).judged(RULE)
    assert finding.evidence[0] == "state of db: exited, exit code 137, killed for want of memory"


def test_a_kill_that_the_engine_gives_no_reason_for_may_be_either():
    (finding,) = told(State("exited", exit_code=137)).judged(RULE)
    assert "by a stop that it did not follow, or for want of memory" in finding.evidence[0]
    (finding,) = told(State("exited", exit_code=1)).judged(RULE)
    assert finding.evidence[0] == "state of db: exited, exit code 1"


def test_a_paused_target_that_takes_connections_is_still_paused():
    assert len(told(PAUSED).dns(Outcome.CONNECTED).tcp(Outcome.CONNECTED).judged(RULE)) == 1


def test_an_answer_is_newer_than_the_inspect():
    assert told(PAUSED).works().judged(RULE) == ()
    assert told(EXITED).tcp(Outcome.CONNECTED).judged(RULE) == ()


@pytest.mark.parametrize("state", [RUNNING, None])
def test_a_target_that_runs_or_whose_state_nobody_knows_is_not_blamed(state):
    assert told(state).tcp(Outcome.REFUSED).judged(RULE) == ()


def test_the_missing_name_of_a_stopped_target_is_not_a_cause_beside_it():
    seen = told(EXITED).dns(Outcome.RESOLVER_FAILED)
    found = judge_edge(seen.case, [nd201_name_unknown.RULE, RULE], Verdict.BROKEN)
    assert [finding.code for finding in found] == ["ND501"]


def test_it_is_announced_behind_a_missing_network():
    seen = told(EXITED, ELSE)
    first, second = judge_edge(seen.case, [nd101_no_shared_network.RULE, RULE], Verdict.BROKEN)
    assert (first.code, second.code, second.announced) == ("ND101", "ND501", True)


def test_its_own_mode_does_not_matter():
    assert len(told(EXITED, network_mode="container:gone").judged(RULE)) == 1


def test_a_restart_loop_is_another_cause():
    assert told(State("restarting", running=True, restarting=True, exit_code=1)).judged(RULE) == ()


def test_a_caller_that_is_paused_asks_nobody_whatever_its_network_can_do():
    frozen = container("app", NET, state=PAUSED)
    db = container("db", NET)
    (finding,) = story(topology(frozen, db, NET), frozen, db, name="db", port=80).works().judged(RULE)
    assert finding.cause.startswith("app, the caller, is paused")
    assert finding.caller_fails
    assert finding.remedies[0].advice == "docker unpause app"
