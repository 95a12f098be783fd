"""How long does `netdoctor check` take, against doing the same by hand? Ratios of medians, all from one run.

    python tests/bench/bench_check.py [--runs 7]

By hand: docker inspect twice, then exec ping -c 2, exec nslookup, exec wget. Sidecar: one helper container in the
caller's network doing the same three. Needs a running engine and the lab's images (make images).
"""

from __future__ import annotations

import argparse
import compileall
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import netdoctor

BUSYBOX = "netdoctor-lab/busybox:1"
SERVER = "netdoctor-lab/qdrant:1"
PORT = 6333


@dataclass(frozen=True)
class Stack:
    """Two containers; on one network (healthy) or on two (broken)."""

    app: str
    server: str
    address: str
    healthy: bool


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=120)
    return done.stdout.strip()


@contextmanager
def stack(healthy: bool) -> Iterator[Stack]:
    mark = uuid.uuid4().hex[:8]
    near, far = f"bench-near-{mark}", f"bench-far-{mark}"
    app, server = f"bench-app-{mark}", f"bench-server-{mark}"
    try:
        for network in (near, far):
            docker("network", "create", network)
        docker("run", "-d", "--name", app, "--network", near, "-e", f"QDRANT_URL=http://{server}:{PORT}", BUSYBOX,
               "sleep", "600")  # fmt: skip
        docker("run", "-d", "--name", server, "--network", near if healthy else far, SERVER)
        address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", server)
        wait_until_up(server, address)
        yield Stack(app, server, address, healthy)
    finally:
        docker("rm", "-f", app, server)
        docker("network", "rm", near, far)


def wait_until_up(server: str, address: str) -> None:
    for _ in range(100):
        if f":{PORT:04X}" in docker("exec", server, "cat", "/proc/net/tcp"):
            return
        time.sleep(0.1)
    raise SystemExit(f"{server} ({address}) never listened on {PORT}")


def by_hand(found: Stack) -> None:
    docker("inspect", found.app)
    docker("inspect", found.server)
    docker("exec", found.app, "ping", "-c", "2", found.address)
    docker("exec", found.app, "nslookup", found.server)
    # busybox wget's own -T crashes; timeout bounds it the way a person would.
    docker("exec", found.app, "timeout", "4", "wget", "-qO-", f"http://{found.server}:{PORT}/healthz")


def sidecar(found: Stack) -> None:
    script = 'ping -c 2 "$1"; nslookup "$2"; timeout 4 wget -qO- "http://$2:$3/healthz"'
    docker("run", "--rm", "--network", f"container:{found.app}", BUSYBOX, "sh", "-c", script, "sh", found.address,
           found.server, str(PORT))  # fmt: skip


def check(found: Stack) -> None:
    command = [sys.executable, "-m", "netdoctor", "check", found.app, found.server]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != (0 if found.healthy else 1):
        raise SystemExit(f"check ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def version() -> None:
    subprocess.run([sys.executable, "-m", "netdoctor", "--version"], capture_output=True, check=True)


def bare() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def medians(runs: int, *actions: Callable[[], None]) -> list[float]:
    """In turn, A B C A B C, so that a machine that slows down slows all of them."""
    taken: list[list[float]] = [[] for _ in actions]
    for _ in range(runs + 1):
        for index, action in enumerate(actions):
            began = time.perf_counter()
            action()
            taken[index].append(time.perf_counter() - began)
    return [statistics.median(each[1:]) for each in taken]


def row(what: str, ours: float, theirs: float, budget: float) -> None:
    ratio = ours / theirs
    word = "within" if ratio <= budget else "OVER"
    print(f"{what:<52} {ours * 1000:8.0f} {theirs * 1000:9.0f} {ratio:7.2f} {budget:7.2f}  {word}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=7)
    runs = options.parse_args().runs
    # An installed package is compiled; a checkout may not be, where PYTHONDONTWRITEBYTECODE is set.
    compileall.compile_dir(str(Path(netdoctor.__file__).parent), quiet=1)
    print(f"{'':<52} {'ours ms':>8} {'theirs ms':>9} {'ratio':>7} {'budget':>7}")
    ours, theirs = medians(runs, version, bare)
    row("netdoctor --version : python -c pass", ours, theirs, 5.0)
    for healthy in (True, False):
        name = "healthy" if healthy else "no shared network"
        # By hand the broken case waits for two lost pings and a resolver that never answers: a few rounds are enough.
        with stack(healthy) as found:
            ours, hand, side = medians(
                runs if healthy else 2, lambda f=found: check(f), lambda f=found: by_hand(f), lambda f=found: sidecar(f)
            )
        row(f"check, {name} : by hand", ours, hand, 0.25)
        row(f"check, {name} : one sidecar run", ours, side, 0.5)


if __name__ == "__main__":
    main()
