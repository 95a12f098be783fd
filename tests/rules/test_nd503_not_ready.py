"""ND503: it says so itself, its queue is full, it takes connections without a word, or it has hardly begun."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Health, Observation, Outcome, Ref, State
from netdoctor.probes.listeners import Listeners
from netdoctor.rules.nd503_not_ready import RULE

from .build import container, network, story, topology

NET = network("n")
APP, API = container("app", NET), container("api", NET)
STARTED = "2026-01-01T00:00:00.123456789Z"


def told(protocol="http", target=API, path=None, **fields):
    seen = topology(APP, target, NET, **fields)
    return story(seen, APP, target, name="api", port=80, protocol=protocol, path=path).dns(Outcome.CONNECTED)


def test_a_path_that_answers_503():
    (finding,) = told(path="/readyz").tcp(Outcome.CONNECTED).http(Outcome.HTTP_ERROR, status=503).judged(RULE)
    assert (finding.confidence, finding.cause) == (Confidence.CERTAIN, "api answers 503 to /readyz: it is not ready.")
    assert "netdoctor check app api:80 --wait 60" in finding.remedies[0].advice


def test_a_service_that_says_that_it_is_loading():
    found = told("redis").tcp(Outcome.CONNECTED)
    (finding,) = found.greeting(Outcome.HTTP_ERROR, trouble="it is still loading its data").judged(RULE)
    assert finding.cause == "api answers, and says: it is still loading its data."


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("the database system is starting up (57P03)", "netdoctor check app api:80 --wait 60"),
        ("sorry, too many clients already (53300)", "pg_stat_activity"),
        ("Too many connections", "raise the server's own limit"),
        ("it has as many clients as it may have", "raise the server's own limit"),
    ],
)
def test_a_database_that_says_so_is_believed_and_waited_for_only_where_that_helps(said, advice):
    (finding,) = told("postgres").tcp(Outcome.CONNECTED).greeting(Outcome.HTTP_ERROR, trouble=said).judged(RULE)
    assert (finding.confidence, finding.cause) == (Confidence.CERTAIN, f"api answers, and says: {said}.")
    assert advice in finding.remedies[0].advice


def test_protected_mode_does_not_pass_by_waiting():
    said = "it is in protected mode: no password is set, so it serves loopback only"
    (finding,) = told("redis").tcp(Outcome.CONNECTED).greeting(Outcome.HTTP_ERROR, trouble=said).judged(RULE)
    assert "requirepass" in finding.remedies[0].advice
    assert "--wait" not in finding.remedies[0].advice


def test_a_server_outside_says_so_too():
    """No container, no networks to reason about: what it says is enough."""
    found = told("postgres").tcp(Outcome.CONNECTED)
    found.edge = replace(found.edge, target=Ref("external", "db.example.com"))
    (finding,) = found.greeting(Outcome.HTTP_ERROR, trouble="the database system is starting up (57P03)").judged(RULE)
    assert "db.example.com answers, and says" in finding.cause
    assert "docker logs" not in finding.remedies[0].advice


def test_a_caller_that_is_turned_away_is_another_finding():
    assert told("postgres").tcp(Outcome.CONNECTED).greeting(Outcome.HTTP_ERROR, refusal="no entry").judged(RULE) == ()


def test_a_dial_that_is_lost_before_a_full_queue():
    (finding,) = told().tcp(Outcome.TIMED_OUT).listens("0.0.0.0:80", waiting=129).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert "129 connections wait: its accept queue is full" in finding.cause


def test_a_request_that_waits_with_its_connection():
    found = told().tcp(Outcome.CONNECTED).http(Outcome.TIMED_OUT)
    # The control question would stand in the queue itself: the queue is read after it.
    (control,) = found.wanted(RULE)
    assert control.tls
    found.saw(control, Observation(Outcome.TIMED_OUT))
    assert found.wanted(RULE) == {Listeners(API.ref)}
    (finding,) = found.listens("0.0.0.0:80", waiting=1).judged(RULE)
    assert "a connection waits: it does not take them" in finding.cause


def test_connections_that_are_taken_and_not_answered_are_likely():
    (finding,) = told().tcp(Outcome.CONNECTED).http(Outcome.TIMED_OUT).listens("0.0.0.0:80").judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_a_lost_dial_with_an_empty_queue_is_another_cause():
    assert told().tcp(Outcome.TIMED_OUT).listens("0.0.0.0:80").judged(RULE) == ()


def test_nothing_listens_yet_while_the_check_says_starting():
    young = replace(API, health=Health("starting"))
    (finding,) = told(target=young).tcp(Outcome.REFUSED).listens().judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert "does not listen on port 80 yet: its health check still says starting" in finding.cause


@pytest.mark.parametrize(("taken", "count"), [("2026-01-01T00:00:04+00:00", 1), ("2026-01-01T00:01:00+00:00", 0)])
def test_without_a_check_only_a_container_of_seconds_is_young(taken, count):
    young = replace(API, state=State("running", running=True, pid=1, started_at=STARTED))
    found = told(target=young, taken_at=taken).tcp(Outcome.REFUSED).listens().judged(RULE)
    assert len(found) == count


def test_another_port_that_is_open_makes_a_wrong_port_the_better_guess():
    young = replace(API, health=Health("starting"))
    assert told(target=young).tcp(Outcome.REFUSED).listens("0.0.0.0:81").judged(RULE) == ()


def test_health_is_no_finding():
    assert told().works().judged(RULE) == ()
    assert told("redis").tcp(Outcome.CONNECTED).greeting(Outcome.CONNECTED).judged(RULE) == ()
    assert told().tcp(Outcome.CONNECTED).http(Outcome.CONNECTED, status=503).judged(RULE) == ()


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.TLS_MISMATCH, Outcome.WRONG_SERVICE])
def test_other_outcomes_are_other_causes(outcome):
    assert told().tcp(Outcome.CONNECTED).http(outcome).judged(RULE) == ()
