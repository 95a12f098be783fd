"""How an engine is reached is told where it is not a socket of this machine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netdoctor.engine.hosts import EngineHost
from netdoctor.readiness.interface import Situation, State

from .conftest import lines_of, without_engine

FOLDER = Path("/certificates")


def reached(host: EngineHost) -> Situation:
    """The check looks at the address only."""
    engine: Any = SimpleNamespace(host=host, on_this_machine=host.socket_path is not None)
    return Situation(engine, None, None, {}, root=True)


def test_without_an_engine_or_with_one_at_hand_there_is_nothing_to_say():
    assert lines_of("connection", without_engine()) == {}
    assert lines_of("connection", reached(EngineHost("unix:///var/run/docker.sock"))) == {}


@pytest.mark.parametrize("url", ["tcp://10.0.0.1:2375", "http://10.0.0.1:2375"])
def test_a_plain_port_is_a_note_that_says_what_it_is(url):
    line = lines_of("connection", reached(EngineHost(url)))["connection"]
    assert line.state is State.NOTE
    assert f"whoever can connect to {url} is root there" in line.said
    assert "ssh://" in line.remedy


def test_tls_that_verifies_nobody_is_a_note():
    line = lines_of("connection", reached(EngineHost("tcp://far:2376", tls=FOLDER)))["connection"]
    assert line.state is State.NOTE
    assert "DOCKER_TLS_VERIFY" in line.remedy


@pytest.mark.parametrize(
    "host",
    [EngineHost("tcp://far:2376", tls=FOLDER, tls_verify=True), EngineHost("https://far"), EngineHost("ssh://far")],
)
def test_what_is_guarded_is_well(host):
    assert lines_of("connection", reached(host))["connection"].state is State.OK
