"""ND307 is said when a caller goes out to its own machine's address for a neighbour, and is lost there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import HOST, Answers, Case, Confidence, Edge, Observation, Outcome, PortBinding, Ref
from netdoctor.probes.addresses import Addresses, AddressesEvidence
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd307_hairpin import RULE

from .build import container, network, topology

NET = network("n", gateways=("10.1.0.1",))
APP = container("app", NET)
API = container("api", NET, service="api", publish=((443, 8443),))
NAME = "www.lab.test"


def told(outcome=Outcome.TIMED_OUT, answer="203.0.113.7", own=("127.0.0.1", "203.0.113.7"), target=API, port=443):
    seen = topology(APP, target, NET)
    edge = Edge(APP.ref, Ref("external", NAME), name=NAME, port=port, protocol="https")
    answers = {
        Dns(APP.ref, NAME): Observation(Outcome.CONNECTED, DnsEvidence(NAME, (answer,))),
        Tcp(APP.ref, answer, port): Observation(outcome, TcpEvidence(answer, port)),
    }
    if own is not None:
        answers[Addresses(HOST)] = Observation(Outcome.CONNECTED, AddressesEvidence(own))
    return Case(seen, edge, Answers(answers))


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.NO_ROUTE])
def test_the_machines_own_address_and_a_port_that_is_published_here(outcome):
    (finding,) = RULE.judge(told(outcome))
    assert finding.confidence is Confidence.CERTAIN
    assert "203.0.113.7 is this machine's own address" in finding.cause
    assert finding.remedies[0].advice.startswith("Use api:8443 instead of www.lab.test:443")


def test_a_bridges_gateway_is_the_machine_too():
    assert len(list(RULE.judge(told(answer="10.1.0.1", own=None)))) == 1


def test_published_on_loopback_is_said():
    local = replace(API, published=(PortBinding(8443, 443, "127.0.0.1"),))
    (finding,) = RULE.judge(told(Outcome.REFUSED, target=local))
    assert "api publishes 127.0.0.1:443" in finding.evidence


def test_a_domain_that_a_container_here_serves_is_likely():
    labels = {"traefik.http.routers.x.rule": f"Host(`{NAME}`) && PathPrefix(`/`)"}
    served = container("web", NET, labels=labels)
    (finding,) = RULE.judge(told(answer="198.51.100.9", target=served))
    assert finding.confidence is Confidence.LIKELY
    assert "www.lab.test is served by web here" in finding.cause


def test_a_far_address_is_somebody_elses():
    assert list(RULE.judge(told(answer="198.51.100.9"))) == []


def test_a_port_that_nobody_here_publishes_is_another_cause():
    assert list(RULE.judge(told(port=8080))) == []


def test_a_connection_that_opens_is_health():
    case = told(Outcome.CONNECTED)
    assert list(RULE.judge(case)) == [] and list(RULE.wants(case)) == []


def test_the_machine_is_asked_for_its_addresses_only_after_a_loss():
    assert list(RULE.wants(told())) == [Addresses(HOST)]
