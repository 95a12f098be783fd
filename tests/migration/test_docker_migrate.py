"""The story on a real engine: broken network, told and nothing written; joined, moved from inside the app's network."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit

from .lab import records, write_export

pytestmark = pytest.mark.docker


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Stack:
    app: str
    qdrant: str
    shared: str


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """An app on one network, Qdrant's stand-in alone on another."""
    tail = uuid.uuid4().hex[:8]
    app, qdrant, shared, alone = (f"mig-{what}-{tail}" for what in ("app", "qdrant", "shared", "alone"))
    try:
        docker("network", "create", shared)
        docker("network", "create", alone)
        docker("run", "-d", "--name", qdrant, "--network", alone, "netdoctor-lab/qdrant:1")
        url = f"QDRANT_URL=http://{qdrant}:6333"
        docker("run", "-d", "--name", app, "--network", shared, "-e", url, "netdoctor-lab/busybox:1", "sleep", "600")
        _until_ready(qdrant)
        yield Stack(app, qdrant, shared)
    finally:
        for name in (app, qdrant):
            subprocess.run(["docker", "rm", "-fv", name], capture_output=True, timeout=60, check=False)
        for name in (shared, alone):
            subprocess.run(["docker", "network", "rm", name], capture_output=True, timeout=60, check=False)


def test_the_story(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = write_export(tmp_path / "export.json", records(103, 1024))
    command = ["migrate", str(export), "--via", stack.app, "--to", stack.qdrant, "--strip-prefix", "user_"]
    assert run(command) == Exit.FINDINGS
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{stack.app} and {stack.qdrant} share no network" in err
    assert f"netdoctor check {stack.app} {stack.qdrant}" in err
    assert "ND10" in err  # the diagnosis, with its cause
    assert [path.name for path in tmp_path.iterdir()] == ["export.json"]

    docker("network", "connect", stack.shared, stack.qdrant)
    assert run([*command, "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["migrated"], told["transport"], told["via"]) == (True, 103, "gRPC", stack.app)
    assert told["target"] == f"http://{stack.qdrant}:6334"

    # The app's own setting names the target; REST this time, the points are there already.
    other = ["migrate", str(export), "--via", stack.app, "--transport", "rest", "--strip-prefix", "user_"]
    assert run([*other, "--ledger", str(tmp_path / "l"), "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["sent"], told["target_from"]) == (True, 0, f"QDRANT_URL of {stack.app}")

    assert run(["migrate", str(export), "--via", stack.app, "--to", f"{stack.qdrant}:7999"]) == Exit.FINDINGS
    assert "refused the connection" in capsys.readouterr().err
    assert run(["migrate", str(export), "--via", "no-such-app", "--to", stack.qdrant]) == Exit.USAGE
    assert "no-such-app" in capsys.readouterr().err


def test_with_fix_the_network_is_repaired_first_and_only_with_a_word(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["docker", "network", "disconnect", stack.shared, stack.qdrant], capture_output=True, check=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    export = write_export(tmp_path / "export.json", records(20, 8, seed=11))
    command = ["migrate", str(export), "--via", stack.app, "--to", stack.qdrant, "--collection", "fixed", "--fix"]
    assert run(command) == Exit.USAGE
    assert "--yes" in capsys.readouterr().err
    assert stack.shared not in docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", stack.qdrant)
    assert run([*command, "--yes", "--format", "json"]) == Exit.OK
    out, err = capsys.readouterr()
    assert json.loads(out)["migrated"] == 20
    assert "fixed" in err
    assert run(["undo", "--yes"]) in (Exit.OK, Exit.FINDINGS, Exit.USAGE)


def _until_ready(name: str) -> None:
    """The stand-in says when both its ports answer."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True, timeout=60, check=False)
        if "listening on" in logs.stdout + logs.stderr:
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} did not start in time")
