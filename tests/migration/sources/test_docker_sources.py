"""Every source into a Qdrant that only the app's network reaches; another Qdrant is read from inside it as well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from migration.lab import records
from netdoctor.cli.main import run
from netdoctor.exits import Exit

from .files import KINDS, write

pytestmark = pytest.mark.docker


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Stack:
    app: str
    new: str
    old: str


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    tail = uuid.uuid4().hex[:8]
    app, new, old, network = (f"ndsrc-{what}-{tail}" for what in ("app", "new", "old", "net"))
    try:
        docker("network", "create", network)
        for name in (new, old):
            docker("run", "-d", "--name", name, "--network", network, "netdoctor-lab/qdrant:1")
        docker("run", "-d", "--name", app, "--network", network, "netdoctor-lab/busybox:1", "sleep", "600")
        for name in (new, old):
            _until_ready(name)
        yield Stack(app, new, old)
    finally:
        for name in (app, new, old):
            subprocess.run(["docker", "rm", "-fv", name], capture_output=True, timeout=60, check=False)
        subprocess.run(["docker", "network", "rm", network], capture_output=True, timeout=60, check=False)


def _until_ready(name: str) -> None:
    deadline = time.monotonic() + 30
    while "listening on" not in docker("logs", name) + _errors(name):
        assert time.monotonic() < deadline, f"{name} did not start in time"
        time.sleep(0.1)


def _errors(name: str) -> str:
    return subprocess.run(["docker", "logs", name], capture_output=True, text=True, timeout=60, check=False).stderr


@pytest.mark.parametrize("kind", ["json-lines gzip", "parquet", "folder"])
def test_a_file_goes_through_the_apps_network(
    kind: str, stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kind in KINDS
    things = records(103, 16)
    for thing in things:
        thing["namespace"] = f"user_{kind.split()[0]}{thing['namespace'][-3:]}"
    path = write(kind, tmp_path, things)
    command = ["migrate", str(path), "--via", stack.app, "--to", stack.new, "--strip-prefix", "user_"]
    assert run([*command, "--format", "json", "-q"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["migrated"], told["via"]) == (True, 103, stack.app)


def test_another_qdrant_is_read_from_inside_killed_and_resumed(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    things = records(400, 16)
    for thing in things:
        thing["namespace"] = "docs"
    path = write("json-lines", tmp_path, things)
    assert run(["migrate", str(path), "--via", stack.app, "--to", stack.old, "-q"]) == Exit.OK
    capsys.readouterr()
    words = ["migrate", f"qdrant://{stack.old}/docs", "--source-via", stack.app, "--via", stack.app, "--to", stack.new]
    command = [*words, "--id-field", "oldId", "--batch-size", "20", "--in-flight", "1", "--request-timeout", "1"]
    command += ["--ledger", str(tmp_path / "ledger")]
    child = subprocess.Popen(
        [sys.executable, "-m", "netdoctor", *command],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert child.stderr is not None
    with child.stderr as progress:
        for line in progress:
            if "Batch 3/" in line:
                child.send_signal(signal.SIGKILL)
                break
        progress.read()
    assert child.wait(30) == -signal.SIGKILL
    assert run([*command, "--format", "json", "-q"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["migrated"], told["via"]) == (True, 400, stack.app)
