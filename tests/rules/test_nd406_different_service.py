"""ND406 is said when what answers is another protocol's server, by its own words or by a control's."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Observation, Outcome
from netdoctor.probes.greeting import Greeting, GreetingEvidence
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.probes.listeners import Listeners
from netdoctor.rules.nd406_different_service import OTHERS, RULE

from .build import container, network, story, topology

NET = network("n")
APP, API = container("app", NET), container("api", NET)
SEEN = topology(APP, API, NET)


def told(protocol):
    return story(SEEN, APP, API, name="api", port=6334, protocol=protocol).dns(Outcome.CONNECTED).tcp(Outcome.CONNECTED)


def http_saw(outcome, service=""):
    found = told("http")
    question = Http(APP.ref, found.address, 6334, "api")
    return found.saw(question, Observation(outcome, HttpEvidence(found.address, 6334, "/", service=service)))


def test_an_answer_of_another_protocol_is_named():
    (finding,) = http_saw(Outcome.WRONG_SERVICE, "grpc").listens("0.0.0.0:6333", "0.0.0.0:6334").judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "app speaks http to api on port 6334, but it answers as grpc."
    assert "It also takes connections on port 6333." in finding.remedies[0].advice


def test_an_answer_that_nobody_knows_is_likely_only():
    (finding,) = http_saw(Outcome.WRONG_SERVICE).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_redis_asked_and_http_answers():
    (finding,) = told("redis").greeting(Outcome.WRONG_SERVICE, service="http").judged(RULE)
    assert "speaks redis to api on port 6334, but it answers as http" in finding.cause


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.TIMED_OUT])
def test_where_nothing_comes_back_other_first_words_are_tried(outcome):
    found = http_saw(outcome)
    controls = {question for question in found.wanted(RULE) if isinstance(question, Greeting)}
    assert {question.protocol for question in controls} == set(OTHERS)
    assert all(question.brief for question in controls)
    postgres = next(question for question in controls if question.protocol == "postgres")
    found.saw(postgres, Observation(Outcome.CONNECTED, GreetingEvidence(found.address, 6334, "postgres", "postgres")))
    (finding,) = found.judged(RULE)
    assert "it answers as postgres" in finding.cause


def test_http_is_tried_where_a_greeting_met_silence():
    found = told("mysql").greeting(Outcome.TIMED_OUT)
    (web,) = [question for question in found.wanted(RULE) if isinstance(question, Http)]
    found.saw(web, Observation(Outcome.CONNECTED, HttpEvidence(found.address, 6334, "/", 200)))
    (finding,) = found.judged(RULE)
    assert "it answers as http" in finding.cause


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.TIMED_OUT, Outcome.TLS_MISMATCH])
def test_silence_alone_proves_nothing(outcome):
    assert http_saw(outcome).judged(RULE) == ()


def test_the_right_service_is_no_finding_and_costs_no_question():
    assert told("redis").greeting(Outcome.CONNECTED, demands="a password").wanted(RULE) == set()
    assert told("redis").greeting(Outcome.CONNECTED).judged(RULE) == ()
    assert http_saw(Outcome.CONNECTED).judged(RULE) == ()


def test_the_listeners_are_asked_for_after_a_wrong_answer():
    assert http_saw(Outcome.WRONG_SERVICE, "grpc").wanted(RULE) == {Listeners(API.ref)}
