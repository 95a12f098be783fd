"""The lab's Qdrant stand-in as a process on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "compose" / "images" / "qdrant" / "server.py"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in: its process and its two ports on 127.0.0.1."""

    process: subprocess.Popen[bytes]
    rest: int
    grpc: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rest}"


def start(storage: Path, ports_file: Path, **environment: str) -> StandIn:
    """Start one and wait (at most 20 s) until both ports answer."""
    ports_file.unlink(missing_ok=True)
    command = [sys.executable, str(SERVER), "--host", "127.0.0.1", "--rest-port", "0", "--grpc-port", "0"]
    command += ["--storage", str(storage), "--ports-file", str(ports_file)]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while not ports_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            _, errors = process.communicate()
            raise AssertionError(f"the stand-in did not start: {errors.decode()}")
        time.sleep(0.02)
    ports = json.loads(ports_file.read_text())
    return StandIn(process, ports["rest"], ports["grpc"])


def end(standin: StandIn) -> int:
    """Stop it as an engine would; its exit status."""
    standin.process.terminate()
    standin.process.communicate(timeout=10)
    return standin.process.returncode


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One server for a whole test module; tests use collections of their own."""
    folder = tmp_path_factory.mktemp("standin")
    running = start(folder / "storage", folder / "ports.json")
    try:
        yield running
    finally:
        end(running)


@pytest.fixture
def start_standin(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    """A function that starts servers on this test's own storage folder; all are ended afterwards."""
    started: list[StandIn] = []

    def begin(**environment: str) -> StandIn:
        running = start(tmp_path / "storage", tmp_path / "ports.json", **environment)
        started.append(running)
        return running

    try:
        yield begin
    finally:
        for running in started:
            if running.process.poll() is None:
                end(running)
