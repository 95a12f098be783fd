"""How long does `netdoctor lint` take over 100 compose files? The whole process, and ratios, all from one run.

    python tests/bench/bench_lint.py [--files 100] [--services 8] [--runs 5]

The files are made up: each a project of eight services, with anchors, environments, health checks and
connections; in one of ten a service is on another network than its peers. Budget: 2 s.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BUDGET = 2.0
"""Seconds for a hundred files."""


def project(number: int, services: int) -> str:
    lines = [
        "x-common: &common\n  restart: unless-stopped",
        "  environment: &env {TZ: UTC, LOG_LEVEL: '${LOG_LEVEL:-info}'}",
        "services:",
    ]
    for each in range(services):
        other = f"s{(each + 1) % services}"
        lines += [
            f"  s{each}:",
            "    <<: *common",
            f"    image: registry.example.com/team/s{each}:${{TAG:-latest}}",
            "    environment:",
            "      <<: *env",
            f"      PEER_URL: http://{other}:80{each:02d}/api",
            f"      DATABASE_URL: postgres://user:${{DB_PASSWORD:-secret}}@{other}:5432/app",
            f'    ports: ["1{each:02d}80:80{each:02d}"]',
            "    healthcheck: {test: [CMD, curl, -f, http://localhost/], interval: 30s}",
            f"    depends_on: {{{other}: {{condition: service_healthy}}}}"
            if each + 1 < services
            else "    labels: [a=b]",
            f"    networks: [{'other' if number % 10 == 0 and each == 0 else 'back'}]",
        ]
    return "\n".join([*lines, "networks: {front: {}, back: {internal: true}, other: {}}"]) + "\n"


def timed(runs: int, action: Callable[[], object]) -> float:
    """The median, in seconds; the first run is not counted."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=100)
    options.add_argument("--services", type=int, default=8)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(given.files):
            file = Path(folder, f"project{number}", "compose.yaml")
            file.parent.mkdir()
            file.write_text(project(number, given.services), "utf-8")
            files.append(str(file))

        def lint() -> None:
            words = [sys.executable, "-m", "netdoctor", "lint", "--format", "json", *files]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode != 1:
                raise SystemExit(f"lint ended with {done.returncode}: {done.stderr[-500:] or done.stdout[-500:]}")

        def parse() -> None:
            code = "import sys,yaml\nfor f in sys.argv[1:]: yaml.load(open(f), Loader=yaml.CSafeLoader)"
            subprocess.run([sys.executable, "-c", code, *files], check=True)

        ours, theirs = timed(given.runs, lint), timed(given.runs, parse)
        start = timed(given.runs, lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    word = "within" if ours <= BUDGET * given.files / 100 else "OVER"
    print(f"lint, {given.files} files of {given.services} services: {ours:.2f} s  budget {BUDGET:.2f} s  {word}")
    print(f"  : parsing the same files with PyYAML alone   {ours / theirs:6.1f}")
    print(f"  : python -c pass                             {ours / start:6.1f}")


if __name__ == "__main__":
    main()
