"""``migrate --processes``: as one run, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.points import point_id
from netdoctor.migration.target import Transport

from .lab import Server, everything, records, via_host, write_export

Output = pytest.CaptureFixture[str]
COUNT = 900
SLOWLY = """
import sys, time
from netdoctor.migration.targets.rest import RestTarget
upsert = RestTarget.upsert
def slowly(*arguments, **more):
    time.sleep(0.05)
    return upsert(*arguments, **more)
RestTarget.upsert = slowly
"""
"""In every process of the run: there is time to kill one."""


@pytest.fixture
def export(tmp_path: Path, own: str) -> Path:
    names = (own, f"{own}b", "")
    things = records(COUNT, 4)
    return write_export(tmp_path / "e.json", [{**thing, "namespace": names[n % 3]} for n, thing in enumerate(things)])


def typed(qdrant: Server, export: Path, own: str, *more: str) -> list[str]:
    to = ["--to", qdrant.url, "--transport", "rest", "--default-collection", f"{own}c"]
    # So long is waited for the last requests of a run that was killed.
    return ["migrate", str(export), *to, "--processes", "2", "--request-timeout", "2", *more]


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to be quick again."""
    home = tmp_path / "slow"
    home.mkdir()
    (home / "sitecustomize.py").write_text(SLOWLY)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(home), *filter(None, [os.environ.get("PYTHONPATH")])]))
    return lambda: monkeypatch.delenv("PYTHONPATH")


@pytest.fixture
def begin() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    begun: list[subprocess.Popen[str]] = []

    def start(arguments: list[str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "netdoctor", *arguments]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for each in begun:
        each.kill()
        each.communicate()


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def writing(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    assert any(line.startswith("Batch ") for line in process.stderr)


def test_two_processes_write_what_one_would(qdrant: Server, export: Path, own: str, capsys: Output) -> None:
    assert run(typed(qdrant, export, own, "--batch-size", "50", "--format", "json")) == Exit.OK
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["verified"], told["sent"], told["resumed"]) == (COUNT, COUNT, False)
    assert "Batch " in err and f"({COUNT}/{COUNT} total)" in err and err.count("target http") == 1
    ids = [point_id(thing["id"]) for thing in records(COUNT, 4)]
    names = (own, f"{own}b", f"{own}c")
    with via_host(qdrant, Transport.REST) as target:
        by_two = {name: everything(target, name, ids) for name in names}
    assert [len(each) for each in by_two.values()] == [300, 300, 300]
    # Again: nothing is left to send. Then verified from the one ledger, and taken back.
    assert run(typed(qdrant, export, own, "--format", "json", "-q")) == Exit.OK
    assert json.loads(capsys.readouterr().out)["sent"] == 0
    assert run(["vectors", "verify", str(export), "-q"]) == Exit.OK
    assert f"OK: {COUNT} of {COUNT} vectors are in Qdrant, verified." in capsys.readouterr().out
    assert run(["vectors", "rollback", str(export), "--yes", "-q"]) == Exit.OK
    with via_host(qdrant, Transport.REST) as target:
        assert target.collection(own) is None
    alone = ["--ledger", str(export.with_name("alone.sqlite")), "-q"]
    assert run([*typed(qdrant, export, own, *alone), "--processes", "1"]) == Exit.OK
    with via_host(qdrant, Transport.REST) as target:
        assert {name: everything(target, name, ids) for name in names} == by_two
    assert run(typed(qdrant, export, own, "-q", "--restart")) == Exit.OK


def test_a_child_that_is_killed_is_named_and_the_same_command_goes_on(
    qdrant: Server,
    export: Path,
    own: str,
    capsys: Output,
    slow: Callable[[], None],
    begin: Callable[..., subprocess.Popen[str]],
) -> None:
    first = begin(typed(qdrant, export, own, "--batch-size", "2"))
    writing(first)
    family = children(first)
    assert len(family) == 2
    os.kill(family[1], signal.SIGKILL)
    out, err = first.communicate(timeout=60)
    assert first.returncode == Exit.UNKNOWN or first.returncode == Exit.FINDINGS, err
    assert "Process 2 of 2 stopped: it was ended by signal 9" in err and "repeat the same command" in err
    assert "Traceback" not in err and out == ""
    assert all(gone(pid) for pid in family)
    with via_host(qdrant, Transport.REST) as target:
        assert 0 < target.count(own) < 300
    slow()
    assert run(typed(qdrant, export, own, "--batch-size", "2", "-q", "--format", "json")) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["verified"] == COUNT and told["resumed"] and told["sent"] < COUNT


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_children_end_with_their_parent_however_it_ends(
    qdrant: Server,
    export: Path,
    own: str,
    capsys: Output,
    slow: Callable[[], None],
    begin: Callable[..., subprocess.Popen[str]],
    order: signal.Signals,
) -> None:
    first = begin(typed(qdrant, export, own, "--batch-size", "2"))
    writing(first)
    family = children(first)
    first.send_signal(order)
    _, err = first.communicate(timeout=60)
    assert first.returncode == (-9 if order is signal.SIGKILL else 130)
    assert "Traceback" not in err
    if order is not signal.SIGKILL:
        assert all(gone(pid) for pid in family)
    until(lambda: all(gone(pid) for pid in family), "the children's end")
    slow()
    assert run(typed(qdrant, export, own, "-q")) == Exit.OK
    assert f"OK: {COUNT} of {COUNT} vectors are in Qdrant, verified." in capsys.readouterr().out


def test_what_a_child_cannot_write_is_told_by_the_parent(
    qdrant: Server, tmp_path: Path, own: str, capsys: Output
) -> None:
    things = [{**thing, "namespace": own} for thing in records(COUNT, 4)]
    export = write_export(tmp_path / "e.json", things)
    assert run(typed(qdrant, export, own, "-q")) == Exit.OK
    capsys.readouterr()
    things[700]["metadata"] = {"other": "content"}
    changed = write_export(tmp_path / "changed.json", things)
    assert run(typed(qdrant, changed, own, "-q")) not in (Exit.OK, Exit.INTERRUPTED)
    err = capsys.readouterr().err
    assert "Process 2 of 2 stopped: " in err and "record 701" in err and "--skip-existing" in err
    assert run(typed(qdrant, changed, own, "-q", "--skip-existing", "--format", "json")) == Exit.OK
    assert json.loads(capsys.readouterr().out)["left_alone"] == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--shard", "1/2", "--plan", "p"], "makes a plan and workers of its own"),
        (["--coordinate", "--plan", "p"], "makes a plan and workers of its own"),
        (["--plan", "p"], "makes a plan and workers of its own"),
        (["--ask-api-key"], "cannot share a prompt"),
        (["--to", "./folder"], "An embedded Qdrant is of one process"),
    ],
)
def test_what_several_processes_cannot_do_is_refused_before_anything_is_written(
    qdrant: Server, export: Path, own: str, capsys: Output, more: list[str], words: str
) -> None:
    assert run([*typed(qdrant, export, own), *more]) == Exit.USAGE
    out, err = capsys.readouterr()
    assert words in err and out == ""
    with via_host(qdrant, Transport.REST) as target:
        assert target.collection(own) is None


def test_a_run_that_is_divided_is_resumed_as_it_is_divided(
    qdrant: Server, export: Path, own: str, capsys: Output
) -> None:
    assert run(typed(qdrant, export, own, "-q")) == Exit.OK
    capsys.readouterr()
    for count, words in (("1", "by 2 processes"), ("3", "by 2 processes")):
        assert run([*typed(qdrant, export, own, "-q"), "--processes", count]) == Exit.USAGE
        err = capsys.readouterr().err
        assert words in err and "resume it with --processes 2" in err
    assert run([*typed(qdrant, export, own, "-q"), "--id-field", "other"]) == Exit.USAGE
    assert "its id field was 'originalId'" in capsys.readouterr().err
    export.write_text(export.read_text() + "\n")
    assert run(typed(qdrant, export, own, "-q")) == Exit.USAGE
    assert "is of another export" in capsys.readouterr().err
    assert run([*typed(qdrant, export, own, "-q"), "--processes", "1", "--restart"]) == Exit.OK


def test_refused_records_are_counted_for_all_as_for_one(
    qdrant: Server, tmp_path: Path, own: str, capsys: Output
) -> None:
    things = [{**thing, "namespace": own} for thing in records(COUNT, 4)]
    bad = range(10, COUNT, 45)
    for number in bad:
        things[number]["values"][2] = 1e9  # no float16
    export = write_export(tmp_path / "e.json", things)
    command = [*typed(qdrant, export, own, "-q", "--datatype", "float16", "--metric", "dot"), "--batch-size", "5"]
    refused = tmp_path / "e.json.netdoctor.sqlite.plan.refused"
    for most in (7, 7, 12):
        assert run([*command, "--max-errors", str(most)]) == Exit.FINDINGS
        err = capsys.readouterr().err
        assert " of 2 stopped: Record " in err and "--max-errors" in err
        taken = [int(line) for line in refused.read_text().splitlines()[1:]]
        assert len(taken) == most and {number - 1 for number in taken} <= set(bad)
    alone = [*command, "--processes", "1", "--ledger", str(tmp_path / "alone"), "--restart", "--max-errors"]
    assert run([*alone, str(len(bad) - 1), "--collection", f"{own}one"]) == Exit.FINDINGS
    assert "Record " in capsys.readouterr().err
    assert run([*command, "--max-errors", str(len(bad)), "--format", "json"]) == Exit.FINDINGS
    told = json.loads(capsys.readouterr().out)
    assert told["verified"] == COUNT - len(bad)
    assert len(refused.read_text().splitlines()) == 1 + len(bad)
