"""ND401 is said when a TLS handshake fails on a port that answers the same question in plain text."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Outcome
from netdoctor.probes.greeting import Greeting
from netdoctor.probes.http import Http
from netdoctor.rules.nd401_tls_to_plain_port import RULE
from netdoctor.rules.nd402_plain_to_tls_port import RULE as PLAIN_TO_TLS

from .build import container, network, story, topology

NET = network("n")
APP = container("app", NET, environment=(("QDRANT_URL", "https://qdrant:6333"),))
QDRANT = container("qdrant", NET, image="qdrant/qdrant:v1.13")
SEEN = topology(APP, QDRANT, NET)


def told(outcome=Outcome.TLS_MISMATCH, protocol="https", **edge):
    found = story(SEEN, APP, QDRANT, name="qdrant", port=6333, protocol=protocol, **edge)
    found.dns(Outcome.CONNECTED).tcp(Outcome.CONNECTED)
    return found.http(outcome) if protocol in ("http", "https") else found.greeting(outcome)


@pytest.mark.parametrize("outcome", [Outcome.TLS_MISMATCH, Outcome.RESET, Outcome.TIMED_OUT])
@pytest.mark.parametrize("answer", [Outcome.CONNECTED, Outcome.HTTP_ERROR])
def test_a_failed_handshake_and_a_plain_answer(outcome, answer):
    (finding,) = told(outcome).http(answer, tls=False, status=200).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "app speaks TLS to qdrant on port 6333, which answers in plain http."
    assert "Use http://qdrant:6333 instead of https://qdrant:6333" in finding.remedies[0].advice
    assert 'QdrantClient(url="http://qdrant:6333") with the key as before' in finding.remedies[0].advice


def test_the_variable_that_says_so_is_named_first():
    basis = APP.ref.at("environment", "QDRANT_URL")
    found = told(origin="environment QDRANT_URL", basis=basis).http(Outcome.CONNECTED, tls=False)
    (finding,) = found.judged(RULE)
    assert finding.about[0] == basis
    assert "in QDRANT_URL of app" in finding.remedies[0].advice


def test_redis_inside_tls_is_judged_the_same_way():
    (finding,) = told(protocol="rediss").greeting(Outcome.CONNECTED, tls=False).judged(RULE)
    assert "plain redis" in finding.cause
    assert "redis://qdrant:6333 instead of rediss://" in finding.remedies[0].advice


def test_the_control_is_asked_only_after_the_handshake_failed():
    assert told(Outcome.CONNECTED).wanted(RULE) == set()
    (control,) = told().wanted(RULE)
    assert isinstance(control, Http) and not control.tls and not control.strict
    (control,) = told(protocol="rediss").wanted(RULE)
    assert isinstance(control, Greeting) and not control.tls


@pytest.mark.parametrize("answer", [Outcome.RESET, Outcome.TIMED_OUT, Outcome.WRONG_SERVICE, Outcome.COULD_NOT_ASK])
def test_without_a_plain_answer_nothing_is_said(answer):
    assert told().http(answer, tls=False).judged(RULE) == ()


def test_a_handshake_that_succeeds_or_was_never_made_is_no_cause():
    assert told(Outcome.CONNECTED).http(Outcome.CONNECTED, tls=False).judged(RULE) == ()
    assert told(protocol="http", outcome=Outcome.RESET).http(Outcome.CONNECTED, tls=True).judged(RULE) == ()
    assert told().judged(RULE) == ()


def test_a_postgres_without_tls_and_a_caller_that_insists_on_it():
    said = "it offers no TLS, and sslmode=require insists on it"
    found = story(SEEN, APP, QDRANT, name="qdrant", port=5432, protocol="postgres").tcp(Outcome.CONNECTED)
    found.greeting(Outcome.HTTP_ERROR, needs_tls=said, variable="DATABASE_URL")
    (finding,) = found.judged(RULE)
    assert finding.cause == f"app insists on TLS with qdrant on port 5432: {said}."
    assert "Leave sslmode away in DATABASE_URL of app" in finding.remedies[0].advice
    # Nothing is to be asked: a handshake at that port would be noise in the server's log.
    assert found.wanted(RULE) == found.wanted(PLAIN_TO_TLS) == set()
    assert found.judged(PLAIN_TO_TLS) == ()
