"""The routes of the engine's machine, as the kernel lists them."""

from __future__ import annotations

import time

import pytest

from netdoctor.model import HOST, Fact, Topology
from netdoctor.probes.host_routes import HostRoute, HostRoutes, HostRoutesProbe, parse
from netdoctor.probes.interface import CannotAsk, World

TABLE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
wg0\t0007E70A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-1\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
nonsense
odd\tzz\t0\t0\t0\t0\t0\tzz
"""


def ask(endpoint):
    topology = Topology(frozenset({Fact.RUNTIME}), (), (), source="engine", endpoint=endpoint)
    return HostRoutesProbe().ask(HostRoutes(HOST), World(topology, lambda ref: None, 4.0, time.monotonic))  # type: ignore[arg-type,return-value]


def test_routes_are_read_without_the_default_one_and_without_nonsense():
    assert parse(TABLE) == (HostRoute("10.231.7.0/24", "wg0"), HostRoute("172.17.0.0/16", "br-1"))
    assert parse("") == ()


@pytest.mark.parametrize("endpoint", ["tcp://10.0.0.1:2375", "unix:///nowhere/at/all.sock"])
def test_a_machine_that_is_not_this_one_cannot_be_asked(endpoint):
    with pytest.raises(CannotAsk):
        ask(endpoint)


@pytest.mark.docker
def test_the_running_engines_own_bridge_is_among_them():
    from netdoctor.engine.hosts import resolve_host

    try:
        found = ask(resolve_host(None, None).url)
    except CannotAsk as error:
        pytest.skip(error.reason)
    assert "docker0" in {route.interface for route in found.evidence.routes}
