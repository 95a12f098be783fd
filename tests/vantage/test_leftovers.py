"""Helpers and exec'd relays leave nothing behind, however we end; and a helper is as harmless as it is said to be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netdoctor.engine import helpers
from netdoctor.vantage.choose import Vantages

from . import site

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]

STANDING = """
import sys, time
from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.topology.engine import read_topology
from netdoctor.vantage.choose import Vantages
engine = open_engine(resolve_host())
topology = read_topology(engine)
container = topology.container(sys.argv[1])
vantage = Vantages(engine, topology, preference=sys.argv[2]).at(container.ref)
stream = vantage.dial("127.0.0.1", 8080, 5)
print("standing", flush=True)
vantage.dial(sys.argv[3], 80, 8)
"""


def helpers_of(lab: Any, container_id: str) -> list[Any]:
    found: list[Any] = lab.api.containers(all=True, filters={"label": f"{helpers.FOR_LABEL}={container_id}"})
    return found


def processes_of(lab: Any, container_id: str) -> int:
    return len(lab.api.top(container_id)["Processes"])


@pytest.mark.parametrize(("kind", "image"), [("sidecar", "scratch"), ("exec", "python"), ("exec", "busybox")])
def test_sigkill_in_the_middle_of_a_dial_leaves_nothing(lab: Any, kind: str, image: str) -> None:
    silent = lab.network(icc=False)
    source = lab.container(image, networks=[silent], command=site.COMMANDS[image])
    lab.wait_for_listener(source, 8080)
    dropped = lab.address(lab.container("busybox", networks=[silent]), silent)
    lab.image("probe")
    child = subprocess.Popen(
        [sys.executable, "-c", STANDING, source.id, kind, dropped],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"standing\n"
        if kind == "sidecar":
            assert len(helpers_of(lab, source.id)) == 1
        else:
            assert processes_of(lab, source.id) > 1
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=10)
    if kind == "sidecar":
        lab.wait_until(lambda: not helpers_of(lab, source.id), "the helper to vanish", 5)
    else:
        # A dial that nc has under way ends with nc's own connect timeout at the latest.
        lab.wait_until(lambda: processes_of(lab, source.id) == 1, "the relay to end", 5 if image == "python" else 15)


def test_a_helper_has_one_capability_and_nothing_to_write_to(lab: Any) -> None:
    source = lab.container("scratch", networks=[lab.network()])
    lab.image("probe")
    topology = lab.topology()
    with Vantages(lab.engine, topology, preference="sidecar") as vantages:
        container = site.container(topology, source.id)
        vantages.at(container.ref)
        (entry,) = helpers_of(lab, source.id)
        found = lab.api.inspect_container(entry["Id"])
        settings = found["HostConfig"]
        assert settings["NetworkMode"] == f"container:{source.id}"
        assert (settings["CapDrop"], settings["CapAdd"]) == (["ALL"], ["NET_RAW"])
        assert settings["ReadonlyRootfs"] is True
        assert settings["AutoRemove"] is True
        assert "no-new-privileges:true" in settings["SecurityOpt"]
        assert settings["LogConfig"]["Type"] == "none"
        assert not settings["Privileged"]
        assert found["Mounts"] == []
        assert found["Config"]["StdinOnce"] is True
        assert not found["HostConfig"]["Binds"]
        assert found["Config"]["Labels"][helpers.OWNER_LABEL] == helpers.owner()
        status = Path(f"/proc/{found['State']['Pid']}/status").read_text()
        assert int(status.partition("CapEff:")[2].split()[0], 16) == 0x2000
        assert vantages.used() == (f"{container.name} was asked through a helper container (netdoctor-lab/probe:1)",)
    assert not helpers_of(lab, source.id)


def test_a_helper_that_was_never_started_is_swept_once_its_owner_is_dead(lab: Any) -> None:
    source = lab.container("scratch", networks=[lab.network()])
    machine, boot, namespace, _, _ = helpers.owner().split("/")
    with subprocess.Popen(["true"]) as ended:
        ended.wait()

    def left_behind(owner: str, **more: str) -> str:
        labels = {helpers.OWNER_LABEL: owner, helpers.FOR_LABEL: source.id, **more}
        return str(lab.container("probe", labels=labels, start=False).id)

    dead = left_behind(f"{machine}/{boot}/{namespace}/{ended.pid}/1")
    alive = left_behind(helpers.owner())
    elsewhere = left_behind(f"other/other-boot/{namespace}/{ended.pid}/1")
    nonsense = left_behind("whatever")
    helpers.sweep(lab.engine)
    left = {entry["Id"] for entry in helpers_of(lab, source.id)}
    assert left == {alive, elsewhere, nonsense}
    assert dead not in left


def test_a_living_process_is_told_from_a_successor_with_its_pid() -> None:
    mine = helpers.owner()
    machine, boot, namespace, pid, started = mine.split("/")
    assert not helpers.is_dead(mine, running=False)
    assert helpers.is_dead("/".join([machine, boot, namespace, pid, str(int(started) + 1)]), running=True)
    assert helpers.is_dead("/".join([machine, "earlier-boot", namespace, pid, started]), running=False)
    assert not helpers.is_dead("/".join([machine, "earlier-boot", namespace, pid, started]), running=True)
    assert not helpers.is_dead("/".join([machine, boot, "1", pid, "1"]), running=False)
