"""The command line, in this process and in a child, and an engine that needs no Docker."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from fake_engine import Script, fake_engine
from topology.inspects import SHAPES, stack

from netdoctor.cli.main import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


def settings(**more: str) -> dict[str, str]:
    """An environment with none of the caller's own settings."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NETDOCTOR_", "DOCKER_")) and k != "NO_COLOR"}
    return {**kept, "PYTHONPATH": str(ROOT), "DOCKER_CONFIG": "/nonexistent", **more}


def netdoctor(*words: str, env: dict[str, str] | None = None) -> Ended:
    """``netdoctor WORDS`` in this process: what it prints, and its exit status."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, settings(**(env or {})), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = run([*words])
    return _judged(Ended(int(status), out.getvalue(), err.getvalue()))


def in_a_child(*words: str, env: dict[str, str] | None = None, before: tuple[str, ...] = (), **how) -> Ended:
    """The same in a process of its own, every warning an error."""
    argv = [*before, sys.executable, "-m", "netdoctor", *words]
    environment = settings(PYTHONWARNINGS="error", **(env or {}))
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False, env=environment, **how)
    return _judged(Ended(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")))


def _judged(ended: Ended) -> Ended:
    assert "Traceback" not in ended.err + ended.out, ended
    assert "Warning" not in ended.err, ended
    assert ended.status in (0, 1, 2, 3, 130), ended
    return ended


@pytest.fixture
def script() -> Script:
    """What the engine of this test holds: the stack of ``topology/inspects.py``, as engine 20.10 tells it."""
    containers, networks = stack(SHAPES[0])
    return Script(containers, networks)


@pytest.fixture
def host(tmp_path, script) -> Iterator[str]:
    """Its address."""
    with fake_engine(tmp_path / "engine.sock", script) as url:
        yield url
