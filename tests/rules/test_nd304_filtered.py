"""ND304 is said when the target listens where the caller dials, and the dial does not get there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Layer, Observation, Outcome, State
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd304_filtered import RULE

from .build import container, network, story, topology

NET, ELSE = network("n", subnets=("10.1.0.0/24",)), network("else")
APP, WEB = container("app", NET), container("web", NET, address="10.1.0.5")
SEEN = topology(APP, WEB, NET, ELSE)


def told(outcome=Outcome.TIMED_OUT, target=WEB, seen=SEEN, ping=Outcome.CONNECTED):
    return story(seen, APP, target, port=80).ping(ping).tcp(outcome)


@pytest.mark.parametrize(
    ("outcome", "word", "confidence"),
    [
        (Outcome.TIMED_OUT, "dropped", Confidence.CERTAIN),
        (Outcome.NO_ROUTE, "rejected", Confidence.CERTAIN),
        (Outcome.REFUSED, "rejected", Confidence.LIKELY),
    ],
)
def test_a_listener_that_a_dial_does_not_reach(outcome, word, confidence):
    (finding,) = told(outcome).listens("0.0.0.0:80").judged(RULE)
    assert (finding.layer, finding.confidence) == (Layer.TCP, confidence)
    assert finding.cause.startswith(f"web listens on 10.1.0.5:80, but connections from app are {word} on the way")
    assert finding.remedies[0].operations == ()
    assert "nsenter -t 1 -n iptables -S" in finding.remedies[0].advice
    assert "allow 10.1.0.0/24 to port 80" in finding.remedies[0].advice


def test_a_lost_ping_makes_it_likely_only():
    (finding,) = told(ping=Outcome.TIMED_OUT).listens("0.0.0.0:80").judged(RULE)
    assert finding.confidence is Confidence.LIKELY


@pytest.mark.parametrize("socket", [":::80", "10.1.0.5:80"])
def test_every_socket_that_takes_the_address_counts(socket):
    assert len(told().listens(socket).judged(RULE)) == 1


@pytest.mark.parametrize("sockets", [(), ("127.0.0.1:80",), ("0.0.0.0:81",), ("10.9.9.9:80",)])
def test_without_a_socket_at_that_address_it_is_another_cause(sockets):
    assert told(Outcome.REFUSED).listens(*sockets).judged(RULE) == ()


def test_a_full_accept_queue_is_another_cause():
    assert told().listens("0.0.0.0:80", waiting=3).judged(RULE) == ()


def test_communication_switched_off_is_another_cause():
    silent = network("silent", icc=False)
    app, web = container("app", silent), container("web", silent)
    lost = story(topology(app, web, silent), app, web, port=80).tcp(Outcome.TIMED_OUT).listens("0.0.0.0:80")
    assert lost.judged(RULE) == ()


def test_no_shared_network_is_another_cause():
    far = container("far", ELSE)
    assert told(target=far, seen=topology(APP, far, NET, ELSE)).listens("0.0.0.0:80").judged(RULE) == ()


@pytest.mark.parametrize("state", [State("exited"), State("paused", running=True, paused=True)])
def test_a_target_that_is_down_is_another_cause(state):
    down = replace(WEB, state=state)
    assert told(target=down, seen=topology(APP, down, NET)).listens("0.0.0.0:80").judged(RULE) == ()


@pytest.mark.parametrize("outcome", [Outcome.CONNECTED, Outcome.RESET, Outcome.COULD_NOT_ASK])
def test_other_outcomes_prove_no_filter(outcome):
    assert told(outcome).listens("0.0.0.0:80").judged(RULE) == ()


def test_without_the_list_nothing_is_known():
    assert told().unanswered().judged(RULE) == ()


def test_an_answer_that_is_not_the_targets_address_is_not_judged():
    wrong = story(SEEN, APP, WEB, name="web", port=80).dns(Outcome.CONNECTED, "10.7.7.7")
    assert wrong.tcp(Outcome.TIMED_OUT, "10.7.7.7").listens("0.0.0.0:80").judged(RULE) == ()


@pytest.mark.parametrize(("seconds", "number", "count"), [(0.001, 113, 1), (3.1, 113, 0), (0.001, 101, 0)])
def test_a_filter_rejects_at_once_and_an_address_nobody_has_takes_seconds(seconds, number, count):
    found = told(ping=Outcome.TIMED_OUT).listens("0.0.0.0:80")
    dial = Observation(Outcome.NO_ROUTE, TcpEvidence("10.1.0.5", 80, number), seconds=seconds)
    found.saw(Tcp(APP.ref, "10.1.0.5", 80), dial)
    assert len(found.judged(RULE)) == count


def test_an_address_that_answers_a_ping_is_there_however_slow_the_dial_was():
    found = told().listens("0.0.0.0:80")
    found.saw(Tcp(APP.ref, "10.1.0.5", 80), Observation(Outcome.NO_ROUTE, TcpEvidence("10.1.0.5", 80), seconds=4.0))
    assert len(found.judged(RULE)) == 1
