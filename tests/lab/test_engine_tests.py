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


def _main(body: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """``engine_tests.main`` in a process of its own, after ``body``."""
    code = f"""
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import engine_tests as program
program.second_engine = lambda: True
{body}
raise SystemExit(program.main(["28.5"]))
"""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_one_red_job_is_a_red_run_and_its_output_is_shown() -> None:
    body = """
say = lambda word, status: [sys.executable, "-c", f"print({word!r}); raise SystemExit({status})"]
program.PYTEST = say("first", int(sys.argv[1]))
program.RUN = say("from the side", int(sys.argv[2]))
"""
    assert _main(body, 0, 0).returncode == 0
    assert _main(body, 1, 0).returncode == 1
    red = _main(body, 0, 1)
    assert red.returncode == 1
    assert red.stdout.count("from the side") == 6 and "on 28.5 --" in red.stdout, "each once more"
    assert red.stdout.endswith("the contract and the clinic on 28.5: RED (exit status 1)\n"), "the end of a log says it"
    broken = _main(body, 0, 3)
    assert broken.returncode == 1
    assert broken.stdout.count("from the side") == 3, "what is no failed test is not tried again"
    nobody = _main(body, 0, 75)
    assert nobody.returncode == 0
    assert nobody.stdout.count("first") == 3, "where no other engine can be had, its tests come afterwards"


PROBE = """
import pathlib
here = pathlib.Path(__file__).parent

def test_steady():
    with (here / "steady").open("a") as file:
        file.write("x")

def test_unsteady():
    tried = here / "tried"
    again = tried.exists()
    tried.write_text("once")
    assert again

def test_of_use():
    assert not (here / "broken").exists()
"""


def test_a_test_that_fails_is_tried_once_more_alone_and_told_by_name(tmp_path: Path) -> None:
    probe = tmp_path / "test_probe.py"
    probe.write_text(PROBE)
    body = """
program.PYTEST = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-c", "/dev/null", sys.argv[1]]
program._tests_of = program._tests
program._tests = lambda folder, title, arguments, before, output=None: program._tests_of(folder, title, [], [], output)
program.APART = {}
program.others = lambda folder, engines: []
"""
    unsteady = _main(body, probe)
    assert unsteady.returncode == 0, unsteady.stdout
    assert unsteady.stdout.splitlines()[-2:] == [
        "the others: green when tried once more, alone; red before, beside the others:",
        "    test_probe.py::test_unsteady",
    ]
    assert (tmp_path / "steady").read_text() == "x", "what was green is not tried again"

    (tmp_path / "broken").touch()
    red = _main(body, probe)
    assert red.returncode == 1
    assert red.stdout.splitlines()[-2:] == ["the others: RED (exit status 1):", "    test_probe.py::test_of_use"]
