"""A dial that opens, and every way in which one does not."""

from __future__ import annotations

import socket
import time

import pytest

from netdoctor.model import HOST, Outcome
from netdoctor.probes.interface import PROBES, CannotAsk, World
from netdoctor.probes.tcp import Tcp
from netdoctor.vantage.fake import FakeVantage, Peer
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import DialFailed

from .site import AT, NET, A, ask, topology

PROBE = PROBES.get("tcp")
QUESTION = Tcp(AT, "10.0.0.2", 80)


def test_an_open_port_connects_and_the_stream_is_closed_again():
    vantage = FakeVantage(dials={("10.0.0.2", 80): Peer()})
    observation = ask(PROBE, QUESTION, vantage)
    assert observation.outcome is Outcome.CONNECTED
    assert [stream.closed for stream in vantage.streams] == [True]
    assert observation.vantage == "fake"


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.NO_ROUTE, Outcome.RESET])
def test_a_failed_dial_keeps_its_outcome_and_errno(outcome):
    vantage = FakeVantage(dials={("10.0.0.2", 80): DialFailed(outcome, "why", errno=111, seconds=0.5)})
    observation = ask(PROBE, QUESTION, vantage)
    assert (observation.outcome, observation.seconds) == (outcome, 0.5)
    assert (observation.evidence.errno, observation.evidence.detail) == (111, "why")


def test_a_dial_that_could_not_be_tried_is_no_failure():
    with pytest.raises(CannotAsk):
        ask(PROBE, QUESTION, FakeVantage(dials={("10.0.0.2", 80): CannotAsk("no descriptors left")}))


def test_an_ipv6_address_is_written_in_brackets():
    assert PROBE.label(Tcp(AT, "fd00::2", 80), topology(NET, A)) == "tcp [fd00::2]:80"


def test_brevity_does_not_make_it_another_question():
    assert Tcp(AT, "10.0.0.2", 80, brief=True) == QUESTION
    assert len({Tcp(AT, "10.0.0.2", 80, brief=True), QUESTION}) == 1


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_on_real_sockets_of_this_machine(family):
    loopback = "127.0.0.1" if family == socket.AF_INET else "::1"
    world = World(topology(NET), lambda _: HostVantage(), 2.0, time.monotonic)
    with socket.socket(family) as server:
        try:
            server.bind((loopback, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        port = server.getsockname()[1]
        assert PROBE.ask(Tcp(HOST, loopback, port), world).outcome is Outcome.REFUSED
        server.listen()
        assert PROBE.ask(Tcp(HOST, loopback, port), world).outcome is Outcome.CONNECTED
