"""ND311 is said of a server on the machine that a container cannot reach, although it listens there."""

from __future__ import annotations

import pytest

from netdoctor.model import HOST, Answers, Case, Confidence, Edge, Observation, Outcome, Ref
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd311_host_firewall import RULE
from netdoctor.vantage.interface import ListeningSocket

from .build import container, network, topology

NET = network("net", subnets=("172.18.0.0/16",), gateways=("172.18.0.1",))
APP = container("app", NET)


def case(outcome, *listens, name="host.docker.internal", address="172.17.0.1", others=(), source=APP):
    edge = Edge(source.ref, Ref("external", name), name=name, port=5432)
    seen = {
        Dns(source.ref, name): Observation(Outcome.CONNECTED, DnsEvidence(name, (address,))),
        Tcp(source.ref, address, 5432): Observation(outcome, TcpEvidence(address, 5432)),
    }
    if listens:
        sockets = tuple(ListeningSocket(each, 5432, 4) for each in listens)
        seen[Listeners(HOST)] = Observation(Outcome.CONNECTED, ListenersEvidence(sockets))
    return Case(topology(source, NET, *others), edge, Answers(seen))


@pytest.mark.parametrize(("outcome", "word"), [(Outcome.TIMED_OUT, "dropped"), (Outcome.REFUSED, "rejected")])
def test_it_listens_and_the_dial_is_lost(outcome, word):
    (finding,) = RULE.judge(case(outcome, "0.0.0.0"))
    assert finding.confidence is Confidence.LIKELY
    assert f"listens on 172.17.0.1:5432, but connections from app are {word}" in finding.cause
    assert "ufw allow from 172.18.0.0/16 to any port 5432 proto tcp" in finding.remedies[0].advice


def test_a_gateways_address_is_the_machine_too():
    gateway = case(Outcome.TIMED_OUT, "0.0.0.0", name="172.18.0.1", address="172.18.0.1")
    assert set(RULE.wants(gateway)) == {Listeners(HOST)}
    assert len(list(RULE.judge(gateway))) == 1


@pytest.mark.parametrize("listens", [(), ("127.0.0.1",), ("192.168.1.4",)])
def test_without_a_listener_there_the_firewall_is_not_blamed(listens):
    assert list(RULE.judge(case(Outcome.TIMED_OUT, *listens))) == []


def test_what_opens_or_lies_elsewhere_is_no_finding():
    assert list(RULE.wants(case(Outcome.CONNECTED))) == []
    assert list(RULE.wants(case(Outcome.TIMED_OUT, name="example.internal", address="192.0.2.7"))) == []


def test_a_published_port_is_another_cause():
    api = container("api", NET, publish=[(5432, 5432)])
    assert list(RULE.judge(case(Outcome.TIMED_OUT, "0.0.0.0", others=(api,)))) == []
