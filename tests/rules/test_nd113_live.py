"""A real macvlan: host and container do not meet there, a bridge besides lets them, and undo parts them again.

The engine has a network namespace of its own, in which the parent interface lies; netdoctor stands in there too, as it
would on the machine itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "compose" / "engine.sh"
PARENT, HERE, SCRATCH, BUSYBOX = "10.77.0.1", "10.77.0.5", "netdoctor-lab/scratch:1", "netdoctor-lab/busybox:1"


def run(*words: str, check: bool = True, data: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(list(words), input=data, capture_output=True, timeout=120, check=False, **more)
    assert not check or done.returncode == 0, (words, done.stderr.decode())
    return done


def kernel_has_macvlan() -> bool:
    tried = "ip link add p0 type veth peer name p1 && ip link add link p0 name m0 type macvlan mode bridge"
    return run("unshare", "-n", "sh", "-c", tried, check=False).returncode == 0


pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))) or not kernel_has_macvlan(),
        reason="a macvlan takes root, ip, nsenter and a kernel that has it",
    ),
]


class Machine:
    """An engine with its own network, an interface ``p0`` and a macvlan ``lan`` on it; ``app`` and ``web`` on that."""

    def __init__(self, images: bytes) -> None:
        self.folder = tempfile.mkdtemp(prefix="ndm-", dir="/tmp")  # a socket's path must be short
        self.host = run(str(ENGINE), "--private", self.folder, "ensure").stdout.decode().strip()
        self.docker("load", data=images)
        self.inside("ip", "link", "add", "p0", "type", "veth", "peer", "name", "p1")
        for name in ("p0", "p1"):
            self.inside("ip", "link", "set", name, "up")
        self.inside("ip", "addr", "add", f"{PARENT}/24", "dev", "p0")
        self.docker("network", "create", "-d", "macvlan", "-o", "parent=p0", "--subnet", "10.77.0.0/24", "lan")
        self.docker("run", "-d", "--name", "app", "--network", "lan", "--ip", HERE, SCRATCH)
        self.docker("run", "-d", "--name", "web", "--network", "lan", "--ip", "10.77.0.6", BUSYBOX, "sleep", "86400")

    def inside(self, *words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        pid = Path(self.folder, "state", "engine").read_text().split()[0]
        return run("nsenter", "-t", pid, "-n", *words, **more)

    def docker(self, *words: str, data: bytes = b"") -> str:
        return run("docker", "-H", self.host, *words, data=data).stdout.decode().strip()

    def netdoctor(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        environment = {**os.environ, "DOCKER_HOST": self.host, "NETDOCTOR_STATE_DIR": f"{self.folder}/journal"}
        # Nobody answers, and the kernel takes three seconds to say so.
        words = (*words, "--timeout", "1.5")
        return self.inside(sys.executable, "-m", "netdoctor", *words, check=False, env=environment, cwd=ROOT)

    def found(self, *words: str) -> tuple[int, list[tuple[str, str]]]:
        done = self.netdoctor("check", *words, "--format", "json")
        report = json.loads(done.stdout)
        return done.returncode, [(each["code"], each["confidence"]) for each in report["findings"]]

    def stop(self) -> None:
        left = self.docker("ps", "-aq").split()
        if left:
            self.docker("rm", "-f", *left)
        run(str(ENGINE), "--private", self.folder, "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def machine(module_lab: Any) -> Iterator[Machine]:
    for name in ("scratch", "busybox"):
        module_lab.image(name)
    made = Machine(run("docker", "save", SCRATCH, BUSYBOX).stdout)
    try:
        yield made
    finally:
        made.stop()


def test_the_host_and_its_macvlan_container_do_not_meet_until_there_is_a_bridge(machine: Machine) -> None:
    assert machine.found("host", "app:8080") == (1, [("ND113", "certain")])
    assert machine.found("web", f"http://{PARENT}:8080/") == (1, [("ND113", "certain")])
    machine.docker("network", "connect", "bridge", "web")
    assert machine.found("web", f"http://{PARENT}:8080/") == (1, [("ND113", "certain")])
    assert machine.found("web", "app:8080") == (0, [])
    fixed = machine.netdoctor("fix", "host", "app:8080", "--yes")
    assert fixed.returncode == 0, (fixed.stdout.decode(), fixed.stderr.decode())
    assert machine.found("host", "app:8080") == (0, [])
    assert machine.found("web", "app:8080") == (0, [])
    undone = machine.netdoctor("undo", "--yes")
    assert undone.returncode == 0, undone.stderr.decode()
    assert machine.found("host", "app:8080") == (1, [("ND113", "certain")])
