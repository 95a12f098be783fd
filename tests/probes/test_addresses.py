"""A place's own addresses, as its namespace has them."""

from __future__ import annotations

import time

from netdoctor.model import HOST, Fact, Topology
from netdoctor.probes.addresses import Addresses, AddressesProbe
from netdoctor.probes.interface import World
from netdoctor.vantage.fake import FakeVantage
from netdoctor.vantage.host import HostVantage

NOTHING = Topology(frozenset({Fact.RUNTIME}), (), ())


def ask(vantage):
    return AddressesProbe().ask(Addresses(HOST), World(NOTHING, lambda ref: vantage, 2.0, time.monotonic))


def test_this_machine_has_its_loopback():
    assert "127.0.0.1" in ask(HostVantage()).evidence.addresses


def test_they_are_told_as_they_are():
    found = ask(FakeVantage(addresses=("127.0.0.1", "203.0.113.7")))
    assert AddressesProbe().describe(Addresses(HOST), found) == "127.0.0.1, 203.0.113.7"
