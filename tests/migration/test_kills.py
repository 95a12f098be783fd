"""SIGKILL at each named point once, and at seeded moments between the first and the last acknowledgement.

After the next start everything is there once, indexing is as it was, and the target is as after one run.
``NETDOCTOR_KILLS=100`` (``make kills``) tries so many moments instead of a few.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from netdoctor.migration.batches import Limits
from netdoctor.migration.points import Layout, point_id
from netdoctor.migration.run import Options
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Target

from .lab import Server, everything, records, run_once, via_host, write_export

MOMENTS = int(os.environ.get("NETDOCTOR_KILLS", "5"))
COUNT = 600
POINTS = {
    "before the intent to create": ("netdoctor.migration.ledger:Ledger.set_origin", "before", 1),
    "after the intent to create": ("netdoctor.migration.ledger:Ledger.set_origin", "after", 1),
    "after the creation, before the ledger knows": ("netdoctor.migration.targets.rest:RestTarget.create", "after", 1),
    "after the ledger knows of the creation": ("netdoctor.migration.ledger:Ledger.set_origin", "after", 2),
    "after the index of the tenants": ("netdoctor.migration.targets.rest:RestTarget.index", "after", 1),
    "after the threshold is in the ledger": ("netdoctor.migration.ledger:Ledger.set_deferred", "after", 1),
    "after indexing is put off": ("netdoctor.migration.targets.rest:RestTarget.set_indexing_threshold", "after", 1),
    "before the first write": ("netdoctor.migration.targets.rest:RestTarget.upsert", "before", 1),
    "after a write, before the ledger knows": ("netdoctor.migration.targets.rest:RestTarget.upsert", "after", 20),
    "after a batch is done in the ledger": ("netdoctor.migration.ledger:Ledger.mark_done", "after", 20),
    "after the last batch, before the last checkpoint": ("netdoctor.migration.ledger:Ledger.mark_done", "after", 60),
    "before the last checkpoint": ("netdoctor.migration.tracked:Tracker.save", "before", 1),
    "after the last checkpoint": ("netdoctor.migration.tracked:Tracker.save", "after", 1),
    "before indexing is put back": ("netdoctor.migration.run:restore", "before", 1),
    "after indexing is put back, before the ledger knows": (
        "netdoctor.migration.targets.rest:RestTarget.set_indexing_threshold", "after", 2
    ),
    "before the verification": ("netdoctor.migration.run:prove", "before", 1),
    "after the verification": ("netdoctor.migration.run:prove", "after", 1),
}  # fmt: skip
CHILD = """
import importlib, os, signal, sys, threading, time
from pathlib import Path
from netdoctor.migration import deferral
from netdoctor.migration.address import Address
from netdoctor.migration.batches import Limits
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout
from netdoctor.migration.run import Options, migrate
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport, open_server

rest, grpc, export, ledger, name, place, side, number, delay = sys.argv[1:]
deferral.WORTH = 0.0
module, _, path = place.partition(":")
home = importlib.import_module(module)
*outer, last = path.split(".")
for each in outer:
    home = getattr(home, each)
real, left, lock = getattr(home, last), [int(number)], threading.Lock()

def die():
    if float(delay):
        threading.Timer(float(delay), os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)

def counted(*arguments, **more):
    with lock:
        left[0] -= 1
        now = left[0] == 0
    if now and side == "before":
        die()
    result = real(*arguments, **more)
    if now and side == "after":
        die()
    return result

setattr(home, last, counted)
address = Address("http", "127.0.0.1", "127.0.0.1", int(rest), int(grpc))
kind = Transport.GRPC if "grpc" in place else Transport.REST
with open_server(address, vantage=None, transport=kind) as target:
    options = Options(Layout(collection=name), Limits(points=10), in_flight=3, request_timeout=0.2, target_name="t")
    migrate(ExportJson(Path(export)), target, open_ledger(Path(ledger)), options)
time.sleep(float(delay) * 2)
"""


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_export(tmp_path_factory.mktemp("kills") / "e.json", records(COUNT, 16))


@pytest.fixture(scope="module")
def whole(qdrant: Server, export: Path) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """What one run makes."""
    with via_host(qdrant, Transport.REST) as target:
        assert run_once(export, target, export.with_suffix(".ledger"), _options("killswhole")).good
        return _held(target, "killswhole")


def _options(name: str) -> Options:
    return Options(Layout(collection=name), Limits(points=10), in_flight=3, request_timeout=0.2, target_name="t")


def _held(target: Target, name: str) -> dict[str, tuple[bytes, dict[str, Any]]]:
    page = target.scroll(name, COUNT + 10)
    return everything(target, name, [point.id for point in page.points])


def kill(qdrant: Server, export: Path, ledger: Path, name: str, place: tuple[str, str, int], delay: float) -> int:
    arguments = [
        str(qdrant.rest),
        str(qdrant.grpc),
        str(export),
        str(ledger),
        name,
        place[0],
        place[1],
        str(place[2]),
        str(delay),
    ]
    with tempfile.TemporaryDirectory() as short:
        child = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments],
            capture_output=True, timeout=60, check=False, env={**os.environ, "TMPDIR": short},
        )  # fmt: skip
    assert child.returncode in (-signal.SIGKILL, 0), child.stderr.decode()
    return child.returncode


def as_one_run(qdrant: Server, export: Path, ledger: Path, name: str, whole: dict[str, Any]) -> None:
    with via_host(qdrant, Transport.REST) as target:
        result = run_once(export, target, ledger, _options(name))
        assert result.good, result.verification
        assert target.count(name) == COUNT
        assert _held(target, name) == whole
        state, untouched = target.collection(name), target.collection("killswhole")
        assert state is not None and untouched is not None
        assert state.indexing_threshold == untouched.indexing_threshold


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point(
    qdrant: Server, export: Path, whole: dict[str, Any], tmp_path: Path, own: str, point: str
) -> None:
    assert kill(qdrant, export, tmp_path / "l", own, POINTS[point], 0.0) == -signal.SIGKILL
    as_one_run(qdrant, export, tmp_path / "l", own, whole)


@pytest.mark.parametrize("seed", range(MOMENTS))
def test_killed_at_any_moment_once_or_twice(
    qdrant: Server, export: Path, whole: dict[str, Any], tmp_path: Path, own: str, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 2))):
        number = chance.randrange(1, COUNT // 10)
        module = ("rest:RestTarget", "grpc_channel:GrpcTarget")[seed % 2]
        place = (f"netdoctor.migration.targets.{module}.upsert", "after", number)
        kill(qdrant, export, tmp_path / "l", own, place, chance.random() * 0.03)
    as_one_run(qdrant, export, tmp_path / "l", own, whole)


def test_ids_of_the_whole_are_those_of_the_rule(whole: dict[str, Any], export: Path) -> None:
    assert len(whole) == COUNT
    assert point_id("x") not in whole
