"""ND305 is said when the target has addresses of both families and listens on one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Outcome
from netdoctor.probes.listeners import Listeners
from netdoctor.rules.nd305_ipv6_answer import RULE

from .build import container, network, story, topology

FOUR, SIX = "10.1.0.5", "fd00::5"
NET = network("n", ipv6=True)
APP = container("app", NET)
_API = container("api", NET, address=FOUR)
API = replace(_API, endpoints=(replace(_API.endpoints[0], ipv6=SIX),))


def told(four=Outcome.CONNECTED, six=Outcome.REFUSED, target=API):
    found = story(topology(APP, target, NET), APP, target, name="api", port=80)
    return found.dns(Outcome.CONNECTED, FOUR, SIX).tcp(four, FOUR).tcp(six, SIX)


def test_ipv4_only():
    (finding,) = told().listens("0.0.0.0:80").judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "api has an IPv6 address (fd00::5), and listens on port 80 for IPv4 only."
    assert "bind [::]:80" in finding.remedies[0].advice


def test_ipv6_only():
    (finding,) = told(four=Outcome.REFUSED, six=Outcome.CONNECTED).listens(":::80").judged(RULE)
    assert "api has an IPv4 address (10.1.0.5), and listens on port 80 for IPv6 only" in finding.cause


@pytest.mark.parametrize("sockets", [(":::80",), ("0.0.0.0:80", ":::80"), ("0.0.0.0:81",), ("127.0.0.1:80",), ()])
def test_other_listeners_are_other_causes(sockets):
    assert told().listens(*sockets).judged(RULE) == ()


def test_the_listeners_are_asked_for_only_when_one_family_failed():
    assert told().wanted(RULE) == {Listeners(API.ref)}
    assert told(six=Outcome.CONNECTED).wanted(RULE) == set()


def test_both_families_work():
    assert told(six=Outcome.CONNECTED).listens("0.0.0.0:80").judged(RULE) == ()


def test_a_target_of_one_family_is_another_cause():
    found = story(topology(APP, _API, NET), APP, _API, name="api", port=80).dns(Outcome.CONNECTED, FOUR)
    assert found.tcp(Outcome.REFUSED, FOUR).listens(":::80").judged(RULE) == ()
