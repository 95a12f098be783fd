"""How long do all pairs of 50 containers on 5 networks take, and how many descriptors?

    python tests/bench/bench_scale.py [--containers 50] [--networks 5] [--no-sidecar]

Starts the containers (the lab's scratch image: one static server, no shell), runs `netdoctor check --all` on them as a
user would, and removes them. Seconds are the whole process, from its start to its report; descriptors are the most
that were open in it, looked at every few milliseconds. Needs a running engine, root for the netns row, and the lab's
images (make images).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

IMAGE = "netdoctor-lab/scratch:1"
SECONDS, DESCRIPTORS = 5.0, 512
LABEL = "com.docker.compose.project"


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=120)
    return done.stdout.strip()


@contextmanager
def stack(containers: int, networks: int) -> Iterator[str]:
    """The Compose project's name. Container i is on network i modulo their number, with its service's name."""
    mark = f"bench-scale-{uuid.uuid4().hex[:8]}"
    nets = [f"{mark}-net{number}" for number in range(networks)]
    names = [f"{mark}-{number}" for number in range(containers)]

    def start(number: int) -> None:
        docker(
            "run", "-d", "--name", names[number], "--network", nets[number % networks],
            "--network-alias", f"service{number}", "--label", f"{LABEL}={mark}",
            "--label", f"com.docker.compose.service=service{number}", IMAGE,
        )  # fmt: skip

    try:
        for net in nets:
            docker("network", "create", net)
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(start, range(containers)))
        up = docker("ps", "-q", "--filter", f"label={LABEL}={mark}").split()
        if len(up) != containers:
            raise SystemExit(f"{len(up)} of {containers} containers came up")
        yield mark
    finally:
        docker("rm", "-f", *names)
        docker("network", "rm", *nets)


def run(project: str, vantage: str) -> tuple[float, float, int, str]:
    """Seconds on the clock and of the processor, the most descriptors, and the report's last line."""
    command = [sys.executable, "-m", "netdoctor", "check", "--all", "--project", project, "--vantage", vantage]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = os.times()
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err)
        folder, most = Path(f"/proc/{process.pid}/fd"), 0
        while process.poll() is None:
            with suppress(OSError):
                most = max(most, sum(1 for _ in folder.iterdir()))
            time.sleep(0.01)
        seconds, after = time.perf_counter() - began, os.times()
        out.seek(0)
        err.seek(0)
        said = re.findall(r"^\d+ edges: .*$", out.read().decode(), re.MULTILINE)
        if not said:
            raise SystemExit(f"{vantage}: no report: {err.read().decode()}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used, most, str(said[-1])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--containers", type=int, default=50)
    options.add_argument("--networks", type=int, default=5)
    options.add_argument("--no-sidecar", action="store_true")
    asked, _ = options.parse_known_args()
    print(f"{'all pairs, ' + str(asked.containers) + ' containers on ' + str(asked.networks):<36}"
          f" {'s':>6} {'cpu s':>6} {'budget':>7} {'ratio':>6} {'descr.':>7} {'budget':>7}")  # fmt: skip
    with stack(asked.containers, asked.networks) as project:
        for vantage in ("netns",) if asked.no_sidecar else ("netns", "sidecar"):
            seconds, used, most, said = run(project, vantage)
            row = f"{vantage:<36} {seconds:6.2f} {used:6.2f}"
            if vantage == "netns":
                fits = "within" if seconds <= SECONDS and most <= DESCRIPTORS else "OVER"
                row += f" {SECONDS:7.1f} {seconds / SECONDS:6.2f} {most:7d} {DESCRIPTORS:7d}  {fits}"
            else:
                row += f" {'-':>7} {'-':>6} {most:7d} {'-':>7}"
            print(f"{row}  ({said})", flush=True)


if __name__ == "__main__":
    main()
