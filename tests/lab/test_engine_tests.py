"""compose/engine_tests.py: some jobs at a time, and nothing left of them when somebody ends it."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[2] / "compose" / "engine_tests.py"
CLEANS_UP = """
import pathlib, sys, time
print("began", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1]).write_text("cleaned up")
"""


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("engine_tests", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["engine_tests"] = module  # where its dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


def _until(true: Callable[[], bool]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


def _writes(file: Path, word: str, status: int = 0) -> list[str]:
    code = f"import pathlib; pathlib.Path({str(file)!r}).write_text({word!r}); raise SystemExit({status})"
    return [sys.executable, "-c", code]


def test_whoever_is_free_takes_the_next_job_and_each_keeps_its_own_status(program: ModuleType, tmp_path: Path) -> None:
    waiting = [program.Job(str(n), _writes(tmp_path / str(n), "done", n)) for n in range(4)]
    jobs = program.Jobs(list(waiting[2:]))
    lanes = [threading.Thread(target=jobs.work, args=(job,)) for job in waiting[:2]]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()

    assert [job.status for job in waiting] == [0, 1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]
    assert not jobs.running


@pytest.mark.parametrize("interrupted", [False, True], ids=["ended", "after Ctrl-C"])
def test_what_runs_is_interrupted_once_and_cleans_up_and_nothing_else_begins(
    program: ModuleType, tmp_path: Path, interrupted: bool
) -> None:
    said, cleaned, never = tmp_path / "said", tmp_path / "cleaned", tmp_path / "never"
    with said.open("wb") as output:
        job = program.Job("one", [sys.executable, "-c", CLEANS_UP, str(cleaned)], output)
        jobs = program.Jobs([program.Job("two", _writes(never, "begun"))])
        lane = threading.Thread(target=jobs.work, args=(job,))
        lane.start()
        _until(lambda: said.read_bytes() != b"")
        if interrupted:  # as the terminal does it
            jobs.running[job].send_signal(signal.SIGINT)
        jobs.stop(interrupted)
        lane.join(30)

    assert cleaned.read_text() == "cleaned up"
    assert job.status == 0
    assert not lane.is_alive() and not jobs.running and not never.exists()


def test_one_red_job_is_a_red_run_and_its_output_is_shown(program: ModuleType, tmp_path: Path) -> None:
    code = f"""
import pathlib, sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import engine_tests as program
program.second_engine = lambda: True
say = lambda word, status: [sys.executable, "-c", f"print({{word!r}}); raise SystemExit({{status}})"]
program.PYTEST = say("first", int(sys.argv[1]))
program.RUN = say("from the side", int(sys.argv[2]))
raise SystemExit(program.main(["28.5"]))
"""

    def run(first: int, side: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(first), str(side)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert run(0, 0).returncode == 0
    assert run(1, 0).returncode == 1
    red = run(0, 1)
    assert red.returncode == 1
    assert red.stdout.count("from the side") == 3 and "on 28.5 --" in red.stdout
    nobody = run(0, program.NO_ENGINE)
    assert nobody.returncode == 0
    assert nobody.stdout.count("first") == 3, "where no other engine can be had, its tests come afterwards"
