"""ND402 is said when plain words meet a port that says, or shows, that it speaks TLS."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Outcome
from netdoctor.rules.nd402_plain_to_tls_port import RULE

from .build import container, network, story, topology

NET = network("n")
APP, API = container("app", NET), container("api", NET)
SEEN = topology(APP, API, NET)


def told(outcome, protocol="http"):
    found = story(SEEN, APP, API, name="api", port=8443, protocol=protocol).dns(Outcome.CONNECTED)
    found.tcp(Outcome.CONNECTED)
    return found.http(outcome) if protocol == "http" else found.greeting(outcome)


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.TIMED_OUT])
def test_no_plain_answer_and_a_handshake_that_succeeds(outcome):
    (finding,) = told(outcome).http(Outcome.CONNECTED, tls=True, status=200).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "app speaks plain http to api on port 8443, which speaks TLS."
    assert finding.remedies[0].advice.startswith("Use https://api:8443 instead of http://api:8443")


def test_a_port_that_says_so_itself_needs_no_control():
    (finding,) = told(Outcome.TLS_MISMATCH).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN


def test_plain_redis_to_its_tls_port():
    (finding,) = told(Outcome.RESET, "redis").greeting(Outcome.CONNECTED, tls=True).judged(RULE)
    assert "rediss://api:8443" in finding.remedies[0].advice


def test_the_control_speaks_tls_and_gets_little_time():
    (control,) = told(Outcome.TIMED_OUT).wanted(RULE)
    assert control.tls and control.brief
    assert told(Outcome.CONNECTED).wanted(RULE) == set()


@pytest.mark.parametrize("answer", [Outcome.TLS_MISMATCH, Outcome.RESET, Outcome.COULD_NOT_ASK])
def test_without_a_handshake_nothing_is_said(answer):
    assert told(Outcome.RESET).http(answer, tls=True).judged(RULE) == ()
    assert told(Outcome.CONNECTED).http(Outcome.CONNECTED, tls=True).judged(RULE) == ()


def test_the_path_of_the_callers_own_url_is_asked_and_judged_like_any_other():
    found = story(SEEN, APP, API, name="api", port=8443, protocol="http", said_path="/v1").dns(Outcome.CONNECTED)
    found.tcp(Outcome.CONNECTED).http(Outcome.TLS_MISMATCH, path="/v1")
    (finding,) = found.judged(RULE)
    assert finding.cause == "app speaks plain http to api on port 8443, which speaks TLS."
