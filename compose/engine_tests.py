#!/usr/bin/env python3
"""The tests that need an engine, three jobs at a time, each with an engine to itself; ``make test`` runs this.

    compose/engine_tests.py [ENGINE...]

While an engine makes or removes a network, its filter is incomplete for some milliseconds: what must not connect can
connect then. So nobody else works on an engine while its tests measure; engines are as quick as workers, and mostly
wait. The parts in APART have engines like this machine's own, beside the other tests; where those cannot be had (not
root, no dockerd here) they come after the others. Then whoever is free takes the next ENGINE of
``compose/engines/run.py``: the contract and the clinic there, without the fixes.
The first job's output appears as it comes, that of the others when all is done. Exit status 1 where anything was red.
"""

from __future__ import annotations

import contextlib
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
TO_CLEAN_UP = 120.0
"""Seconds that an interrupted job may take to stop and remove what it started."""


@dataclass(eq=False)
class Job:
    """A command, where its output goes (None: straight to ours), and its exit status when it has ended."""

    title: str
    command: list[str]
    output: IO[bytes] | None = None
    status: int | None = None


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
        output = (folder / name).open("w+b")
        jobs.append(Job(f"the contract and the clinic on {name}", [*RUN, name, "--clinic", "check"], output))
    return jobs


def _apart(folder: Path, title: str, paths: list[str]) -> Job:
    command = [*PYTEST, "-p", "no:cacheprovider", "-m", "docker", *paths]
    return Job(title, [*RUN, "20.10", "--", *command], (folder / title).open("w+b"))


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
    with tempfile.TemporaryDirectory(prefix="nde-said-") as folder:
        marks = ["-m", "docker or browser"]
        first = Job("the others", [*PYTEST, *marks, *(f"--ignore={path}" for path in ELSEWHERE)])
        jobs = Jobs(others(Path(folder), engines))
        apart = [_apart(Path(folder), title, paths) for title, paths in APART.items()] if second_engine() else []
        all_of_them = [first, *apart, *jobs.waiting]
        lanes = [threading.Thread(target=jobs.work, args=(job,)) for job in (first, *apart)]
        try:
            for lane in lanes:
                lane.start()
            for lane in lanes:
                lane.join()
            done = {job.title for job in apart if job.status != NO_ENGINE}
            for title, paths in APART.items():
                if title not in done:
                    all_of_them.append(Job(title, [*PYTEST, *marks, *paths]))
                    jobs.work(all_of_them[-1])
        except BaseException as error:
            jobs.stop(interrupted=isinstance(error, KeyboardInterrupt))
            raise
        finally:
            for job in all_of_them:
                show(job)
    return 1 if any(job.status not in (0, NO_ENGINE) for job in all_of_them) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
