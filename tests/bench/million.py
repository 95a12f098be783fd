"""A million vectors go through, killed on the way, and the report proves that every one is there.

    python tests/bench/million.py [--points 1000000] [--dimension 128] [--kills 3] [--seed 1]

Generates an export, starts the lab's server, and runs `netdoctor migrate` as a user would. It is ended by SIGKILL when
the server holds certain shares of the points, chosen by the seed; then the same command runs to its end. Exit status 0
when that run verified every point and found every sampled one by search.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench_migration import Case, server, write_export

PATIENCE = 3600.0
COLLECTION = "bench"


def held(url: str) -> int:
    """Points of the collection by now."""
    body = urllib.request.Request(  # our own server
        f"{url}/collections/{COLLECTION}/points/count", b'{"exact":true}', {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(body, timeout=60) as reply:
            return int(json.load(reply)["result"]["count"])
    except OSError:
        return 0  # there is no collection yet


def killed(command: list[str], environment: dict[str, str], url: str, points: int) -> int:
    """Run until the server holds so many points, then SIGKILL: how many it holds then."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE
        while held(url) < points:
            if process.poll() is not None:
                raise SystemExit(f"it ended with {process.returncode} before it could be killed")
            if time.monotonic() > deadline:
                raise SystemExit("it takes too long")
            time.sleep(0.2)
        process.kill()
        process.wait()
    return held(url)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    shares = sorted(chance.uniform(0.05, 0.95) for _ in range(options.kills))
    with tempfile.TemporaryDirectory(prefix="netdoctor-million-") as place:
        folder = Path(place)
        export = folder / "export.json"
        write_export(export, Case(options.points, options.dimension, 2.0))
        print(f"{options.points:,} x {options.dimension}, {export.stat().st_size / 1e6:,.0f} MB of export", flush=True)
        with server(folder) as address:
            command = [sys.executable, "-m", "netdoctor", "migrate", str(export), "--to", address.url, "--grpc-port"]
            command += [str(address.grpc), "--strip-prefix", "user_", "--no-space-check", "--format", "json"]
            environment = {**os.environ, "NETDOCTOR_STATE_DIR": place}
            began = time.monotonic()
            for share in shares:
                there = killed(command, environment, address.url, round(share * options.points))
                print(f"  {time.monotonic() - began:6.0f} s  SIGKILL, the server holds {there:,} points", flush=True)
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False, timeout=PATIENCE)
            seconds = time.monotonic() - began
            report = json.loads(done.stdout)
            ledger = export.with_name(f"{export.name}.netdoctor.sqlite").stat().st_size
    print(f"  {seconds:6.0f} s  exit status {done.returncode}, ledger {ledger / 1e6:.1f} MB")
    print(json.dumps({key: value for key, value in report.items() if key not in ("notes", "schema")}, indent=2)[:2000])
    return int(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
