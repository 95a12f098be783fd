"""ND309 is said of a server that takes IPv6 only on a network that has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Observation, Outcome
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd309_ipv6_only_listener import RULE

from .build import container, network, story, topology

NET = network("n")
APP, API = container("app", NET), container("api", NET, address="10.1.0.5")
WITHIN = Tcp(API.ref, "10.1.0.5", 80)


def told(*sockets, tcp=Outcome.REFUSED, within=None, target=API):
    found = story(topology(APP, target, NET), APP, target, name="api", port=80).dns(Outcome.CONNECTED)
    found.tcp(tcp).listens(*sockets)
    return found if within is None else found.saw(WITHIN, Observation(within, TcpEvidence("10.1.0.5", 80)))


def test_a_server_that_refuses_itself_too():
    found = told(":::80")
    assert WITHIN in found.wanted(RULE)
    (finding,) = told(":::80", within=Outcome.REFUSED).judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert finding.cause == "api listens on port 80 for IPv6 only, and its address 10.1.0.5 is one of IPv4."
    assert "bind 0.0.0.0:80" in finding.remedies[0].advice


def test_a_server_that_reaches_itself_is_refused_on_the_way():
    assert told(":::80", within=Outcome.CONNECTED).judged(RULE) == ()


def test_what_could_not_be_asked_is_no_proof():
    assert told(":::80", within=Outcome.COULD_NOT_ASK).judged(RULE) == ()
    assert told(":::80").judged(RULE) == ()


@pytest.mark.parametrize("sockets", [(":::80", "0.0.0.0:80"), ("0.0.0.0:80",), ("::1:80",), (":::81",), ()])
def test_other_listeners_are_other_causes(sockets):
    assert told(*sockets, within=Outcome.REFUSED).judged(RULE) == ()
    assert WITHIN not in told(*sockets).wanted(RULE)


def test_a_dial_that_opens_or_is_lost_is_another_cause():
    assert told(":::80", tcp=Outcome.CONNECTED, within=Outcome.REFUSED).judged(RULE) == ()
    assert told(":::80", tcp=Outcome.TIMED_OUT, within=Outcome.REFUSED).judged(RULE) == ()


def test_a_target_with_both_families_is_nd305():
    both = replace(API, endpoints=(replace(API.endpoints[0], ipv6="fd00::5"),))
    assert told(":::80", within=Outcome.REFUSED, target=both).judged(RULE) == ()
