"""ND502 is said of a target between restarts, killed for want of memory, or restarted often while the edge fails."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Outcome, State
from netdoctor.rules.nd502_restart_loop import RULE

from .build import container, network, story, topology

NET = network("n")
APP = container("app", NET)
LOOPING = State("restarting", running=True, restarting=True, exit_code=3, restart_count=4)
KILLED = State("exited", exit_code=137, oom_killed=True)
AGAIN = State("running", running=True, pid=9, restart_count=5)


def told(state):
    db = container("db", NET, state=state)
    return story(topology(APP, db, NET), APP, db, name="db", port=80)


@pytest.mark.parametrize(
    ("state", "said", "confidence"),
    [
        (LOOPING, "is in a restart loop: it ended 4 times, last with exit code 3", Confidence.CERTAIN),
        (KILLED, "was killed because it ran out of memory", Confidence.CERTAIN),
        (
            State("restarting", running=True, restarting=True, exit_code=137, oom_killed=True),
            "ran out of memory, and is started again and again",
            Confidence.CERTAIN,
        ),
        (AGAIN, "has been restarted 5 times and does not answer", Confidence.LIKELY),
    ],
)
def test_each_state_has_its_sentence(state, said, confidence):
    (finding,) = told(state).tcp(Outcome.REFUSED).judged(RULE)
    assert said in finding.cause
    assert finding.confidence is confidence
    assert finding.remedies[0].operations == ()


def test_memory_has_its_own_advice():
    (finding,) = told(KILLED).judged(RULE)
    assert "mem_limit" in finding.remedies[0].advice
    (finding,) = told(LOOPING).judged(RULE)
    assert finding.remedies[0].advice == "docker logs --tail 50 db"


@pytest.mark.parametrize("state", [AGAIN, State("running", running=True, oom_killed=True, restart_count=1)])
def test_restarts_of_long_ago_are_no_finding_on_an_edge_that_works(state):
    assert told(state).works().judged(RULE) == ()
    assert told(state).tcp(Outcome.CONNECTED).judged(RULE) == ()


@pytest.mark.parametrize(
    "state",
    [
        State("exited", exit_code=1),
        State("paused", running=True, paused=True, restart_count=9),
        State("running", running=True, restart_count=1),
        None,
    ],
)
def test_other_states_are_other_causes(state):
    assert told(state).tcp(Outcome.REFUSED).judged(RULE) == ()


def test_the_exit_code_that_the_engine_keeps_of_a_running_one_is_not_told():
    running = State("running", running=True, restart_count=5, exit_code=0)
    (finding,) = told(running).tcp(Outcome.REFUSED).judged(RULE)
    assert "exit code" not in " ".join(finding.evidence)
    (finding,) = told(LOOPING).judged(RULE)
    assert "exit code" in " ".join(finding.evidence)
