#!/usr/bin/env python3
"""Run the clinic: one broken (or healthy) stack after another on the real engine, and what netdoctor says of it.

    compose/clinic/run.py [--live|--check] [WORD...]   stacks whose name contains one of the words; none: all of them

``--live`` leaves out the persisted half of what is fixable, which makes each stack anew twice; ``--check`` leaves out
the live half as well: nothing is fixed.

Each folder holds ``compose.yaml`` and ``case.yaml``:

    about      one line
    other      a second compose file, a project of its own
    before     commands (argument lists) before the stacks come up, like making an external network
    setup      commands afterwards, for what compose cannot express
    needs      root, or programs that must be there; else the stack is skipped
    caller, target    the arguments of ``netdoctor check``
    expect     the code that must come first, or null for a stack on which nothing may be found
    announced  codes that must be announced behind it
    fixable    true: ``netdoctor fix`` must repair it, and ``undo`` make it red again; live, and then with --persist:
               down and up again and still green, undo, up again and red again (``treatment.py``)
    disruptive true: the fix interrupts what works now, and is allowed to
    paste      why it is not made permanent in a file: ``fix --persist`` must say what to paste, and write nothing
    by_hand    why netdoctor does not repair it; each stack with a code is fixable or says this
    remains    the code that is left when the first cause is fixed
    left       the exit status of ``check`` then, where it is not 1
    again      true: ``setup`` belongs to the stack as such, and is done after every up
    joins      [container, network]: what the fix must have connected
    status     the exit status of ``check``, where it is not 1 for a code that is expected and 0 for none
    swarm      true: on a private engine with a one-node swarm, started for the first such stack
    own        true: on a private engine of this stack's own ({ENGINE}: its process), which its commands may break
    lint       true: nothing is started; ``netdoctor lint`` judges compose.yaml
    edited     a file that takes compose.yaml's place once the stack is up (in a copy of the folder)
    under      codes that must be listed under the one that comes first
    not_on     {engine of ``compose/engines``: why it cannot show this stack}
    fix_not_on {engine of ``compose/engines``: why what is found there is not fixed}

``{N}`` is this run's name, in front of everything the run creates; ``{PORT}`` a free port, ``{HEX}`` four
hexadecimal digits; ``{pid:NAME}`` the main process of a container, ``{ip:NAME}`` its address, ``{vip:NAME}`` that of
a service.
netdoctor is the package of this checkout, run by the Python that runs this file.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "engines")]
from pids import pid_here  # noqa: E402
from treatment import Failed, live, persisted  # noqa: E402 - this folder is no package: it is run as a program

ROOT = HERE.parent.parent
KIND = os.environ.get("NETDOCTOR_CLINIC_ENGINE", "")
"""Which engine of ``compose/engines`` this run is about; empty for the one that is simply there."""
NODES: dict[str, Any] = {}
"""The private engines of that kind, by the folder that stands for them."""
TIMEOUT = 120
"""Seconds for one command; a stack takes a few."""


@dataclass(frozen=True)
class Case:
    """One folder."""

    name: str
    folder: Path
    expect: str | None
    caller: str = ""
    target: str = ""
    about: str = ""
    other: str | None = None
    before: Sequence[Sequence[str]] = ()
    setup: Sequence[Sequence[str]] = ()
    needs: Sequence[str] = ()
    announced: Sequence[str] = ()
    fixable: bool = False
    disruptive: bool = False
    paste: str | None = None
    by_hand: str | None = None
    remains: str | None = None
    left: int = 1
    again: bool = False
    joins: Sequence[str] = ()
    status: int | None = None
    swarm: bool = False
    own: bool = False
    lint: bool = False
    under: Sequence[str] = ()
    edited: str | None = None
    not_on: Mapping[str, str] = field(default_factory=dict)
    fix_not_on: Mapping[str, str] = field(default_factory=dict)

    @property
    def found_status(self) -> int:
        return self.status if self.status is not None else 1 if self.expect else 0

    @property
    def missing(self) -> str | None:
        """What this machine or this engine lacks for it."""
        if KIND in self.not_on:
            return self.not_on[KIND]
        for each in self.needs:
            if os.geteuid() != 0 if each == "root" else shutil.which(each) is None:
                return each
        return "root, for an engine of its own" if (self.swarm or self.own) and os.geteuid() != 0 else None


@dataclass
class Seen:
    """What happened, for the table."""

    case: Case
    found: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    live: str = "-"
    persisted: str = "-"
    seconds: float = 0.0
    check_seconds: float = 0.0


def cases(words: Sequence[str] = ()) -> list[Case]:
    """Every folder, or those whose name contains one of the words."""
    found = [
        Case(name=path.parent.name, folder=path.parent, **yaml.safe_load(path.read_text()))
        for path in sorted(HERE.glob("*/case.yaml"))
    ]
    return [case for case in found if not words or any(word in case.name for word in words)]


class Stack:
    """A case that is up."""

    def __init__(self, case: Case, name: str) -> None:
        self.case, self.name = case, name
        self._port = _free_port()
        # The journal of the fixes made here belongs to this run, not to the machine.
        self._state = tempfile.mkdtemp(prefix=f"{name}-")
        self.folder = case.folder
        settings = {"N": name, "PORT": str(self._port)}
        if case.edited or case.fixable:
            self.folder = Path(self._state, "stack")
            shutil.copytree(case.folder, self.folder)
            # As a user has it, who types `docker compose up` in another shell tomorrow.
            (self.folder / ".env").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        self._environment = {**os.environ, **settings, "NETDOCTOR_STATE_DIR": self._state}

    def up(self) -> None:
        if self.case.lint:
            return
        self._commands(self.case.before)
        for project, file in self._projects():
            self._compose(project, file, "up", "-d")
        self._make_red()

    def _make_red(self) -> None:
        """What compose cannot express."""
        self._commands(self.case.setup)
        if self.case.edited:
            shutil.copyfile(self.folder / self.case.edited, self.folder / "compose.yaml")

    def down_and_up(self) -> None:
        """Every project down, and up again from its files as they are now."""
        # Members of another project keep a network from being removed: once more when they are gone.
        for last in (False, True):
            for project, file in self._projects():
                self._compose(project, file, "down", "-t", "0", check=last)
        for project, file in self._projects():
            self._compose(project, file, "up", "-d")
        if self.case.again:
            self._commands(self.case.setup)

    def from_the_start(self) -> None:
        """Down, and up as at first, by the files as they are now."""
        if self.case.edited:
            shutil.copyfile(self.case.folder / "compose.yaml", self.folder / "compose.yaml")
        self.down_and_up()
        self._make_red()

    def expect(self, code: str | None, *, when: str, ignoring: frozenset[str] = frozenset()) -> None:
        """``check`` finds this code and no other. Raises Failed."""
        first = code == self.case.expect
        status, report, said = self.check()
        report["findings"] = [each for each in report["findings"] if each["code"] not in ignoring]
        wanted = self.case.found_status if first else self.case.left if code else 0
        try:
            _judge(self.case, Seen(self.case), status, report, said, code, self.case.announced if first else (), wanted)
        except Failed as error:
            raise Failed(f"{when}: {error}") from None

    def down(self) -> None:
        """Everything whose name begins with this run's: what compose made, what the case made, what a fix made."""
        for service in _names("service", self.name) if self.case.swarm else ():
            _run(["docker", "service", "rm", service], check=False)
        # Podman keeps the owner of a shared namespace until those who borrow it are gone.
        for _ in range(2):
            for container in _names("container", self.name):
                _run(["docker", "rm", "-f", "-v", container], check=False)
        # A swarm takes its tasks off a network in its own time.
        for _ in range(50 if self.case.swarm else 1):
            for network in _names("network", self.name):
                _run(["docker", "network", "rm", network], check=False)
            if not self.case.swarm or not self.left():
                break
            time.sleep(0.2)
        shutil.rmtree(self._state, ignore_errors=True)

    def left(self) -> list[str]:
        return [*_names("container", self.name), *_names("network", self.name)]

    def check(self) -> tuple[int, dict[str, Any], str]:
        """Exit status, report, and what was said on stderr."""
        if self.case.lint:
            return self.netdoctor("lint", str(self.case.folder / "compose.yaml"), "--format", "json")
        return self.netdoctor("check", self.fill(self.case.caller), self.fill(self.case.target), "--format", "json")

    def netdoctor(self, *words: str) -> tuple[int, dict[str, Any], str]:
        done = subprocess.run(
            [sys.executable, "-m", "netdoctor", *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        try:
            report = json.loads(done.stdout) if "json" in words else {}
        except ValueError:
            raise Failed(f"stdout is no JSON: {done.stdout[:400]!r} {done.stderr[:400]!r}") from None
        # Of a report in JSON the judge shows what matters.
        said = done.stderr if "json" in words else f"{done.stdout}{done.stderr}"
        return done.returncode, report, said

    def fill(self, text: str) -> str:
        if "{ENGINE}" in text:
            text = text.replace("{ENGINE}", _engine_process(os.environ["DOCKER_HOST"]))
        text = text.replace("{N}", self.name).replace("{PORT}", str(self._port)).replace("{HEX}", self.name[-4:])
        return re.sub(r"\{(pid|ip|vip):([^}]+)\}", lambda found: LOOK_UP[found[1]](found[2]), text)

    def networks_of(self, container: str) -> list[str]:
        said = _run(["docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", container])
        return sorted(json.loads(said))

    def _projects(self) -> Iterator[tuple[str, str]]:
        yield self.name, "compose.yaml"
        if self.case.other:
            yield f"{self.name}x", self.case.other

    def _compose(self, project: str, file: str, *words: str, check: bool = True) -> None:
        path = str(self.folder / file)
        command = [str(HERE.parent / "compose.sh"), "-p", project, "-f", path, *words]
        _run(command, env=self._environment, check=check)

    def _commands(self, commands: Sequence[Sequence[str]]) -> None:
        for words in commands:
            _run([self.fill(word) for word in words])


@contextmanager
def running(case: Case) -> Iterator[Stack]:
    """The stack, up; afterwards gone, whatever happened."""
    with _engine_for(case):
        yield from _up_and_down(case)


@contextmanager
def _engine_for(case: Case) -> Iterator[None]:
    """Every command of a swarm stack, and of one that breaks its engine, goes to a private engine."""
    if not case.swarm and not case.own:
        yield
        return
    folder = tempfile.mkdtemp(prefix="clinic-") if case.own else ""
    before, os.environ["DOCKER_HOST"] = os.environ.get("DOCKER_HOST"), _private(folder) if folder else swarm_engine()
    try:
        yield
    finally:
        if folder:
            _end(folder)
        os.environ.pop("DOCKER_HOST")
        if before is not None:
            os.environ["DOCKER_HOST"] = before


@cache
def swarm_engine() -> str:
    """A private engine with a one-node swarm and the lab's images; it is gone when this process ends."""
    folder = tempfile.mkdtemp(prefix="clinic-")
    atexit.register(_end, folder)
    host = _private(folder)
    _run(["docker", "-H", host, "swarm", "init", "--advertise-addr", "127.0.0.1"])
    return host


def _private(folder: str) -> str:
    """The address of an engine that has everything of its own in that folder, with the lab's images."""
    if KIND:
        return _another(folder)
    host = _run([str(HERE.parent / "engine.sh"), "--private", folder, "ensure"]).strip()
    for image in ("busybox", "scratch", "python"):
        saved = subprocess.run(["docker", "save", f"netdoctor-lab/{image}:1"], capture_output=True, check=True)
        load = ["docker", "-H", host, "load"]
        subprocess.run(load, input=saved.stdout, capture_output=True, check=True, timeout=TIMEOUT)
    return host


def _another(folder: str) -> str:
    """A second engine of the kind that this run is about (``compose/engines``), with the first one's images."""
    from node import CannotHave, Node

    try:
        NODES[folder] = Node(KIND)
        NODES[folder].load()
    except CannotHave as error:
        raise Failed(str(error)) from None
    return NODES[folder].host


def _engine_process(host: str) -> str:
    """The process id of the private engine at that address."""
    for node in NODES.values():
        if node.host == host:
            return str(node.pid)
    return Path(host.removeprefix("unix://")).with_name("dockerd.pid").read_text().strip()


def _end(folder: str) -> None:
    if folder in NODES:
        NODES.pop(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)
        return
    stop = [str(HERE.parent / "engine.sh"), "--private", folder, "stop"]
    subprocess.run(stop, capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _up_and_down(case: Case) -> Iterator[Stack]:
    stack = Stack(case, f"rule-clinic-{uuid.uuid4().hex[:8]}")
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
    if stack.left():
        raise Failed(f"left behind: {', '.join(stack.left())}")


def treat(case: Case, *, whole: bool = True, fixes: bool = True) -> Seen:
    """Up, check, down; what is fixable is fixed and undone live (when ``fixes``) and persisted (when ``whole``).

    Raises Failed.
    """
    seen, began = Seen(case), time.monotonic()
    with running(case) as stack:
        asked = time.monotonic()
        status, report, said = stack.check()
        seen.check_seconds = time.monotonic() - asked
        _judge(case, seen, status, report, said, case.expect, case.announced, case.found_status)
        if case.fixable and fixes and KIND not in case.fix_not_on:
            seen.live = live(stack)
            seen.persisted = persisted(stack) if whole else "-"
    seen.seconds = time.monotonic() - began
    return seen


def _judge(
    case: Case,
    seen: Seen,
    status: int,
    report: dict[str, Any],
    said: str,
    expect: str | None,
    announced: Sequence[str],
    wanted_status: int,
) -> None:
    seen.found = [each["code"] for each in report["findings"] if not each["announced"]]
    seen.announced = [each["code"] for each in report["findings"] if each["announced"]]
    wanted = [expect] if expect else []
    below = [each["code"] for finding in report["findings"] for each in finding["suppressed"]]
    if expect == case.expect and not set(case.under) <= set(below):
        raise Failed(f"{case.name}: {list(case.under)} must be listed under {expect}, found {below}")
    if seen.found != wanted or seen.announced != list(announced) or status != wanted_status:
        raise Failed(
            f"{case.name}: expected {wanted} (announced {list(announced)}), found {seen.found} "
            f"(announced {seen.announced}), exit {status}, verdict {report['verdict']}. {said}\n"
            f"{json.dumps([report['edges'], report['findings'], report['unjudged']], indent=1)}"
        )


def _run(command: Sequence[str], *, check: bool = True, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        list(command), capture_output=True, text=True, timeout=TIMEOUT, env=env, stdin=subprocess.DEVNULL, check=False
    )
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _names(kind: str, part: str) -> list[str]:
    listing = ["docker", "ps", "-a", "--format", "{{.Names}}"]
    if kind == "network":
        listing = ["docker", "network", "ls", "--format", "{{.Name}}"]
    if kind == "service":
        listing = ["docker", "service", "ls", "--format", "{{.Name}}"]
    return [name for name in _run([*listing, "--filter", f"name={part}"]).split() if part in name]


def _pid(container: str) -> str:
    told, full_id = _run(["docker", "inspect", "--format", "{{.State.Pid}} {{.Id}}", container]).split()
    return str(pid_here(full_id, int(told)))


def _ip(container: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    return _run(["docker", "inspect", "--format", form, container]).split()[0]


def _vip(service: str) -> str:
    form = "{{range .Endpoint.VirtualIPs}}{{.Addr}} {{end}}"
    return _run(["docker", "service", "inspect", "--format", form, service]).split()[0].partition("/")[0]


LOOK_UP = {"pid": _pid, "ip": _ip, "vip": _vip}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(words: Sequence[str]) -> int:
    """The table, on stdout. 1 when a stack did not do what its case says."""
    # The stack that is up, and engines that were started, are gone afterwards all the same.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    fixes, failed = "--check" not in words, 0
    whole = fixes and "--live" not in words
    came_of: dict[str, str] = {}
    chosen = cases([word for word in words if not word.startswith("--")])
    columns = ("stack", "expected", "found", "announced", "live", "persisted")
    print(f"{columns[0]:34} {columns[1]:9} {columns[2]:9} {columns[3]:10} {columns[4]:5} {columns[5]:9} check      all")
    for case in chosen:
        if case.missing:
            print(f"{case.name:34} skipped: needs {case.missing}")
            came_of[case.name] = case.missing
            continue
        try:
            seen = treat(case, whole=whole, fixes=fixes)
        except Failed as error:
            failed += 1
            came_of[case.name] = "failed"
            print(f"{case.name:34} {case.expect or 'nothing':9} FAILED\n{error}", flush=True)
            continue
        came_of[case.name] = "ok"
        print(
            f"{case.name:34} {case.expect or 'nothing':9} {', '.join(seen.found) or 'nothing':9} "
            f"{', '.join(seen.announced) or '-':10} {seen.live:5} {seen.persisted:9} "
            f"{seen.check_seconds:5.2f}s {seen.seconds:7.2f}s",
            flush=True,
        )
    for title, reasons in (
        ("Made permanent by hand", {case.name: case.paste for case in chosen if case.paste}),
        ("Not fixed by netdoctor", {case.name: case.by_hand for case in chosen if case.by_hand}),
        (f"Not fixed on {KIND}", {case.name: case.fix_not_on[KIND] for case in chosen if KIND in case.fix_not_on}),
    ):
        if reasons:
            print(f"\n{title}, because:")
            for name, why in reasons.items():
                print(f"  {name:34} {why}")
    if result := os.environ.get("NETDOCTOR_CLINIC_RESULT"):
        Path(result).write_text(json.dumps(came_of))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
