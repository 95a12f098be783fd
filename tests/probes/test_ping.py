"""An echo that comes back, that is lost, or that cannot be sent."""

from __future__ import annotations

import pytest

from netdoctor.model import Outcome
from netdoctor.probes.interface import PROBES, CannotAsk
from netdoctor.probes.ping import Ping
from netdoctor.vantage.fake import FakeVantage

from .site import AT, ask

PROBE = PROBES.get("ping")


def test_an_answer_has_its_round_trip():
    observation = ask(PROBE, Ping(AT, "10.0.0.2"), FakeVantage(pings={"10.0.0.2": 0.004}))
    assert observation.outcome is Outcome.CONNECTED
    assert (observation.evidence.received, observation.evidence.seconds) == (1, 0.004)
    assert observation.vantage == "fake"


def test_a_lost_echo_says_why():
    observation = ask(PROBE, Ping(AT, "10.0.0.2"), FakeVantage(pings={"10.0.0.2": "no route"}))
    assert observation.outcome is Outcome.TIMED_OUT
    assert observation.evidence.detail == "no route"


def test_a_vantage_that_cannot_ping_is_no_loss():
    with pytest.raises(CannotAsk):
        ask(PROBE, Ping(AT, "10.0.0.2"), FakeVantage(pings={"10.0.0.2": CannotAsk("no NET_RAW")}))


def test_a_second_is_enough_and_a_brief_question_gets_less():
    waited = []

    class Watching(FakeVantage):
        def ping(self, address, timeout):
            waited.append(timeout)
            return super().ping(address, timeout)

    for brief, timeout in ((False, 60.0), (True, 60.0), (False, 0.2)):
        ask(PROBE, Ping(AT, "10.0.0.2", brief=brief), Watching(), timeout=timeout)
    assert waited == [1.0, 0.3, 0.2]
