"""ND701: both ends send more than the network takes, or the caller more than the way out; one end alone is harmless."""

from __future__ import annotations

import pytest

from netdoctor.model import HOST, Answers, Case, Edge, Observation, Outcome, Ref
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.probes.mtu import Interface, Mtu, MtuEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd701_mtu import OPTION, RULE

from .build import container, network, story, topology

SMALL, PLAIN = network("small", options={OPTION: "1400"}), network("plain")


def size(address: str, mtu: int, name="eth0", outward=True) -> Observation:
    return Observation(Outcome.CONNECTED, MtuEvidence((Interface(name, address, mtu, outward),)))


def told(net, mine: int, theirs: int):
    app, api = container("app", net, address="10.0.0.2"), container("api", net, address="10.0.0.3")
    found = story(topology(net, app, api), app, api, name="api", port=80).works()
    return found.saw(Mtu(app.ref), size("10.0.0.2", mine)).saw(Mtu(api.ref), size("10.0.0.3", theirs))


PODMANS = network("podmans", options={"mtu": "1400"})


@pytest.mark.parametrize(
    ("net", "mine", "theirs"), [(SMALL, 9000, 9000), (PODMANS, 1500, 1500), (SMALL, 1500, 1500), (PLAIN, 9000, 1501)]
)
def test_both_ends_above_the_network_lose_long_messages(net, mine, theirs):
    (finding,) = told(net, mine, theirs).judged(RULE)
    assert finding.caller_fails
    assert str(min(mine, theirs)) in finding.cause


@pytest.mark.parametrize(
    ("net", "mine", "theirs"), [(SMALL, 1400, 1400), (SMALL, 9000, 1400), (SMALL, 1280, 9000), (PLAIN, 1500, 1500)]
)
def test_the_smaller_end_decides_what_is_sent(net, mine, theirs):
    assert told(net, mine, theirs).judged(RULE) == ()


def test_unknown_sizes_and_other_drivers_are_no_finding():
    app, api = container("app", SMALL), container("api", SMALL)
    assert story(topology(SMALL, app, api), app, api, name="api", port=80).works().judged(RULE) == ()
    assert told(network("far", driver="overlay"), 9000, 9000).judged(RULE) == ()


def outside(mine: int, uplink: int, outcome: Outcome):
    app = container("app", PLAIN)
    edge = Edge(app.ref, Ref("external", "192.0.2.1"), port=443, protocol="https")
    seen = {
        Tcp(app.ref, "192.0.2.1", 443): Observation(Outcome.CONNECTED, TcpEvidence("192.0.2.1", 443)),
        Http(app.ref, "192.0.2.1", 443, host="192.0.2.1", tls=True): Observation(
            outcome, HttpEvidence("192.0.2.1", 443, "/")
        ),
        Mtu(app.ref): size("10.0.0.2", mine),
        Mtu(HOST): size("192.0.2.9", uplink, "wg0"),
    }
    return Case(topology(PLAIN, app), edge, Answers(seen))


def test_what_opens_and_then_hangs_behind_a_smaller_way_out():
    (finding,) = RULE.judge(outside(1500, 1420, Outcome.TIMED_OUT))
    assert "wg0" in finding.cause and '"1420"' in finding.remedies[0].advice
    assert {Mtu(HOST)} <= set(RULE.wants(outside(1500, 1420, Outcome.TIMED_OUT)))


def test_what_answers_or_has_room_enough_is_no_finding():
    assert list(RULE.judge(outside(1500, 1420, Outcome.CONNECTED))) == []
    assert list(RULE.judge(outside(1500, 1500, Outcome.TIMED_OUT))) == []
