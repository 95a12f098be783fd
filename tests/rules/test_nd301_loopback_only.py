"""ND301 is a fact read at the target: found with and without a path, never beside a connection that opens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Layer, Outcome, State, Verdict
from netdoctor.probes.listeners import Listeners
from netdoctor.rules import nd101_no_shared_network
from netdoctor.rules.nd301_loopback_only import RULE

from .build import container, network, story, topology

NET, ELSE = network("n"), network("else")
APP, DB = container("app", NET), container("db", NET)
FAR = container("far", ELSE)
SEEN = topology(APP, DB, FAR, NET, ELSE)


def told(target=DB, outcome=Outcome.REFUSED, port: int | None = 6333):
    return story(SEEN, APP, target, port=port).tcp(outcome)


@pytest.mark.parametrize("socket", ["127.0.0.1:6333", "::1:6333", "127.0.0.53:6333"])
def test_every_loopback_counts(socket):
    (finding,) = told().listens(socket, "0.0.0.0:22").judged(RULE)
    assert (finding.confidence, finding.layer) == (Confidence.CERTAIN, Layer.TARGET)
    assert "db listens on port 6333 at" in finding.cause
    assert finding.remedies[0].operations == () and "bind 0.0.0.0:6333" in finding.remedies[0].advice


@pytest.mark.parametrize("other", ["0.0.0.0:6333", ":::6333", "10.0.0.7:6333"])
def test_another_socket_on_the_port_clears_it(other):
    assert told().listens("127.0.0.1:6333", other).judged(RULE) == ()


def test_a_port_that_nobody_listens_on_is_another_cause():
    assert told().listens("127.0.0.1:1", "0.0.0.0:2").judged(RULE) == ()


def test_it_is_announced_behind_a_missing_network():
    seen = story(SEEN, APP, FAR, port=6333).tcp(Outcome.TIMED_OUT).listens("127.0.0.1:6333")
    first, second = judge_edge(seen.case, [nd101_no_shared_network.RULE, RULE], Verdict.BROKEN)
    assert (first.code, first.announced) == ("ND101", False)
    assert (second.code, second.announced) == ("ND301", True)


def test_it_is_judged_even_where_no_dial_was_possible():
    assert len(told(outcome=Outcome.COULD_NOT_ASK).listens("127.0.0.1:6333").judged(RULE)) == 1


def test_a_connection_that_opens_is_stronger_than_the_list():
    assert told(outcome=Outcome.CONNECTED).listens("127.0.0.1:6333").judged(RULE) == ()


def test_without_the_list_nothing_is_known():
    assert told().unanswered().judged(RULE) == ()
    assert told().judged(RULE) == ()


def test_the_list_is_wanted_when_a_dial_failed_or_no_network_is_shared():
    assert told().wanted(RULE) == {Listeners(DB.ref)}
    assert story(SEEN, APP, FAR, port=6333).wanted(RULE) == {Listeners(FAR.ref)}
    assert told(outcome=Outcome.CONNECTED).wanted(RULE) == set()
    assert story(SEEN, APP, DB, port=6333).wanted(RULE) == set()
    assert told(port=None).wanted(RULE) == set()


@pytest.mark.parametrize("state", [State("exited"), State("paused", running=True, paused=True)])
def test_a_target_that_is_down_is_another_cause(state):
    down = replace(DB, state=state)
    seen = story(topology(APP, down, NET), APP, down, port=6333).tcp(Outcome.REFUSED).listens("127.0.0.1:6333")
    assert seen.judged(RULE) == ()
    assert seen.wanted(RULE) == set()
