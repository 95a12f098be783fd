"""What situations look like from the caller, and what tells them apart: each was measured once, and is held here."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from netdoctor.model import Outcome
from netdoctor.vantage.choose import Vantages
from netdoctor.vantage.interface import CannotAsk, DialFailed, Vantage

from . import peer, site

pytestmark = pytest.mark.docker
KINDS = [
    pytest.param("netns", marks=pytest.mark.skipif(os.geteuid() != 0, reason="entering a namespace needs root")),
    "sidecar",
    "exec",
]


@pytest.fixture(params=KINDS)
def stand_in(request: Any, lab: Any) -> Any:
    """``stand_in(container)``: a vantage of each kind there, on a fresh topology."""
    opened: list[Vantages] = []

    def at(made: Any) -> Vantage:
        lab.image("probe")
        topology = lab.topology()
        vantages = Vantages(lab.engine, topology, preference=request.param)
        opened.append(vantages)
        return vantages.at(site.container(topology, made.id).ref)

    yield at
    for vantages in opened:
        vantages.close()


def refused_with(call: Callable[[], Any]) -> DialFailed:
    with pytest.raises(DialFailed) as failed:
        call()
    return failed.value


def test_a_dead_address_in_the_own_subnet_is_no_route_after_three_seconds(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    vantage = stand_in(lab.container("python", networks=[network]))
    dead = lab.free_address(network)
    failed = refused_with(lambda: vantage.dial(dead, 80, 6.0))
    assert (failed.outcome, failed.errno) == (Outcome.NO_ROUTE, errno.EHOSTUNREACH)
    assert 2.5 < failed.seconds < 5
    assert [each.mac for each in vantage.neighbours() if each.address == dead] == [None]
    # With less patience than ARP has, the same address only looks slow.
    assert (
        refused_with(lambda: vantage.dial(lab.free_address(network)[:-1] + "1", 80, 1.0)).outcome is Outcome.TIMED_OUT
    )


def test_another_bridge_is_timed_out(lab: Any, stand_in: Any) -> None:
    here, there = lab.network("here"), lab.network("there")
    target = lab.container("scratch", networks=[there])
    lab.wait_for_listener(target, 8080)
    vantage = stand_in(lab.container("busybox", networks=[here]))
    assert refused_with(lambda: vantage.dial(lab.address(target, there), 8080, 1.0)).outcome is Outcome.TIMED_OUT
    assert vantage.ping(lab.address(target, there), 1.0).received == 0


def test_a_drop_rule_times_out_although_ping_answers_and_a_listener_is_there(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    target = lab.container("scratch", networks=[network])
    lab.wait_for_listener(target, 8080)
    lab.iptables(target, "-A", "INPUT", "-p", "tcp", "--dport", "8080", "-j", "DROP")
    vantage, address = stand_in(lab.container("busybox", networks=[network])), lab.address(target, network)
    assert refused_with(lambda: vantage.dial(address, 8080, 1.0)).outcome is Outcome.TIMED_OUT
    assert vantage.ping(address, 2.0).received == 1


def test_a_reject_rule_looks_refused_or_unreachable_at_once(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    target = lab.container("scratch", networks=[network])
    lab.wait_for_listener(target, 8080)
    rule = ("INPUT", "-p", "tcp", "--dport", "8080", "-j", "REJECT")
    lab.iptables(target, "-A", *rule)
    vantage, address = stand_in(lab.container("busybox", networks=[network])), lab.address(target, network)
    plain = refused_with(lambda: vantage.dial(address, 8080, 4.0))
    assert (plain.outcome, plain.errno) == (Outcome.REFUSED, errno.ECONNREFUSED)
    lab.iptables(target, "-D", *rule)
    lab.iptables(target, "-A", *rule, "--reject-with", "icmp-host-prohibited")
    prohibited = refused_with(lambda: vantage.dial(address, 8080, 4.0))
    assert (prohibited.outcome, prohibited.errno) == (Outcome.NO_ROUTE, errno.EHOSTUNREACH)
    assert prohibited.seconds < 1.5


def test_a_full_accept_queue_is_timed_out_and_shows_in_the_targets_listeners(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    target = lab.container("scratch", networks=[network], command=["--no-accept"])
    lab.wait_for_listener(target, 8080)
    vantage, at_target = stand_in(lab.container("busybox", networks=[network])), None
    address, streams = lab.address(target, network), []
    try:
        with pytest.raises(DialFailed) as failed:
            for _ in range(12):
                streams.append(vantage.dial(address, 8080, 1.0))
        assert failed.value.outcome is Outcome.TIMED_OUT
        assert streams, "the queue takes at least one"
        at_target = site.container(lab.topology(), target.id)
        with Vantages(lab.engine, lab.topology(), preference="sidecar") as vantages:
            (listener,) = [each for each in vantages.at(at_target.ref).listeners() if each.port == 8080]
            assert listener.backlog_waiting > 0
    finally:
        for stream in streams:
            stream.close()


def test_a_paused_target_still_connects(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    target = lab.container("scratch", networks=[network])
    lab.wait_for_listener(target, 8080)
    vantage = stand_in(lab.container("busybox", networks=[network]))
    lab.api.pause(target.id)
    try:
        stream = vantage.dial(lab.address(target, network), 8080, 4.0)
        stream.send(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            stream.receive(1, 0.5)
        stream.close()
    finally:
        lab.api.unpause(target.id)


def test_icc_off_is_silent_even_where_nothing_listens_and_the_target_hears_itself(lab: Any, stand_in: Any) -> None:
    network = lab.network(icc=False)
    target = lab.container("scratch", networks=[network])
    lab.wait_for_listener(target, 8080)
    vantage, address = stand_in(lab.container("busybox", networks=[network])), lab.address(target, network)
    for port in (8080, peer.CLOSED):
        assert refused_with(lambda port=port: vantage.dial(address, port, 1.0)).outcome is Outcome.TIMED_OUT
    assert vantage.ping(address, 1.0).received == 0
    # ARP is answered: the wire is there, the packets are dropped above it.
    assert all(each.mac for each in vantage.neighbours() if each.address == address)
    with Vantages(lab.engine, lab.topology(), preference="sidecar") as vantages:
        vantages.at(site.container(lab.topology(), target.id).ref).dial(address, 8080, 4.0).close()


def test_a_loopback_listener_is_refused_from_outside_and_listed_with_its_address(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    target = lab.container("scratch", networks=[network], env={"LISTEN": "127.0.0.1"})
    lab.wait_for_listener(target, 8080)
    vantage = stand_in(lab.container("busybox", networks=[network]))
    failed = refused_with(lambda: vantage.dial(lab.address(target, network), 8080, 4.0))
    assert failed.outcome is Outcome.REFUSED
    with Vantages(lab.engine, lab.topology(), preference="sidecar") as vantages:
        at_target = vantages.at(site.container(lab.topology(), target.id).ref)
        assert [(each.address, each.port) for each in at_target.listeners()] == [("127.0.0.1", 8080)]
        at_target.dial("127.0.0.1", 8080, 4.0).close()


def test_a_source_that_restarts_is_noticed_and_never_read_as_nothing_listens(lab: Any, stand_in: Any) -> None:
    network = lab.network()
    source = lab.container("busybox", networks=[network], command=site.COMMANDS["busybox"])
    lab.wait_for_listener(source, 8080)
    vantage = stand_in(source)
    assert [each.port for each in vantage.listeners()] == [8080]
    topology = lab.topology()
    with Vantages(lab.engine, topology) as vantages:
        ref = site.container(topology, source.id).ref
        assert vantages.changed(ref) is None
        lab.api.restart(source.id, timeout=0)
        assert "restarted" in (vantages.changed(ref) or "")
    began = time.monotonic()
    # What is left of the old namespace has no listener; exec and /proc/<pid> are gone with the process.
    with pytest.raises(CannotAsk):
        vantage.listeners()
    with pytest.raises((DialFailed, CannotAsk)):
        vantage.dial(lab.free_address(network), 80, 1.0)
    assert time.monotonic() - began < 12


def test_changes_since_the_topology_was_taken_are_named(lab: Any) -> None:
    one, other = lab.network("one"), lab.network("other")
    made = lab.container("busybox", networks=[one])
    topology = lab.topology()
    ref = site.container(topology, made.id).ref
    with Vantages(lab.engine, topology) as vantages:
        assert vantages.changed(ref) is None
        lab.api.connect_container_to_network(made.id, other.id)
        assert "networks" in (vantages.changed(ref) or "")
        lab.api.disconnect_container_from_network(made.id, other.id)
        assert vantages.changed(ref) is None
        lab.api.pause(made.id)
        assert "paused" in (vantages.changed(ref) or "")
        lab.api.unpause(made.id)
        lab.api.kill(made.id)
        lab.wait_until(lambda: "not running" in (vantages.changed(ref) or ""), "the container to end")
        lab.api.remove_container(made.id)
        assert "removed" in (vantages.changed(ref) or "")
