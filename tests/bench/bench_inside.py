"""What does it cost to migrate through a container's own network?

    python tests/bench/bench_inside.py [--points 10000] [--rounds 5] [--transport rest]

The lab's server and an app stand on one network of their own. The same export goes to the server's address directly
from this machine, and from inside the app's network namespace, in turns; the ratio is of the medians of the write.
The processor's time is that of this process and of those it starts, from opening the target to closing it.
Needs root, a running engine and the lab's images (make images). An engine with a network namespace of its own has its
containers' addresses there: run this in it as well (nsenter --net --target PID-OF-DOCKERD).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_migration import Case, line, ours, write_export

from netdoctor.engine.client import open_engine
from netdoctor.engine.hosts import resolve_host
from netdoctor.migration.address import Address
from netdoctor.migration.pages import keep_pages
from netdoctor.migration.target import Transport, open_server
from netdoctor.migration.targets.interface import TargetUnreachable
from netdoctor.topology.engine import read_topology
from netdoctor.vantage.choose import Vantages


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=120).stdout.strip()


@contextmanager
def app_and_server() -> Iterator[tuple[str, str]]:
    """The app's name and the server's address."""
    mark = f"bench-inside-{uuid.uuid4().hex[:8]}"
    app, server = f"{mark}-app", f"{mark}-qdrant"
    try:
        docker("network", "create", mark)
        docker("run", "-d", "--name", server, "--network", mark, "netdoctor-lab/qdrant:1")
        docker("run", "-d", "--name", app, "--network", mark, "netdoctor-lab/busybox:1", "sleep", "3600")
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        yield app, docker("inspect", "--format", form, server)
    finally:
        for words in (("rm", "-f", "-v", app, server), ("network", "rm", mark)):
            subprocess.run(["docker", *words], capture_output=True, check=False, timeout=120)


def until_ready(address: Address) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with open_server(address, vantage=None, transport=Transport.REST):
                return
        except TargetUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def measure(case: Case, rounds: int, transport: Transport, folder: Path) -> None:
    export = folder / "export.json"
    if not export.exists():
        write_export(export, case)
    with app_and_server() as (app, ip), open_engine(resolve_host()) as engine:
        topology = read_topology(engine)
        ref = next(each.ref for each in topology.containers if each.name == app)
        address = Address("http", ip, ip, 6333, 6334)
        until_ready(address)
        seconds: dict[str, list[float]] = {"direct": [], "inside": []}
        worked: dict[str, list[float]] = {"direct": [], "inside": []}
        with Vantages(engine, topology, preference="netns") as vantages:
            vantage = vantages.at(ref)
            for turn in range(rounds):
                both = [("direct", None), ("inside", vantage)]
                for where, stand in both if turn % 2 else reversed(both):
                    began = sum(os.times()[:4])
                    with open_server(address, vantage=stand, transport=transport) as target:
                        name = f"{where}{turn}"
                        seconds[where].append(ours(export, target, folder, f"{transport.value}{name}").write_seconds)
                        target.drop(name)
                    worked[where].append(sum(os.times()[:4]) - began)
    direct, inside = (statistics.median(seconds[where]) for where in ("direct", "inside"))
    busy, busier = (statistics.median(worked[where]) for where in ("direct", "inside"))
    print(f"\nthrough the app's network namespace, {case.label}, {transport.value}, {rounds} rounds")
    line("write inside against direct", direct / inside, 0.95, f"{case.points / inside:,.0f}/s")
    line("our processor time, inside to direct", busier / busy, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--transport", choices=["grpc", "rest"], help="default: both")
    options = parser.parse_args()
    keep_pages()
    case = Case(options.points, options.dimension, 4.0)
    with tempfile.TemporaryDirectory(prefix="netdoctor-bench-") as folder:
        for transport in [Transport(options.transport)] if options.transport else (Transport.GRPC, Transport.REST):
            measure(case, options.rounds, transport, Path(folder))


if __name__ == "__main__":
    main()
