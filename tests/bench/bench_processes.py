"""How much quicker do several processes write than one, where the server is no limit?

    python tests/bench/bench_processes.py [--points 100000] [--dimension 1024] [--processes 1 2] [--rounds 1]

``netdoctor migrate`` runs as a user would run it, against a server that reads the writes and only says yes (all else is
asked of the lab's server behind it). What is compared with the reader alone, in one process: the write as the report
tells it, and all that the writing took, the start of further processes and their end included. The run ends with
exit status 1, as it must: nothing is there when it is verified.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_migration import HERE, Case, line, read_alone, server, timed, write_export

from netdoctor.migration.pages import keep_pages
from netdoctor.migration.target import Transport


@contextlib.contextmanager
def yes_before(transport: Transport, behind: int) -> Iterator[int]:
    """The port of a server that says yes to writes, and asks the one behind it for all else."""
    command = [sys.executable, str(HERE / "yes_server.py"), transport.value, str(behind)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def run(export: Path, transport: Transport, port: int, processes: int, ledger: Path) -> tuple[float, float, float]:
    """Seconds: of the write as reported, of the whole run without the plan and the verification, of the processor."""
    command = [sys.executable, "-m", "netdoctor", "migrate", str(export), "--transport", transport.value]
    command += ["--to", f"http://127.0.0.1:{port}", "--processes", str(processes), "--ledger", str(ledger)]
    command += [
        "--no-space-check",
        "--format",
        "json",
        "--default-collection",
        ledger.stem,
        "--strip-prefix",
        "user_bench",
    ]
    if transport is Transport.GRPC:
        command += ["--grpc-port", str(port)]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600)
    whole, after = time.perf_counter() - began, os.times()
    if done.returncode != 1 or not done.stdout:
        raise SystemExit(f"exit status {done.returncode}: {done.stderr[-800:]}")
    told = json.loads(done.stdout)["seconds"]
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return told["write"], whole - told["plan"] - told["verify"], used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=1024)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--transport", choices=["grpc", "rest"], help="default: both")
    options = parser.parse_args()
    keep_pages()
    case = Case(options.points, options.dimension, 4.0)
    transports = [Transport(options.transport)] if options.transport else [Transport.GRPC, Transport.REST]
    with tempfile.TemporaryDirectory(prefix="netdoctor-bench-") as place:
        folder, export = Path(place), Path(place) / "export.json"
        write_export(export, case)
        with server(folder) as address:
            for transport in transports:
                behind = address.grpc if transport is Transport.GRPC else address.rest
                assert behind is not None
                found: dict[int, list[tuple[float, float, float]]] = {}
                alone = []
                with yes_before(transport, behind) as port:
                    for turn in range(options.rounds):
                        alone.append(timed(lambda: read_alone(export))[0])
                        for number in options.processes:
                            ledger = folder / f"{transport.value}{turn}x{number}.sqlite"
                            found.setdefault(number, []).append(run(export, transport, port, number, ledger))
                reader = statistics.median(alone)
                print(f"\nacknowledged only, {case.label}, {transport.value}, {options.rounds} rounds")
                print(f"  the reader alone, one process: {reader:.2f} s, {case.points / reader:,.0f}/s")
                for number, each in found.items():
                    write, whole, used = (statistics.median(times) for times in zip(*each, strict=True))
                    line(f"--processes {number}: the write to the reader", reader / write, 0.5, f"{write:.2f} s")
                    line(
                        "  with start and end of everything",
                        reader / whole,
                        None,
                        f"{whole:.2f} s, {used:.2f} of cores",
                    )


if __name__ == "__main__":
    main()
