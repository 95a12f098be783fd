"""The routes of a container's namespace, and which one an address takes."""

from __future__ import annotations

import time

import pytest

from netdoctor.model import HOST, Fact, Topology
from netdoctor.probes.interface import World
from netdoctor.probes.routes import Routes, RoutesEvidence, RoutesProbe
from netdoctor.vantage.fake import FakeVantage
from netdoctor.vantage.interface import Route

NOTHING = Topology(frozenset({Fact.RUNTIME}), (), ())
DEFAULT, OWN, HALF = (
    Route("0.0.0.0/0", "10.0.4.1", "eth0"),
    Route("10.0.4.0/24", None, "eth0"),
    Route("10.0.4.0/25", None, "tun0"),
)


def test_they_are_told_as_they_are():
    found = RoutesProbe().ask(
        Routes(HOST), World(NOTHING, lambda ref: FakeVantage(routes=(DEFAULT, OWN)), 2.0, time.monotonic)
    )
    assert RoutesProbe().describe(Routes(HOST), found) == "0.0.0.0/0 via 10.0.4.1 dev eth0, 10.0.4.0/24 dev eth0"


@pytest.mark.parametrize(
    ("routes", "address", "taken"),
    [
        ((DEFAULT, OWN), "10.0.4.9", OWN),
        ((DEFAULT, OWN), "192.0.2.1", DEFAULT),
        ((DEFAULT, OWN, HALF), "10.0.4.9", HALF),
        ((DEFAULT, OWN, HALF), "10.0.4.200", OWN),
        ((OWN,), "192.0.2.1", None),
        ((OWN, Route("10.0.4.0/24", None, "eth1")), "10.0.4.9", OWN),
        ((), "10.0.4.9", None),
    ],
)
def test_the_longest_prefix_wins_and_the_first_of_equals(routes, address, taken):
    assert RoutesEvidence(routes).way_to(address) == taken
