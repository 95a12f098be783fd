"""``watch --heal`` over many recreations and engine restarts, on an engine of its own: none is missed.

The whole size: ``make watch-endurance``, or NETDOCTOR_WATCH_RECREATIONS=100 NETDOCTOR_WATCH_RESTARTS=5.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .running import ROOT, environment, watching

RECREATIONS = int(os.environ.get("NETDOCTOR_WATCH_RECREATIONS", "5"))
RESTARTS = int(os.environ.get("NETDOCTOR_WATCH_RESTARTS", "1"))
IMAGE = "netdoctor-lab/busybox:1"
HEALS = "netdoctor_watch_heals_total"
SERVE = ["httpd", "-f", "-p", "8080", "-h", "/etc"]

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may start an engine"),
    pytest.mark.skipif(shutil.which("dockerd") is None, reason="there is no dockerd here"),
]


class PrivateEngine:
    """An engine of our own that may be restarted as often as we like."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/d.sock"
        self._script("ensure")

    def _script(self, verb: str) -> None:
        done = subprocess.run(
            [str(ROOT / "compose" / "engine.sh"), "--private", self.folder, verb],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def restart(self) -> None:
        pid = int(Path(self.folder, "state", "engine").read_text().split()[0])
        os.kill(pid, 15)
        deadline = time.monotonic() + 60
        while _runs(pid):
            assert time.monotonic() < deadline, "the engine did not end"
            time.sleep(0.05)
        self._script("ensure")

    def stop(self) -> None:
        self._script("stop")

    def docker(self, *words: str, stdin: int | None = None) -> str:
        done = subprocess.run(
            ["docker", "--host", self.host, *words],
            capture_output=True, text=True, timeout=120, check=False, stdin=stdin,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def private(lab) -> Iterator[PrivateEngine]:
    image = lab.image("busybox")
    with tempfile.TemporaryDirectory(prefix="ndwatch-") as folder:
        engine = PrivateEngine(f"{folder}/e")
        try:
            save = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
            assert save.stdout is not None
            engine.docker("load", stdin=save.stdout.fileno())
            save.stdout.close()
            assert save.wait(60) == 0
            yield engine
        finally:
            engine.stop()


def made(engine: PrivateEngine, name: str, network: str, *command: str, env: str = "A=b") -> str:
    """A container that comes back with its engine; its id."""
    words = ["run", "-d", "--name", name, "--network", network, "--restart", "always", "--stop-signal", "KILL"]
    return engine.docker(*words, "-e", env, IMAGE, *command)


def recreated(engine: PrivateEngine) -> str:
    engine.docker("rm", "-f", "ndwatch-app")
    return made(engine, "ndwatch-app", "ndwatch-one", "sleep", "36000", env="QDRANT_URL=http://ndwatch-qdrant:8080")


def healed(engine: PrivateEngine, container: str) -> bool:
    """On both networks, and it reaches the other side by its name: asked without netdoctor."""
    attached = json.loads(engine.docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", container))
    if set(attached) != {"ndwatch-one", "ndwatch-two"}:
        return False
    engine.docker("exec", container, "wget", "-q", "-O", "/dev/null", "http://ndwatch-qdrant:8080/hosts")
    return True


def netdoctor(engine: PrivateEngine, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netdoctor", *words, "--host", engine.host],
        capture_output=True, text=True, timeout=120, check=False, env=environment(NETDOCTOR_STATE_DIR=str(state)),
    )  # fmt: skip


def test_no_recreation_is_missed_whatever_becomes_of_the_engine(private, tmp_path, record_property):
    state = tmp_path / "state"
    for network in ("ndwatch-one", "ndwatch-two"):
        private.docker("network", "create", network)
    made(private, "ndwatch-qdrant", "ndwatch-two", *SERVE)
    recreated(private)
    fixed = netdoctor(private, state, "fix", "ndwatch-app", "ndwatch-qdrant:8080/hosts", "--yes", "--move", "source")
    assert fixed.returncode == 0, fixed

    words = ["--host", private.host, "--heal", "--retry", "1s", "--metrics", "127.0.0.1:0"]
    slowest = 0.0
    with watching(*words, env={"NETDOCTOR_STATE_DIR": str(state)}) as watch:
        watch.ready()
        restart_after = {round((each + 1) * RECREATIONS / (RESTARTS + 1)) for each in range(RESTARTS)}
        for number in range(1, RECREATIONS + 1):
            if number in restart_after:
                # Made anew as soon as the engine is there, most likely before the watch has found it again.
                private.restart()
            container = recreated(private)
            began = time.monotonic()
            watch.wait_for(lambda: watch.metric(HEALS) >= number, f"heal {number} to be confirmed", 120)  # noqa: B023
            slowest = max(slowest, time.monotonic() - began)
            assert healed(private, container)
        # Several at once: only the last one is there to be healed.
        container = [recreated(private) for _ in range(3)][-1]
        watch.wait_for(lambda: healed(private, container), "the last of a burst", 120)
        watch.wait_for(lambda: watch.metric(HEALS) > RECREATIONS, "the last heal to be confirmed")
        told = {
            "recreations": RECREATIONS,
            "restarts": RESTARTS,
            "heals": watch.metric(HEALS),
            "failed attempts": watch.metric("netdoctor_watch_heal_failures_total"),
            "stream breaks": watch.metric("netdoctor_watch_stream_breaks_total"),
            "slowest heal, s": round(slowest, 2),
            "peak memory, MB": round(watch.peak(), 1),
        }
        assert told["stream breaks"] >= RESTARTS
        assert told["peak memory, MB"] < 100
        assert watch.end() == 0
    record_property("watch", json.dumps(told))
    print(f"\n{json.dumps(told, indent=1)}")

    undone = netdoctor(private, state, "undo", "--yes")
    assert undone.returncode == 0, undone
    assert private.docker("inspect", "-f", "{{len .NetworkSettings.Networks}}", "ndwatch-app") == "1"
    assert private.docker("ps", "-aq", "--filter", "label=netdoctor.for") == ""
