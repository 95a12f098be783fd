#!/usr/bin/env python3
"""The tests that need an engine, three jobs at a time, each with an engine to itself; ``make test`` runs this.

    compose/engine_tests.py [ENGINE...]

While an engine makes or removes a network, its filter is incomplete for some milliseconds: what must not connect can
connect then. So nobody else works on an engine while its tests measure; engines are as quick as workers, and mostly
wait. The parts in APART have engines like this machine's own, beside the other tests; where those cannot be had (not
root, no dockerd here) they come after the others. Then whoever is free takes the next ENGINE of
``compose/engines/run.py``: the contract and the clinic there, without the fixes.
The first job's output appears as it comes, that of the others when all is done. What was red is tried once more,
alone: two processors under three engines can be too slow for a test. Red again, or anything but failed tests, is exit
status 1; what was red only beside the others is told by name on the last lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
RUN = [sys.executable, str(HERE / "engines" / "run.py")]
PYTEST = [sys.executable, "-m", "pytest"]
CONTRACT = ["tests/vantage/test_contract.py", "tests/vantage/test_exec_tools.py"]
# About as long as all the others together, each.
APART = {
    "the clinic and the vantages' contract": ["tests/clinic", *CONTRACT],
    "the rest of the vantages, engines and fixes": [
        *("tests/vantage", "tests/engine", "tests/fixes", "tests/topology"),
        *(f"--ignore={path}" for path in CONTRACT),
    ],
}
ELSEWHERE = [path for paths in APART.values() for path in paths if not path.startswith("-")]
NO_ENGINE = 75
"""What ``run.py`` ends with where a command had no engine."""
TESTS_FAILED = 1
"""What pytest and ``run.py`` end with where something was red; any other status is a fault of another kind."""
TO_CLEAN_UP = 120.0
"""Seconds that an interrupted job may take to stop and remove what it started."""


@dataclass(eq=False)
class Job:
    """A command, where its output goes (None: straight to ours), and its exit status when it has ended.

    ``again``: the command for what was red in it. ``cache``: where pytest leaves the names of that.
    """

    title: str
    command: list[str]
    output: IO[bytes] | None = None
    status: int | None = None
    again: list[str] = field(default_factory=list)
    cache: Path | None = None

    def red(self) -> list[str]:
        """Names, as far as they are known."""
        if self.cache is not None:
            with contextlib.suppress(OSError, ValueError):
                return sorted(json.loads((self.cache / "v" / "cache" / "lastfailed").read_text()))
        if self.output is None or self.output.closed:
            return []
        self.output.seek(0)
        lines = self.output.read().decode(errors="replace").splitlines()
        return [line.strip() for line in lines if ": RED " in line]


@dataclass
class Jobs:
    """What is still to be begun, and what runs now; for two threads."""

    waiting: list[Job]
    running: dict[Job, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopping: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def work(self, job: Job | None) -> None:
        """This one, then whatever is still waiting."""
        while job is not None:
            process = self._begin(job)
            if process is None:
                return
            job.status = process.wait()
            with self.lock:
                del self.running[job]
                job = self.waiting.pop(0) if self.waiting and not self.stopping else None

    def _begin(self, job: Job) -> subprocess.Popen[bytes] | None:
        with self.lock:
            if self.stopping:
                return None
            process = subprocess.Popen(job.command, stdout=job.output, stderr=job.output)
            self.running[job] = process
            return process

    def stop(self, interrupted: bool) -> None:
        """Begins nothing more, and ends what runs the way Ctrl-C does: then tests remove what they made.

        ``interrupted``: they have met Ctrl-C already, like everything on this terminal. A second one would not let
        them finish.
        """
        with self.lock:
            self.stopping = True
            left = list(self.running.values())
        for number in (None if interrupted else signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            for process in left:
                if number and process.poll() is None:
                    process.send_signal(number)
            _wait(left, TO_CLEAN_UP)


def _wait(processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
    until = time.monotonic() + seconds
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))


def second_engine() -> bool:
    return os.geteuid() == 0 and sys.platform == "linux" and all(map(shutil.which, ("dockerd", "nsenter")))


def others(folder: Path, engines: list[str]) -> list[Job]:
    jobs = []
    for name in engines:
        command = [*RUN, name, "--clinic", "check"]
        title = f"the contract and the clinic on {name}"
        jobs.append(Job(title, command, (folder / name).open("w+b"), again=command))
    return jobs


def _tests(folder: Path, title: str, arguments: list[str], before: list[str], output: IO[bytes] | None = None) -> Job:
    """``before``: what puts pytest elsewhere."""
    cache = folder / f"cache of {title}"
    command = [*before, *PYTEST, "-o", f"cache_dir={cache}", *arguments]
    again = [*command, "--last-failed", "--last-failed-no-failures=none"]
    return Job(title, command, output, again=again, cache=cache)


def _apart(folder: Path, title: str, paths: list[str]) -> Job:
    return _tests(folder, title, ["-m", "docker", *paths], [*RUN, "20.10", "--"], (folder / title).open("w+b"))


def summary(jobs: list[Job], red: dict[str, list[str]], second: dict[str, Job]) -> str:
    """The last lines: whoever reads only the end of a long log sees what was red.

    ``red``: names of what was red, by title. ``second``: the second tries, by the first ones' titles.
    """
    lines = ["", "-- what came of it --"]
    for job in jobs:
        names = red.get(job.title, [])
        if job.status == 0:
            word = "green"
        elif job.status == NO_ENGINE:
            word = "not here (no engine of its own; see above)"
        elif job.title in second and second[job.title].status == 0:
            word = "green when tried once more, alone; red before, beside the others"
        else:
            word = f"RED (exit status {job.status})"
        lines += [f"{job.title}: {word}{':' if names else ''}", *(f"    {name}" for name in names)]
    return "\n".join(lines)


def show(job: Job) -> None:
    if job.output is None:
        return
    print(f"\n-- {job.title} --", flush=True)
    job.output.seek(0)
    shutil.copyfileobj(job.output, sys.stdout.buffer)
    sys.stdout.flush()
    job.output.close()


def main(engines: list[str]) -> int:
    os.environ["NETDOCTOR_REQUIRE_ENGINE"] = "1"  # promised: a test that finds none has failed
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    signal.signal(signal.SIGHUP, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="nde-said-") as name:
        folder = Path(name)
        marks = ["-m", "docker or browser"]
        first = _tests(folder, "the others", [*marks, *(f"--ignore={path}" for path in ELSEWHERE)], [])
        jobs = Jobs(others(folder, engines))
        apart = [_apart(folder, title, paths) for title, paths in APART.items()] if second_engine() else []
        all_of_them = [first, *apart, *jobs.waiting]
        lanes = [threading.Thread(target=jobs.work, args=(job,)) for job in (first, *apart)]
        red: dict[str, list[str]] = {}
        second: dict[str, Job] = {}
        try:
            for lane in lanes:
                lane.start()
            for lane in lanes:
                lane.join()
            done = {job.title for job in apart if job.status != NO_ENGINE}
            for title, paths in APART.items():
                if title not in done:
                    all_of_them.append(_tests(folder, title, [*marks, *paths], []))
                    jobs.work(all_of_them[-1])
            for job in all_of_them:
                if job.status in (0, NO_ENGINE):
                    continue
                red[job.title] = job.red()
                if job.status == TESTS_FAILED:
                    output = (folder / f"again: {job.title}").open("w+b")
                    second[job.title] = Job(f"{job.title}: what was red, alone", job.again, output)
                    jobs.work(second[job.title])
                    if second[job.title].status != 0:
                        red[job.title] = job.red() or red[job.title]
        except BaseException as error:
            jobs.stop(interrupted=isinstance(error, KeyboardInterrupt))
            raise
        finally:
            for job in [*all_of_them, *second.values()]:
                show(job)
    print(summary(all_of_them, red, second), flush=True)
    green = {title for title, job in second.items() if job.status == 0}
    return 0 if all(job.status in (0, NO_ENGINE) or job.title in green for job in all_of_them) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
