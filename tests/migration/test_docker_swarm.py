"""The emitted script on a one-node swarm of an engine of its own: four workers, one of them killed, all verified.

The image is the lab's Python; this machine's interpreter, packages and sources are mounted into it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .lab import records, write_export

ROOT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("NETDOCTOR_SWARM_RECORDS", "60000"))
IMAGES = ("netdoctor-lab/python:1", "netdoctor-lab/qdrant:1")
pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare"),
]


class Swarm:
    """An engine of its own, in swarm mode, with the lab's images."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/d.sock", "NETDOCTOR_NO_INSTALL": "1"}
        default = {key: value for key, value in os.environ.items() if key != "DOCKER_CONTEXT"}
        self.engine("ensure")
        try:
            self.docker("swarm", "init", "--advertise-addr", "127.0.0.1")
            save = subprocess.Popen(["docker", "save", *IMAGES], stdout=subprocess.PIPE, env=default)
            assert save.stdout is not None
            with save.stdout:
                subprocess.run(
                    ["docker", "load"],
                    stdin=save.stdout,
                    env=self.environment,
                    check=True,
                    capture_output=True,
                    timeout=120,
                )
            assert save.wait(60) == 0
        except BaseException:
            self.engine("stop")
            raise

    def engine(self, verb: str) -> None:
        script = str(ROOT / "compose" / "engine.sh")
        done = subprocess.run(
            [script, "--private", self.folder, verb], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr

    def docker(self, *words: str) -> str:
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=60, check=False, env=self.environment
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def tasks(self, service: str) -> list[dict[str, Any]]:
        ids = self.docker("service", "ps", "-q", service).split()
        return json.loads(self.docker("inspect", *ids)) if ids else []


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    with tempfile.TemporaryDirectory(prefix="ndswarm", dir="/tmp") as folder:
        made = Swarm(folder)
        try:
            yield made
        finally:
            made.engine("stop")


def until(what: str, look: Callable[[], Any], seconds: float = 300) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"in vain: {what}")


def with_netdoctor(script: str) -> str:
    """The lab's image has no netdoctor: this machine's is mounted, and called."""
    places = dict.fromkeys(["/usr", sys.prefix, sys.base_prefix, str(ROOT)])
    mounts = " ".join(f"--mount type=bind,source={each},target={each},readonly" for each in places)
    program = f"--workdir {ROOT} --entrypoint '{sys.executable} -m netdoctor'"
    assert script.count("docker service create") == 2
    return script.replace("docker service create", f"docker service create {mounts} {program}")


def test_four_workers_of_a_swarm_of_which_one_is_killed(swarm: Swarm, tmp_path: Path) -> None:
    shared = Path(swarm.folder) / "shared"
    shared.mkdir()
    export = write_export(shared / "export.json", records(COUNT, 32))
    program = [sys.executable, "-m", "netdoctor", "migrate", str(export), "--plan", str(shared / "plan.json")]
    subprocess.run([*program, "--dry-run", "--strip-prefix", "user_", "--batch-size", "50"], check=True, timeout=60)
    swarm.docker("network", "create", "--driver", "overlay", "app")
    swarm.docker(
        *("service", "create", "--detach", "--no-resolve-image", "--name", "qdrant", "--network", "app"),
        *("--endpoint-mode", "dnsrr"),  # not every kernel has what a virtual address needs
        "netdoctor-lab/qdrant:1",
    )
    asked = ["--to", "http://qdrant:6333", "--emit", "swarm-job", "--image", "netdoctor-lab/python:1"]
    emitted = subprocess.run(
        [*program, *asked, "--workers", "4", "--network", "app", "--in-flight", "1", "--request-timeout", "3"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    script = with_netdoctor(emitted.stdout)
    subprocess.run(["sh"], input=script, text=True, check=True, env=swarm.environment, timeout=120, capture_output=True)
    coordinator, workers = (
        next(name for name in swarm.docker("service", "ls", "--format", "{{.Name}}").split() if name.endswith(tail))
        for tail in ("-coordinator", "-workers")
    )

    def writing() -> str:
        """The container of a worker that has written something and is not at its end."""
        for task in swarm.tasks(workers):
            ledger = shared / f"plan.json.{(task.get('Slot') or 0) + 1}-of-4.sqlite-wal"
            container = task["Status"].get("ContainerStatus", {}).get("ContainerID", "")
            if (
                task["Status"]["State"] == "running"
                and container
                and ledger.exists()
                and ledger.stat().st_size > 30_000
            ):
                return str(container)
        return ""

    victim = until("a worker that writes", writing)
    swarm.docker("kill", victim)
    end = until(
        "the coordinator's end",
        lambda: [t for t in swarm.tasks(coordinator) if t["Status"]["State"] in ("complete", "failed", "rejected")],
    )
    logs = swarm.docker("service", "logs", "--raw", coordinator)
    assert end[0]["Status"]["State"] == "complete", logs
    assert f"OK: {COUNT} of {COUNT} vectors are in Qdrant, verified." in logs

    def states() -> list[str]:
        return sorted(task["Status"]["State"] for task in swarm.tasks(workers))

    # Killed after its last word, a worker is done for the coordinator, and its successor has yet to see that.
    until("the successor's end", lambda: set(states()) <= {"complete", "failed"} and len(states()) >= 5)
    assert states() == ["complete"] * 4 + ["failed"]
    swarm.docker("service", "rm", coordinator, workers)
