"""How fast the migration is, as ratios measured in one run on this machine.

``python tests/bench/bench_migration.py [--quick]``. Each line is netdoctor against a baseline that starts at a file:

- bare loop: bodies serialised beforehand, sent over the same transport, in the same batches, as many in flight;
- the incident's way: ``json.load``, 50 points a request through the client library, one at a time, waiting;
- reader alone: the export read record by record, nothing done with it.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netdoctor.migration import plan as planning
from netdoctor.migration.address import Address
from netdoctor.migration.batches import Limits, cut
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric, point_id
from netdoctor.migration.records import Record
from netdoctor.migration.run import Options, Result, migrate
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.wire import payload_entries
from netdoctor.vantage.host import HostVantage

SERVER = Path(__file__).parents[2] / "compose" / "images" / "qdrant" / "server.py"
IN_FLIGHT = 4
# Small exports are kept in memory between the passes; here the write reads the file, as the baselines do.
planning.KEEP = 0


@dataclass(frozen=True, slots=True)
class Case:
    points: int
    dimension: int
    incident_target: float

    @property
    def label(self) -> str:
        return f"{self.points:,} x {self.dimension}"


QUICK = (Case(1500, 1024, 4.0), Case(6000, 128, 2.0))
FULL = (Case(10_000, 1024, 4.0), Case(50_000, 128, 2.0))


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Address]:
    ports_file = folder / "ports.json"
    command = [sys.executable, str(SERVER), "--host", "127.0.0.1", "--rest-port", "0", "--grpc-port", "0"]
    command += ["--storage", str(folder / "storage"), "--ports-file", str(ports_file)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not ports_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the lab's server did not start")
            time.sleep(0.02)
        ports = json.loads(ports_file.read_text())
        yield Address("http", "127.0.0.1", "127.0.0.1", ports["rest"], ports["grpc"])
    finally:
        process.terminate()
        process.wait(20)


def write_export(path: Path, case: Case) -> None:
    chance = random.Random(case.dimension)
    with path.open("w") as file:
        for number in range(case.points):
            record = {
                "id": f"contact_{number}_{chance.getrandbits(32):x}",
                "values": [round(chance.gauss(0, 0.04), 9) for _ in range(case.dimension)],
                "metadata": {"name": f"Person {number}", "email": f"p{number}@a.org", "company": "ACME", "age": 42.0},
                "namespace": "user_bench",
            }
            file.write((",\n" if number else "[") + json.dumps(record))
        file.write("]")


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def in_flight(tasks: Iterator[Callable[[], None]], workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        waiting: set[Future[None]] = set()
        for task in tasks:
            waiting.add(pool.submit(task))
            if len(waiting) > workers:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        for future in waiting:
            future.result()


def serialise(export: Path, target: Target, bodies: Path) -> None:
    """The encoded points of each batch, in a file: count, then length and bytes of each."""
    layout = Layout(integers=frozenset({"age"}))
    records = (record for record in ExportJson(export).records() if isinstance(record, Record))
    with bodies.open("wb") as file:
        for batch in cut(records, str, Limits()):
            points = layout.points(batch.records)
            encoded = target.encode_all(points, [payload_entries(point.payload) for point in points])
            file.write(struct.pack("<I", len(encoded)))
            for body in encoded:
                file.write(struct.pack("<I", len(body)) + body)


def stored(bodies: Path) -> Iterator[list[bytes]]:
    with bodies.open("rb") as file:
        while head := file.read(4):
            yield [file.read(struct.unpack("<I", file.read(4))[0]) for _ in range(struct.unpack("<I", head)[0])]


def bare_loop(target: Target, name: str, bodies: Path) -> None:
    in_flight(((lambda body=body: target.upsert(name, body)) for body in stored(bodies)), IN_FLIGHT)


def incidents_way(address: Address, name: str, export: Path) -> None:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(url=address.url, check_compatibility=False, timeout=60)
    with export.open() as file:
        things = json.load(file)
    for start in range(0, len(things), 50):
        points = [
            models.PointStruct(
                id=point_id(thing["id"]),
                vector=thing["values"],
                payload={**thing["metadata"], "originalId": thing["id"]},
            )
            for thing in things[start : start + 50]
        ]
        client.upsert(name, points, wait=True)
    client.close()


def ours(export: Path, target: Target, folder: Path, name: str) -> Result:
    ledger = open_ledger(folder / f"{name}.ledger")
    try:
        options = Options(Layout(strip_prefix="user_bench", default_collection=name), in_flight=IN_FLIGHT)
        return migrate(ExportJson(export), target, ledger, options)
    finally:
        ledger.close()


def read_alone(export: Path) -> None:
    for _ in ExportJson(export).records():
        pass


def measure(case: Case, folder: Path, rounds: int, transport: Transport) -> None:
    export, bodies = folder / f"{case.dimension}.json", folder / f"{case.dimension}.{transport.value}"
    if not export.exists():
        write_export(export, case)
    megabytes = export.stat().st_size / 1e6
    home = folder / f"s{case.dimension}{transport.value}"
    home.mkdir()
    writes, bares, incidents, totals, verifies, plans = [], [], [], [], [], []
    with server(home) as address, open_server(address, vantage=None, transport=transport) as target:
        serialise(export, target, bodies)
        for turn in range(rounds):
            # Interleaved, so that a slow moment of the machine meets all of them.
            name = f"ours{turn}"
            total, result = timed(lambda name=name: ours(export, target, folder / home.name, name))
            if not result.good:
                raise SystemExit(f"the run was not verified: {result.verification.problems[:3]}")
            totals.append(total)
            writes.append(result.write_seconds)
            plans.append(result.plan.seconds)
            verifies.append(result.verification.seconds)
            target.create(f"bare{turn}", case.dimension, Metric.COSINE)
            bares.append(timed(lambda turn=turn: bare_loop(target, f"bare{turn}", bodies))[0])
            if transport is Transport.GRPC:
                target.create(f"incident{turn}", case.dimension, Metric.COSINE)
                incidents.append(timed(lambda turn=turn: incidents_way(address, f"incident{turn}", export))[0])
        reading = min(timed(lambda: read_alone(export))[0] for _ in range(2))
        with open_server(address, vantage=HostVantage(), transport=transport) as through:
            runs = (ours(export, through, folder / home.name, f"via{turn}") for turn in range(rounds))
            forwarded = min(run.write_seconds for run in runs)
    write = statistics.median(writes)
    print(f"\nmigration, {case.label} ({megabytes:.0f} MB), {transport.value}, {IN_FLIGHT} in flight, {rounds} rounds")
    line("write against the bare loop", statistics.median(bares) / write, 0.75, f"{case.points / write:,.0f}/s")
    if incidents:
        incident = statistics.median(incidents)
        speed = f"{case.points / incident:,.0f}/s"
        line("write against the incident's way", incident / write, case.incident_target, speed)
        line("plan, write and verify against it", incident / statistics.median(totals), None)
    line("reader alone", megabytes / reading, 300 if case.dimension >= 1024 else 200, unit=" MB/s")
    line("plan pass against the reader", reading / statistics.median(plans), None)
    line("verification in load times", statistics.median(verifies) / write, 0.75, less=True)
    line("through the forwarder against direct", min(writes) / forwarded, 0.95)


def line(
    what: str, value: float, wanted: float | None, note: str = "", *, unit: str = " x", less: bool = False
) -> None:
    sign = "<=" if less else ">="
    met = wanted is None or (value <= wanted if less else value >= wanted)
    goal = "" if wanted is None else f"{sign} {wanted:g}{unit}  {'ok' if met else 'NOT MET'}"
    print(f"  {what:<38} {value:8.2f}{unit:<6} {goal:<22} {note}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: under a minute")
    parser.add_argument("--rounds", type=int, help="default 3, with --quick 2")
    options = parser.parse_args()
    import qdrant_client.grpc  # noqa: F401  # its import is not what is measured

    with tempfile.TemporaryDirectory(prefix="netdoctor-bench-") as folder:
        for case in QUICK if options.quick else FULL:
            for transport in (Transport.GRPC, Transport.REST):
                measure(case, Path(folder), options.rounds or (2 if options.quick else 3), transport)


if __name__ == "__main__":
    main()
