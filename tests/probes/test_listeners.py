"""What a target listens on, and for whom."""

from __future__ import annotations

import pytest

from netdoctor.model import Outcome
from netdoctor.probes.interface import PROBES, CannotAsk
from netdoctor.probes.listeners import Listeners, ListenersEvidence, is_loopback
from netdoctor.vantage.fake import FakeVantage
from netdoctor.vantage.interface import ListeningSocket

from .site import AT, ask

PROBE = PROBES.get("listeners")


def evidence(*sockets: tuple[str, int]) -> ListenersEvidence:
    return ListenersEvidence(tuple(ListeningSocket(a, p, 6 if ":" in a else 4) for a, p in sockets))


def test_the_sockets_are_the_evidence():
    sockets = [ListeningSocket("0.0.0.0", 80, 4)]
    observation = ask(PROBE, Listeners(AT), FakeVantage(listeners=sockets))
    assert observation.outcome is Outcome.CONNECTED
    assert observation.evidence.sockets == tuple(sockets)
    assert PROBE.describe(Listeners(AT), observation) == "0.0.0.0:80"


def test_no_listener_at_all_is_an_answer():
    observation = ask(PROBE, Listeners(AT), FakeVantage(listeners=[]))
    assert observation.known
    assert PROBE.describe(Listeners(AT), observation) == "none"


def test_tables_that_cannot_be_read_are_none():
    with pytest.raises(CannotAsk):
        ask(PROBE, Listeners(AT), FakeVantage())


@pytest.mark.parametrize(
    ("listening", "address", "reachable"),
    [
        ("0.0.0.0", "10.0.0.2", True),
        ("0.0.0.0", "fd00::2", False),
        ("::", "10.0.0.2", True),
        ("::", "fd00::2", True),
        ("10.0.0.2", "10.0.0.2", True),
        ("10.0.0.3", "10.0.0.2", False),
        ("127.0.0.1", "10.0.0.2", False),
    ],
)
def test_who_is_let_in(listening, address, reachable):
    assert evidence((listening, 80)).reachable(80, address) is reachable
    assert not evidence((listening, 80)).reachable(81, address)


def test_loopback_only_is_something_on_the_port_and_nothing_else():
    assert evidence(("127.0.0.1", 80), ("::1", 80)).loopback_only(80)
    assert not evidence(("127.0.0.1", 80), ("0.0.0.0", 80)).loopback_only(80)
    assert not evidence(("127.0.0.1", 80)).loopback_only(81)
    assert evidence(("127.0.0.1", 80), ("0.0.0.0", 90), ("::", 90), ("10.0.0.2", 70)).ports == (70, 90)


def test_what_loopback_is():
    assert all(map(is_loopback, ("127.0.0.1", "127.5.5.5", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "128.0.0.1", "10.0.0.127")))
