"""A plan pass that is killed goes on where it was, and its plan is that of one pass."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration import plan as planning
from netdoctor.migration import planlog
from netdoctor.migration.duplicates import HashLog
from netdoctor.migration.plan import Plan, make_plan
from netdoctor.migration.planlog import PlanLog, forget, planlog_of
from netdoctor.migration.points import Layout
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sofar import SoFar
from netdoctor.migration.sources.interface import Cursor, Source, open_source

from .lab import Server, records, write_export

COUNT = 400
LAYOUT = Layout(strip_prefix="user_")


def as_json(folder: Path, things: list[dict[str, Any]]) -> Path:
    return write_export(folder / "e.json", things)


def as_gzip(folder: Path, things: list[dict[str, Any]]) -> Path:
    (folder / "e.json.gz").write_bytes(gzip.compress(json.dumps(things).encode()))
    return folder / "e.json.gz"


def as_lines(folder: Path, things: list[dict[str, Any]]) -> Path:
    (folder / "e.jsonl").write_text("".join(json.dumps(thing) + "\n" for thing in things), "utf-8")
    return folder / "e.jsonl"


def as_parquet(folder: Path, things: list[dict[str, Any]]) -> Path:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [{**thing, "metadata": json.dumps(thing["metadata"])} for thing in things]
    parquet.write_table(arrow.Table.from_pylist(rows), folder / "e.parquet", row_group_size=70)
    return folder / "e.parquet"


def as_folder(folder: Path, things: list[dict[str, Any]]) -> Path:
    (folder / "all").mkdir()
    as_json(folder / "all", things[:150])
    as_lines(folder / "all", things[150:170])
    as_gzip(folder / "all", things[170:])
    return folder / "all"


KINDS: list[Callable[[Path, list[dict[str, Any]]], Path]] = [as_json, as_gzip, as_lines, as_parquet, as_folder]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place every ten records, and a checkpoint at each."""
    monkeypatch.setattr(planning, "EVERY", 10)
    monkeypatch.setattr(planning, "KEEP", 0)
    monkeypatch.setattr(planlog, "EVERY", 0.0)
    monkeypatch.setattr(planlog, "_SLOW", 0)


def things() -> list[dict[str, Any]]:
    """With everything that a plan remembers: a dimension that differs, keys left out, sparse values, fractions late."""
    made = records(COUNT, 6)
    for number, thing in enumerate(made):
        thing["namespace"] = f"user_{number // 90}"
    made[3]["values"] = [1.0]
    made[5]["text"] = "is left out"
    made[200]["sparse_values"] = {"indices": [1, 7], "values": [0.5, 1.0]}
    made[390]["metadata"]["age"] = 0.5
    return made


def read(source: Source, beside: Path | None, stop: int | None = None, read_from: list[int] | None = None) -> Plan:
    """Interrupted behind ``stop`` records; ``read_from``: the number of the first that was read."""
    real = source.records

    def some(start: Cursor = None) -> Iterator[Record | BadRecord]:
        found = real(start)
        first = next(found)
        (read_from if read_from is not None else []).append(first.number)
        yield first
        yield from found if stop is None else islice(found, stop)
        if stop is not None:
            raise KeyboardInterrupt

    source.records = some  # type: ignore[method-assign]
    return make_plan(source, LAYOUT, max_errors=1, beside=beside)


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_pass_goes_on_and_its_plan_is_that_of_one_pass(
    tmp_path: Path, kind: Callable[[Path, list[dict[str, Any]]], Path]
) -> None:
    export, ledger = kind(tmp_path, things()), tmp_path / "l"
    whole = read(open_source(export), None)
    assert not planlog_of(ledger).exists()
    began: list[int] = []
    for stop in (120, 15, 160):
        with pytest.raises(KeyboardInterrupt):
            read(open_source(export), ledger, stop, began)
        assert planlog_of(ledger).exists()
    source = open_source(export)
    last = read(source, ledger, None, began)
    assert {**last.to_json(), "seconds": 0} == {**whole.to_json(), "seconds": 0} and last.layout == whole.layout
    assert last.points == COUNT - 1 and last.skipped == 1
    assert began[0] == 1 and 80 < began[1] <= 121 and began[1] < began[2] < 150 and began[3] > 210
    assert [record.number for record in last.good(source, 300, 305)] == [300, 301, 302, 303, 304]
    forget(ledger)
    assert not planlog_of(ledger).exists()


def test_a_file_that_was_cut_anywhere_is_taken_as_far_as_it_is_whole(tmp_path: Path) -> None:
    export, ledger = as_json(tmp_path, things()), tmp_path / "l"
    whole = read(open_source(export), None)
    with pytest.raises(KeyboardInterrupt):
        read(open_source(export), ledger, 200)
    data = planlog_of(ledger).read_bytes()
    chance = random.Random(5)
    for _ in range(25):
        damaged = bytearray(data[: chance.randrange(len(data))])
        if damaged and chance.random() < 0.3:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        planlog_of(ledger).write_bytes(damaged)
        assert {**read(open_source(export), ledger).to_json(), "seconds": 0} == {**whole.to_json(), "seconds": 0}


def test_what_does_not_fit_is_begun_anew(tmp_path: Path) -> None:
    export, ledger = as_json(tmp_path, things()), tmp_path / "l"
    with pytest.raises(KeyboardInterrupt):
        read(open_source(export), ledger, 200)
    changed = things()
    changed[0]["id"] = "another"
    as_json(tmp_path, changed)
    began: list[int] = []
    assert read(open_source(export), ledger, None, began).digest
    assert began == [1]
    with pytest.raises(KeyboardInterrupt):
        read(open_source(export), ledger, 200)
    other = make_plan(open_source(export), Layout(), max_errors=1, beside=ledger)
    assert {each.name for each in other.collections} == {f"user_{number}" for number in range(5)}


def test_records_for_one_point_are_found_on_both_sides_of_the_interruption(tmp_path: Path) -> None:
    twice = things()
    twice[300]["id"], twice[300]["namespace"] = twice[20]["id"], twice[20]["namespace"]
    export, ledger = as_json(tmp_path, twice), tmp_path / "l"
    with pytest.raises(KeyboardInterrupt):
        read(open_source(export), ledger, 200)
    plan = make_plan(open_source(export), LAYOUT, max_errors=1, on_duplicate="last", beside=ledger)
    assert list(plan.losers) == [21] and plan.points == COUNT - 2


def test_a_bad_export_leaves_nothing_and_where_nothing_can_be_written_the_pass_does_without(tmp_path: Path) -> None:
    export, ledger = as_json(tmp_path, things()), tmp_path / "l"
    with pytest.raises(MalformedExport):
        make_plan(open_source(export), LAYOUT, beside=ledger)
    assert not planlog_of(ledger).exists()
    planlog_of(ledger).mkdir()
    assert read(open_source(export), ledger).points == COUNT - 1
    assert read(open_source(export), tmp_path / "no" / "such").points == COUNT - 1
    planlog_of(ledger).rmdir()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    planlog_of(ledger).symlink_to(victim)
    assert read(open_source(export), ledger).points == COUNT - 1
    assert victim.read_text() == "mine"


def test_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    with PlanLog(tmp_path / "p", {}) as first, PlanLog(tmp_path / "p", {}) as second, HashLog() as log:
        first.keep(SoFar(marks=[(1, None)]))
        assert second.earlier(log) is None
        second.fresh.append(7)
        second.keep(SoFar())
        assert not second.fresh
    with PlanLog(tmp_path / "p", {}) as third, HashLog() as log:
        again = third.earlier(log)
        assert again is not None and again.marks == [(1, None)]


CHILD = """
import sys
from netdoctor.migration import plan, planlog
plan.EVERY, plan.KEEP, planlog.EVERY, planlog._SLOW = 100, 0, 0.0, 0
from netdoctor.cli.main import main
main(sys.argv[1:])
"""


def test_killed_at_any_moment_of_the_plan_pass_the_same_command_goes_on(
    qdrant: Server, tmp_path: Path, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [{**thing, "namespace": own} for thing in records(6000, 16)]
    export = write_export(tmp_path / "e.json", made)
    command = ["migrate", str(export), "--to", qdrant.url, "--transport", "rest", "-q"]
    log = tmp_path / "e.json.netdoctor.sqlite.planning"
    chance, sizes = random.Random(1), [0]
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, *command], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while child.poll() is None and time.monotonic() < deadline:
                if log.exists() and log.stat().st_size > sizes[-1]:
                    break
            time.sleep(chance.random() * 0.01)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        sizes.append(log.stat().st_size if log.exists() else sizes[-1])
    assert sizes[1] > 0, "never killed in the plan pass"
    assert run(command) == Exit.OK
    assert "6000 of 6000 vectors are in Qdrant, verified" in capsys.readouterr().out
    assert sorted(each.name for each in tmp_path.iterdir()) == ["e.json", "e.json.netdoctor.sqlite"]
