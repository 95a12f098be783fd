"""How fast the migration is, as ratios measured in one run on this machine.

``python tests/bench/bench_migration.py [--quick | --points N --dimension D]``. Each line is netdoctor against a
baseline that starts at a file, all of one run, interleaved; medians of several rounds:

- bare loop: bodies serialised beforehand, sent over the same transport, in the same batches, as many in flight;
- the incident's way: ``json.load``, 50 points a request through the client library, one at a time, waiting;
- ``upload_points`` of the client library, with 1, 2 and 4 processes (the best counts), fed by our reader;
- reader alone: the export read record by record, nothing done with it, with the fast parser and with the fallback;
- acknowledged: the whole write, against a server that reads the requests and only says yes.

Where a multiple asks for more than the server can take (the bare loop), 0.75 of that is asked for.
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

from netdoctor.migration import fast, json_records
from netdoctor.migration import plan as planning
from netdoctor.migration import run as running
from netdoctor.migration.address import Address
from netdoctor.migration.batches import Limits, cut
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.pages import keep_pages
from netdoctor.migration.points import Layout, Metric, point_id
from netdoctor.migration.records import Record
from netdoctor.migration.run import Options, Result, migrate
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.grpc_channel import GrpcTarget
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.targets.rest import RestTarget
from netdoctor.migration.verify import Verification
from netdoctor.migration.wire import payload_entries
from netdoctor.vantage.host import HostVantage

HERE = Path(__file__).parent
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


@contextlib.contextmanager
def yes_server(transport: Transport) -> Iterator[Target]:
    """Writes to it are read, and acknowledged."""
    command = [sys.executable, str(HERE / "yes_server.py"), transport.value]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        target: Target
        if transport is Transport.GRPC:
            target = GrpcTarget(f"127.0.0.1:{port}", authority=f"127.0.0.1:{port}")
        else:
            target = RestTarget(f"http://127.0.0.1:{port}")
        try:
            yield target
        finally:
            target.close()
            process.terminate()


def write_export(path: Path, case: Case) -> None:
    chance = random.Random(case.dimension)
    # Making numbers takes longer than migrating them: large exports repeat all but the first ones of a vector.
    pool = [
        ", ".join(f"{chance.gauss(0, 0.04):.9f}" for _ in range(case.dimension - 2))
        for _ in range(min(case.points, 4000))
    ]
    with path.open("w") as file:
        for number in range(case.points):
            own = f"{chance.gauss(0, 0.04):.9f}, {chance.gauss(0, 0.04):.9f}"
            head = json.dumps({"id": f"contact_{number}_{chance.getrandbits(32):x}"})[:-1]
            metadata = {"name": f"Person {number}", "email": f"p{number}@a.org", "company": "ACME", "age": 42.0}
            tail = json.dumps({"metadata": metadata, "namespace": "user_bench"})[1:]
            start = ",\n" if number else "["
            file.write(f'{start}{head}, "values": [{own}, {pool[number % len(pool)]}], {tail}')
        file.write("]")


def worked(action: Callable[[], Any]) -> float:
    """Seconds of the processor: what one thread does is told better by them where others are busy, too."""
    gc.collect()
    began = time.process_time()
    action()
    return time.process_time() - began


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


def read_by_fallback(export: Path) -> None:
    """As where the fastest parser is not installed."""

    def absent() -> Any:
        raise ImportError

    fastest, many = fast._simdjson, json_records.fast_many
    fast._simdjson, json_records.fast_many = absent, lambda: None  # type: ignore[assignment]
    try:
        read_alone(export)
    finally:
        fast._simdjson, json_records.fast_many = fastest, many


def upload_points(address: Address, name: str, export: Path, parallel: int, transport: Transport) -> None:
    """The client library's own way to load much, fed by our reader."""
    from qdrant_client import QdrantClient, models

    grpc = transport is Transport.GRPC
    client = QdrantClient(
        url=address.url, grpc_port=address.grpc or 6334, prefer_grpc=grpc, check_compatibility=False, timeout=60
    )
    points = (
        models.PointStruct(
            id=point_id(record.id), vector=record.values.tolist(), payload={**record.metadata, "originalId": record.id}
        )
        for record in ExportJson(export).records()
        if isinstance(record, Record)
    )
    client.upload_points(name, points, batch_size=256, parallel=parallel, wait=True)
    client.close()


class Acknowledged:
    """A target whose writes go to a server that only says yes; all the rest is the real one's."""

    def __init__(self, target: Target, yes: Target) -> None:
        self._target = target
        self.upsert = yes.upsert

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


def acknowledged(export: Path, target: Target, folder: Path, name: str, transport: Transport) -> float:
    """Seconds of the whole write against a server that only says yes. Not verified: nothing is there."""
    proof = running.prove
    running.prove = lambda plan, *_: Verification((), 0, 0, (), 0.0)  # type: ignore[assignment]
    try:
        with yes_server(transport) as yes:
            wrapped: Any = Acknowledged(target, yes)
            return ours(export, wrapped, folder, name).write_seconds
    finally:
        running.prove = proof


def measure(case: Case, folder: Path, rounds: int, transport: Transport) -> None:
    export, bodies = folder / f"{case.dimension}.json", folder / f"{case.dimension}.{transport.value}"
    if not export.exists():
        write_export(export, case)
    megabytes = export.stat().st_size / 1e6
    home = folder / f"s{case.dimension}{transport.value}"
    home.mkdir()
    writes, bares, incidents, totals, verifies, plans, acks = [], [], [], [], [], [], []
    uploads: dict[int, list[float]] = {}
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
            acks.append(acknowledged(export, target, folder / home.name, f"yes{turn}", transport))
            for parallel in (1, 2, 4):
                name = f"upload{turn}x{parallel}"
                target.create(name, case.dimension, Metric.COSINE)
                uploads.setdefault(parallel, []).append(
                    timed(lambda n=name, p=parallel: upload_points(address, n, export, p, transport))[0]
                )
                target.drop(name)
        alone = min(timed(lambda: read_alone(export))[0] for _ in range(3))
        reading = min(worked(lambda: read_alone(export)) for _ in range(3))
        fallback = min(worked(lambda: read_by_fallback(export)) for _ in range(3))
        with open_server(address, vantage=HostVantage(), transport=transport) as through:
            runs = (ours(export, through, folder / home.name, f"via{turn}") for turn in range(rounds))
            forwarded = min(run.write_seconds for run in runs)
    write = statistics.median(writes)
    print(f"\nmigration, {case.label} ({megabytes:.0f} MB), {transport.value}, {IN_FLIGHT} in flight, {rounds} rounds")
    bare = statistics.median(bares)
    line("write against the bare loop", bare / write, 0.75, f"{case.points / write:,.0f}/s")
    if incidents:
        incident = statistics.median(incidents)
        speed = f"{case.points / incident:,.0f}/s"
        line("write against the incident's way", incident / write, within(case.incident_target, incident / bare), speed)
        line("plan, write and verify against it", incident / statistics.median(totals), None)
    parallel, upload = min(((n, statistics.median(each)) for n, each in uploads.items()), key=lambda pair: pair[1])
    least = within(1.5 if case.dimension >= 1024 else 1.1, upload / bare)
    line("write against upload_points", upload / write, least, f"its best: {parallel} processes")
    line("acknowledged, against the reader alone", alone / statistics.median(acks), 0.5)
    line("reader alone, by processor time", megabytes / reading, 300 if case.dimension >= 1024 else 200, unit=" MB/s")
    line("the same, fallback parser", megabytes / fallback, 120, unit=" MB/s")
    line("plan pass against the reader", alone / statistics.median(plans), None)
    line("verification in load times", statistics.median(verifies) / write, 0.75, less=True)
    line("through a vantage against direct", min(writes) / forwarded, 0.95)


def within(multiple: float, ceiling: float) -> float:
    """What is asked for, where the server's own ceiling may be lower than the multiple."""
    return multiple if multiple <= ceiling else 0.75 * ceiling


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
    parser.add_argument("--points", type=int, help="of one case alone")
    parser.add_argument("--dimension", type=int, default=1024)
    options = parser.parse_args()
    cases = QUICK if options.quick else FULL
    if options.points:
        cases = (Case(options.points, options.dimension, 4.0 if options.dimension >= 1024 else 2.0),)
    import qdrant_client.grpc  # noqa: F401  # its import is not what is measured

    keep_pages()  # as the command does; the baselines have it as well

    with tempfile.TemporaryDirectory(prefix="netdoctor-bench-") as folder:
        for case in cases:
            for transport in (Transport.GRPC, Transport.REST):
                measure(case, Path(folder), options.rounds or (2 if options.quick else 3), transport)


if __name__ == "__main__":
    main()
