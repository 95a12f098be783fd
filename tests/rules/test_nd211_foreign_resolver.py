"""ND211 is said of a caller that asks somebody else for names that only Docker knows."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Observation, Outcome
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.rules.nd211_foreign_resolver import RULE

from .build import BRIDGE, container, network, story, topology

NET = network("n", gateways=("10.1.0.1",))
APP, API = container("app", NET), container("api", NET)


def told(server="192.0.2.53", outcome=Outcome.NAME_NOT_FOUND, name="api", app=APP, api=API, nets=(NET,)):
    found = story(topology(app, api, *nets), app, api, name=name, port=80)
    return found.saw(Dns(app.ref, name), Observation(outcome, DnsEvidence(name, nameserver=server)))


@pytest.mark.parametrize("outcome", [Outcome.NAME_NOT_FOUND, Outcome.RESOLVER_FAILED])
def test_a_name_that_docker_knows_and_another_nameserver_does_not(outcome):
    (finding,) = told(outcome=outcome).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause.startswith("app asks 192.0.2.53 for names, not Docker's own 127.0.0.11")
    assert "nameserver of app: 192.0.2.53" in finding.evidence
    assert {"ND201", "ND204", "ND205"} <= RULE.suppresses


@pytest.mark.parametrize("server", ["127.0.0.11", "10.1.0.1", ""])
def test_dockers_own_podmans_gateway_and_an_unknown_one_are_no_finding(server):
    assert told(server).judged(RULE) == ()


def test_a_name_that_resolved_or_that_nobody_carries_is_another_matter():
    assert told(outcome=Outcome.CONNECTED).judged(RULE) == ()
    assert told(outcome=Outcome.COULD_NOT_ASK).judged(RULE) == ()
    assert told(name="backend").judged(RULE) == ()


def test_on_the_default_bridge_nobody_asks_docker():
    app, api = container("app", BRIDGE), container("api", BRIDGE)
    assert told(app=app, api=api, nets=(BRIDGE,)).judged(RULE) == ()


def test_who_lives_in_a_vpns_network_asks_the_vpns_nameserver():
    vpn = container("vpn", NET)
    inside = container("inside", network_mode=f"container:{vpn.id}")
    found = story(topology(inside, vpn, API, NET), inside, API, name="api", port=80)
    found.saw(Dns(inside.ref, "api"), Observation(Outcome.NAME_NOT_FOUND, DnsEvidence("api", nameserver="127.0.0.1")))
    (finding,) = found.judged(RULE)
    assert finding.cause.startswith("inside, in the network of vpn, asks 127.0.0.1 for names")
    assert "/etc/resolv.conf in vpn" in finding.remedies[0].advice
