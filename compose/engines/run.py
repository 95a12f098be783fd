#!/usr/bin/env python3
"""Run the vantages' contract and the clinic on other container engines, and print what came of it (as root).

    compose/engines/run.py [ENGINE...] [--only contract|clinic] [--clinic live|check] [--words WORD,WORD]
    compose/engines/run.py ENGINE -- COMMAND [ARGUMENT...]      any command, with that engine as DOCKER_HOST

ENGINE: 20.10, 26.1, 28.5, podman; none: all of them. 20.10 is this machine's own dockerd, as a private engine
(``compose/engine.sh --private``); the others come from Debian's suites (``rootfs.py``), each in namespaces of its own
(``node.py``). Images come from the engine that the docker client talks to by itself. Exit status 1 where something was
red, 75 where a COMMAND had no engine; one that this machine cannot have is listed with the reason and is not red.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from node import CHECKOUT, IMAGES, Node  # noqa: E402 - this folder is no package: it is run as a program
from rootfs import RECIPES, CannotHave  # noqa: E402

ENGINES = ("20.10", *reversed([name for name in RECIPES if name != "podman"]), "podman")
CONTRACT = ["tests/vantage/test_contract.py", "tests/vantage/test_exec_tools.py"]
CLINIC = CHECKOUT / "compose" / "clinic" / "run.py"
DEFAULT = Path("/run/docker.sock")
TO_CLEAN_UP = 90.0
"""Seconds that a suite may take to stop and remove what it started."""


@dataclass
class Row:
    """What came of one engine."""

    engine: str
    version: str = "-"
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    clinic: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0

    @property
    def red(self) -> list[str]:
        return [*self.failed, *(name for name, word in self.clinic.items() if word == "failed")]


@contextmanager
def engine(name: str, folder: Path = CHECKOUT) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Version, environment, and what to put before a command that runs in ``folder``. Gone afterwards."""
    if name == "20.10":
        with _private() as (host, pid):
            env, before = _as_the_machines(host, pid, folder)
            yield _version(host), env, before
        return
    with Node(name) as node:
        node.load()
        (node.temporary / "state").mkdir()
        env = {**node.environment(), "NETDOCTOR_CLINIC_ENGINE": name}
        yield node.version(), env, node.inside([])


@contextmanager
def _private() -> Iterator[tuple[str, int]]:
    """Its DOCKER_HOST and its process id."""
    folder = tempfile.mkdtemp(prefix="nde-", dir="/tmp")
    script = [str(CHECKOUT / "compose" / "engine.sh"), "--private", folder]
    try:
        done = subprocess.run([*script, "ensure"], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise CannotHave(done.stderr.strip().splitlines()[-1])
        host = done.stdout.strip()
        saved = subprocess.run(
            ["docker", "save", *(f"netdoctor-lab/{each}:1" for each in (*IMAGES, "qdrant"))],
            capture_output=True,
            timeout=300,
            check=True,
        )
        subprocess.run(["docker", "-H", host, "load"], input=saved.stdout, capture_output=True, timeout=300, check=True)
        pid = int(Path(folder, "state", "engine").read_text().split()[0])
        _uplink(pid)
        yield host, pid
    finally:
        subprocess.run([*script, "stop"], capture_output=True, check=False)


def _as_the_machines(host: str, pid: int, folder: Path) -> tuple[dict[str, str], list[str]]:
    """As if it were this machine's engine: in its network, and where there is a default socket, at that one."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt", f"--wdns={folder}", "--"]
    if not DEFAULT.is_socket():
        return {**env, "DOCKER_HOST": host}, inside
    bind = [*inside, "mount", "--bind", host.removeprefix("unix://"), str(DEFAULT)]
    done = subprocess.run(bind, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise CannotHave(done.stderr.strip())
    return env, inside


def _uplink(pid: int) -> None:
    """A way out into nowhere, as ``node.py`` gives one to the others: routes as a machine has them."""
    for words in (
        "link add up0 type veth peer name nowhere",
        "address add 198.18.213.2/24 dev up0",
        "link set up0 up",
        "link set nowhere up",
        "neighbour add 198.18.213.1 lladdr 02:00:00:00:00:01 dev up0",
        "route add default via 198.18.213.1",
    ):
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *words.split()]
        done = subprocess.run(inside, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode != 0:
            raise CannotHave(f"ip {words}: {done.stderr.strip()}")


def _version(host: str) -> str:
    form = "{{.Server.Version}} (API {{.Server.APIVersion}})"
    asked = ["docker", "-H", host, "version", "--format", form]
    return subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def examine(name: str, only: str | None, words: list[str]) -> Row:
    """Both suites on one engine."""
    row, began = Row(name), time.monotonic()
    try:
        with engine(name) as (version, env, before):
            row.version = version
            print(f"== {name}: {version}", flush=True)
            if only != "clinic":
                _contract(row, env, before)
            if only != "contract":
                _clinic(row, env, before, words)
    except CannotHave as error:
        row.reason = str(error)
    row.seconds = time.monotonic() - began
    return row


def _contract(row: Row, env: dict[str, str], before: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="nde-report-") as folder:
        report = Path(folder, "junit.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", f"--junitxml={report}"]
        status = _to_its_end([*before, *command, *CONTRACT], env)
        if not report.exists():
            row.failed.append(f"pytest ended with {status}")
            return
        for case in ET.parse(report).getroot().iter("testcase"):
            if case.find("skipped") is not None:
                row.skipped += 1
            elif case.find("failure") is not None or case.find("error") is not None:
                row.failed.append(str(case.get("name")))
            else:
                row.passed += 1


def _clinic(row: Row, env: dict[str, str], before: list[str], words: list[str]) -> None:
    command = [*before, sys.executable, str(CLINIC), *words]
    with tempfile.TemporaryDirectory(prefix="nde-report-") as folder:
        result = Path(folder, "clinic.json")
        status = _to_its_end(command, {**env, "NETDOCTOR_CLINIC_RESULT": str(result)})
        if not result.exists():
            row.failed.append(f"the clinic ended with {status}")
            return
        row.clinic = json.loads(result.read_text())


def _to_its_end(command: list[str], env: dict[str, str], folder: Path = CHECKOUT) -> int:
    """Its exit status. What ends this program ends that one too, and waits: it may have engines of its own to stop."""
    running = subprocess.Popen(command, cwd=folder, env=env)
    try:
        return running.wait()
    except BaseException:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.terminate()
            running.wait(TO_CLEAN_UP)
        running.kill()
        running.wait()
        raise


def table(rows: list[Row]) -> str:
    """In Markdown, as docs/engines.md shows it."""
    lines = [
        "| engine | version | contract: passed | skipped | failed | clinic: as expected | not there | failed | time |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        if row.reason:
            lines.append(f"| {row.engine} | not to be had here: {row.reason} | | | | | | | |")
            continue
        words = list(row.clinic.values())
        good, bad = words.count("ok"), words.count("failed")
        lines.append(
            f"| {row.engine} | {row.version} | {row.passed} | {row.skipped} | {len(row.failed)} "
            f"| {good} | {len(words) - good - bad} | {bad} | {row.seconds:.0f} s |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    head, _, command = _split(arguments)
    parser = argparse.ArgumentParser(prog="compose/engines/run.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("engine", nargs="*", choices=[[], *ENGINES], metavar="ENGINE", help=", ".join(ENGINES))
    parser.add_argument("--only", choices=["contract", "clinic"])
    parser.add_argument("--words", default="", help="clinic stacks whose name contains one of these (comma between)")
    parser.add_argument("--clinic", choices=["live", "check"], help="less than all of it: see compose/clinic/run.py")
    asked = parser.parse_args(head)
    # An engine is stopped on the way out, whatever ends this.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if os.geteuid() != 0:
        print("engines: this needs root (namespaces, root file systems)", file=sys.stderr)
        return 1
    if command:
        if len(asked.engine) != 1:
            parser.error("a command is run on one ENGINE")
        return _one_command(asked.engine[0], command)
    words = [*([f"--{asked.clinic}"] if asked.clinic else []), *(word for word in asked.words.split(",") if word)]
    rows = [examine(name, asked.only, words) for name in asked.engine or ENGINES]
    print(f"\n{table(rows)}")
    for row in rows:
        for name, word in row.clinic.items():
            if word not in ("ok", "failed"):
                print(f"  {row.engine}: {name}: {word}")
        for name in row.red:
            print(f"  {row.engine}: RED {name}")
    return 1 if any(row.red for row in rows) else 0


def _one_command(name: str, command: list[str]) -> int:
    try:
        with engine(name, Path.cwd()) as (_, env, before):
            return _to_its_end([*before, *command], env, Path.cwd())
    except CannotHave as error:
        print(f"engines: {name}: {error}", file=sys.stderr)
        return 75  # EX_TEMPFAIL: the command was not run


def _split(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    if "--" not in arguments:
        return arguments, "", []
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
