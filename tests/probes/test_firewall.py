"""The engine's packet filter rules: what is left after a flush is told from what an engine writes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from netdoctor.commands import find_command
from netdoctor.model import HOST, Fact, Topology
from netdoctor.probes.firewall import Firewall, FirewallProbe, engine_process, read_rules
from netdoctor.probes.interface import CannotAsk, World

FILTER = """-P INPUT ACCEPT
-P FORWARD DROP
-N DOCKER
-N DOCKER-USER
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
"""
NAT = """-P PREROUTING ACCEPT
-N DOCKER
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
"""
DOCKER_28 = "-P FORWARD ACCEPT\n-N DOCKER-FORWARD\n-A FORWARD -j DOCKER-FORWARD\n"


def world(**fields) -> World:
    fields = {"source": "engine", "endpoint": "unix:///var/run/docker.sock", **fields}
    topology = Topology(frozenset({Fact.RUNTIME}), (), (), **fields)

    def nowhere(ref):
        raise AssertionError("no vantage is needed")

    return World(topology, nowhere, 4.0, time.monotonic)


def test_an_engines_rules_are_seen():
    found = read_rules(FILTER, NAT)
    assert (found.forward, found.nat, found.drops) == (True, True, True)
    assert found.chains == ("filter DOCKER", "filter DOCKER-USER", "nat DOCKER")
    assert read_rules(DOCKER_28, NAT).forward


def test_flushed_chains_that_are_still_there_lead_nowhere():
    flushed = "\n".join(line for line in FILTER.splitlines() if not line.startswith("-A"))
    found = read_rules(flushed, "-P PREROUTING ACCEPT\n-N DOCKER\n")
    assert (found.forward, found.nat, found.drops) == (False, False, True)
    assert found.chains


def test_somebody_elses_rules_are_not_the_engines():
    found = read_rules("-P FORWARD ACCEPT\n-A FORWARD -j ufw-before\n", "-A PREROUTING -j KUBE-SERVICES\n")
    assert (found.forward, found.nat, found.drops, found.chains) == (False, False, False, ())
    assert read_rules("-P FORWARD ACCEPT\n-A FORWARD -j DROP\n", "").drops


@pytest.mark.parametrize("endpoint", ["ssh://host", "tcp://10.0.0.1:2376", None])
def test_an_engine_elsewhere_cannot_be_asked(endpoint):
    with pytest.raises(CannotAsk, match="not on this machine"):
        FirewallProbe().ask(Firewall(HOST), world(endpoint=endpoint))


def test_a_recording_cannot_be_asked():
    with pytest.raises(CannotAsk):
        FirewallProbe().ask(Firewall(HOST), world(source="bundle"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets that far")
def test_a_socket_that_somebody_else_made_is_no_engine(tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen(1)
        with pytest.raises(CannotAsk, match="no dockerd"):
            FirewallProbe().ask(Firewall(HOST), world(endpoint=f"unix://{tmp_path}/s"))


def test_an_engine_of_another_name_is_taken_where_its_name_will_do(tmp_path):
    import socket

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen(1)
        own = Path("/proc/self/comm").read_text().strip()
        there = world(endpoint=f"unix://{tmp_path}/s").topology
        assert engine_process(there, root=False, names=("dockerd", own)) == os.getpid()
        with pytest.raises(CannotAsk, match="no dockerd or podman"):
            engine_process(there, root=False, names=("dockerd", "podman"))


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0 or find_command("iptables") is None, reason="needs root and iptables")
@pytest.mark.parametrize("path", [None, "/usr/bin:/bin", ""], ids=["as it is", "without sbin", "empty"])
def test_the_rules_of_the_running_engine_are_in_place(monkeypatch, path):
    """Also for who has become root without root's PATH, as by ``su`` on Debian."""
    from netdoctor.engine.hosts import resolve_host

    if path is not None:
        monkeypatch.setenv("PATH", path)
    found = FirewallProbe().ask(Firewall(HOST), world(endpoint=resolve_host(None, None).url)).evidence
    assert found.forward and found.nat
