"""What the migration's tests stand on: the lab's stand-in server on loopback, and exports made from a seed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netdoctor.migration.address import Address
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.run import Options, Result, migrate
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.interface import Target
from netdoctor.vantage.host import HostVantage

SERVER = Path(__file__).parents[2] / "compose" / "images" / "qdrant" / "server.py"
NAMESPACES = ("user_IFxPCgSA8NapEq5W8jh6yHrtJGJ2", "user_ScmVq6p8ubQ9JFbniF2Vg5ocmbv2")


@dataclass(frozen=True, slots=True)
class Server:
    """A running stand-in and its two ports on 127.0.0.1."""

    process: subprocess.Popen[bytes]
    rest: int
    grpc: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rest}"

    def address(self) -> Address:
        return Address("http", "127.0.0.1", "127.0.0.1", self.rest, self.grpc)


@contextmanager
def server(folder: Path, *, api_key: str = "", rest: int = 0, grpc: int = 0) -> Iterator[Server]:
    """Start one on ``folder``'s storage and wait (at most 20 s) until it answers."""
    ports_file = folder / f"ports-{time.monotonic_ns()}.json"
    command = [sys.executable, str(SERVER), "--host", "127.0.0.1", "--rest-port", str(rest), "--grpc-port", str(grpc)]
    command += ["--storage", str(folder / "storage"), "--ports-file", str(ports_file)]
    environment = {**os.environ, "QDRANT__SERVICE__API_KEY": api_key}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not ports_file.exists():
            assert process.poll() is None, "the stand-in ended at its start"
            assert time.monotonic() < deadline, "the stand-in did not start in time"
            time.sleep(0.02)
        ports = json.loads(ports_file.read_text())
        yield Server(process, ports["rest"], ports.get("grpc", 0))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def records(count: int = 103, dimension: int = 8, *, seed: int = 7) -> list[dict[str, Any]]:
    """The incident's shape: all but the last in one namespace."""
    chance = random.Random(seed)
    return [
        {
            "id": f"contact_{1764088271366 + number}_{chance.getrandbits(40):x}",
            "values": [chance.gauss(0, 0.3) for _ in range(dimension)],
            "metadata": {
                "name": f"Pérson {number}",
                "age": float(number % 90),
                "score": number + 0.5,
                "tags": ["a", "b"],
                "active": number % 2 == 0,
                "gone": None,
            },
            "namespace": NAMESPACES[number == count - 1],
        }
        for number in range(count)
    ]


def write_export(path: Path, things: Any) -> Path:
    path.write_text(json.dumps(things), "utf-8")
    return path


def via_host(running: Server, transport: Transport, **more: Any) -> Any:
    """The server, dialled by a vantage on loopback through the forwarder."""
    return open_server(running.address(), vantage=HostVantage(), transport=transport, **more)


def run_once(export: Path, target: Target, ledger: Path, options: Options | None = None, **more: Any) -> Result:
    opened = open_ledger(ledger)
    try:
        return migrate(ExportJson(export), target, opened, options or Options(), **more)
    finally:
        opened.close()


def everything(target: Target, name: str, ids: list[str]) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Vector bits and payload by id: what two runs must agree on."""
    found = target.retrieve(name, ids)
    return {key: (point.vector.tobytes(), dict(point.payload)) for key, point in found.items()}


Begin = Callable[..., Server]
