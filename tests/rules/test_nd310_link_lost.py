"""ND310 is said of what inspect promises and the namespaces do not have: an address, a route, a link."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Observation, Outcome
from netdoctor.probes.addresses import Addresses, AddressesEvidence
from netdoctor.probes.ping import Ping, PingEvidence
from netdoctor.probes.routes import Routes, RoutesEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd310_link_lost import RULE
from netdoctor.vantage.interface import Route

from .build import container, network, story, topology

NET = network("n", subnets=("10.1.0.0/16",))
CLOSED = network("n", icc=False)
HERE, THERE = "10.1.0.4", "10.1.0.5"
ON_LINK = Route("10.1.0.0/16", None, "eth0")


def told(outcome=Outcome.NO_ROUTE, seconds=3.1, echo=Outcome.TIMED_OUT, net=NET):
    app, api = container("app", net, address=HERE), container("api", net, address=THERE)
    found = story(topology(app, api, net), app, api, name="api", port=80).dns(Outcome.CONNECTED)
    found.saw(Tcp(app.ref, THERE, 80), Observation(outcome, TcpEvidence(THERE, 80), seconds=seconds))
    return found.saw(Ping(app.ref, THERE), Observation(echo, PingEvidence(THERE, 1, int(echo is Outcome.CONNECTED))))


def with_tables(found, *, here=(HERE,), there=(THERE,), out=(ON_LINK,), back=(ON_LINK,)):
    for who, addresses, routes in ((found.source, here, out), (found.target, there, back)):
        found.saw(Addresses(who.ref), Observation(Outcome.CONNECTED, AddressesEvidence(("127.0.0.1", *addresses))))
        found.saw(Routes(who.ref), Observation(Outcome.CONNECTED, RoutesEvidence(routes)))
    return found


def test_both_sides_are_read_once_nothing_gets_through():
    found = told()
    expected = {kind(who.ref) for kind in (Addresses, Routes) for who in (found.source, found.target)}
    assert found.wanted(RULE) == expected


@pytest.mark.parametrize(
    ("tables", "cause"),
    [
        ({"here": ()}, "app has no interface with its address 10.1.0.4 on n: it is down, or was flushed."),
        ({"there": ()}, "api has no interface with its address 10.1.0.5 on n: it is down, or was flushed."),
        ({"out": ()}, "app has no route to 10.1.0.5 on n."),
        ({"back": ()}, "api has no route to 10.1.0.4 on n."),
        (
            {"back": (ON_LINK, Route("10.1.0.0/24", None, "tun0"))},
            "api sends what is for 10.1.0.4 to 10.1.0.0/24 dev tun0, and not to n.",
        ),
        (
            {"out": (Route("0.0.0.0/0", "10.1.0.1", "eth0"),)},
            "app sends what is for 10.1.0.5 to 0.0.0.0/0 via 10.1.0.1 dev eth0, and not to n.",
        ),
    ],
)
def test_what_one_of_the_two_lacks_is_certain(tables, cause):
    (finding,) = with_tables(told(), **tables).judged(RULE)
    assert (finding.confidence, finding.cause) == (Confidence.CERTAIN, cause)
    assert "docker restart app api" in finding.remedies[0].advice


def test_both_in_order_and_nobody_answers_is_the_bridge():
    (finding,) = with_tables(told()).judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert f"the bridge br-{NET.id[:12]} is down, or has lost an interface" in finding.cause


@pytest.mark.parametrize(
    "found",
    [
        told(seconds=0.001),
        told(Outcome.TIMED_OUT),
        told(echo=Outcome.CONNECTED),
        told(Outcome.REFUSED),
        told(net=CLOSED),
        told(net=network("n", driver="overlay")),
    ],
    ids=["rejected at once", "lost", "answers a ping", "refused", "ICC off", "no bridge"],
)
def test_other_ways_to_fail_are_other_causes(found):
    assert with_tables(found).judged(RULE) == ()


def test_what_could_not_be_read_is_no_proof():
    assert told().judged(RULE) == ()
