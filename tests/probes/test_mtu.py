"""Packet sizes of a namespace, by the kernel; a place that cannot tell says so where it matters."""

from __future__ import annotations

import time

import pytest

from netdoctor.model import HOST, Fact, Topology
from netdoctor.probes.interface import CannotAsk, World
from netdoctor.probes.mtu import Mtu, MtuProbe
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import Route


class Told:
    name = "told"

    def routes(self):
        return (Route("0.0.0.0/0", "10.0.0.1", "eth1"), Route("10.0.0.0/16", None, "eth0"))

    def mtus(self):
        return (("lo", "127.0.0.1", 65536), ("eth0", "10.0.0.5", 1500), ("eth1", "10.1.0.5", 1400))


class Deaf(Told):
    def mtus(self):
        raise CannotAsk("there is no /sys")


class Relayed(Told):
    def mtus(self):
        return (("eth0", "", 1500), ("eth1", "", 1400))


def asked(vantage, needed=False):
    world = World(Topology(frozenset({Fact.RUNTIME}), (), ()), lambda ref: vantage, 4.0, time.monotonic)
    return MtuProbe().ask(Mtu(HOST, needed), world)


def test_each_interface_has_its_size_and_one_leads_outside():
    found = asked(Told()).evidence
    assert found.of("10.0.0.5") == 1500
    assert found.of("10.9.9.9") is None and found.of(None) is None
    assert (found.outward.name, found.outward.mtu) == ("eth1", 1400)


def test_where_no_address_is_told_the_interface_that_leads_to_the_subnet_is_meant():
    found = asked(Relayed()).evidence
    assert found.of("10.0.0.5") == 1500
    # By a gateway or by the default route it leads anywhere: that says nothing about an address of its own.
    assert found.of("10.9.9.9") is None
    assert (found.outward.name, found.outward.mtu) == ("eth1", 1400)


def test_a_place_that_cannot_tell_says_so_only_where_it_matters():
    found = asked(Deaf())
    assert found.known and found.evidence.interfaces == () and found.reason
    with pytest.raises(CannotAsk):
        asked(Deaf(), needed=True)


def test_this_machines_loopback_is_read_from_the_kernel():
    found = asked(HostVantage()).evidence
    assert (found.of("127.0.0.1") or 0) >= 1280
