"""Who listens is a fact of the target: it is told to whoever knocked, the machine and borrowed namespaces, too."""

from __future__ import annotations

import pytest

from netdoctor.model import HOST, Answers, Case, Edge, Observation, Outcome
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules import nd301_loopback_only, nd303_nothing_listens
from netdoctor.vantage.interface import ListeningSocket

from .build import container, network, story, topology

NET = network("n")
WEB = container("web", NET, address="10.1.0.5")
VPN = container("vpn", NET, address="10.1.0.9")
BEHIND = container("behind", network_mode=f"container:{VPN.id}")
ON_HOST = container("agent", network_mode="host")
SEEN = topology(NET, WEB, VPN, BEHIND, ON_HOST)
RULES = (nd301_loopback_only.RULE, nd303_nothing_listens.RULE)


def told(case):
    return [(each.code, each.cause) for rule in RULES for each in rule.judge(case)]


def from_host(*sockets, address="10.1.0.5", outcome=Outcome.REFUSED):
    found = tuple(ListeningSocket(each.rpartition(":")[0], int(each.rpartition(":")[2]), 4) for each in sockets)
    answers = {
        Tcp(HOST, address, 8080): Observation(outcome, TcpEvidence(address, 8080)),
        Listeners(WEB.ref): Observation(Outcome.CONNECTED, ListenersEvidence(found)),
    }
    # A published port is dialled at the machine's own addresses, by a name of the machine's.
    name = None if address == "10.1.0.5" else address
    return Case(SEEN, Edge(HOST, WEB.ref, name=name, port=8080), Answers(answers))


def test_the_machine_is_told_what_listens():
    cause = "web does not listen on port 8080; it takes connections on port 80."
    assert told(from_host("0.0.0.0:80")) == [("ND303", cause)]
    cause = "web listens on port 8080 at 127.0.0.1 only, so nobody but itself can connect."
    assert told(from_host("127.0.0.1:8080")) == [("ND301", cause)]
    assert all(rule.wants(from_host()) for rule in RULES)


@pytest.mark.parametrize(
    "case",
    [
        from_host("0.0.0.0:80", outcome=Outcome.CONNECTED),
        from_host("0.0.0.0:8080"),
        from_host("0.0.0.0:80", address="127.0.0.1"),
    ],
    ids=["it connects", "it listens", "a port of the machine, not of the target"],
)
def test_the_machine_is_told_nothing_where(case):
    assert told(case) == []


@pytest.mark.parametrize("caller", [BEHIND, ON_HOST])
def test_callers_without_a_network_of_their_own_are_told(caller):
    seen = story(SEEN, caller, WEB, port=8080).tcp(Outcome.REFUSED, "10.1.0.5").listens("0.0.0.0:80")
    assert told(seen.case) == [("ND303", "web does not listen on port 8080; it takes connections on port 80.")]


def test_of_a_target_in_anothers_namespace_that_ones_addresses_count():
    asked = story(SEEN, WEB, BEHIND, port=8080).tcp(Outcome.REFUSED, "10.1.0.9")
    assert told(asked.listens("0.0.0.0:80").case) == [
        ("ND303", "behind does not listen on port 8080; it takes connections on port 80.")
    ]
    assert told(asked.listens("10.1.0.9:8080").case) == []


def test_in_host_mode_a_targets_ports_are_the_machines():
    seen = story(SEEN, WEB, ON_HOST, port=8080).tcp(Outcome.REFUSED, "10.1.0.1").listens("0.0.0.0:80")
    assert told(seen.case) == []
