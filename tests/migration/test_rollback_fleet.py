"""What several workers wrote is taken back in one go; what was there before them stays."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.points import Metric
from netdoctor.migration.shards import Meeting
from netdoctor.migration.target import Transport

from .lab import Server, records, via_host, write_export
from .test_rollback import points_of


def migrated(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: int = 2
) -> tuple[list[str], list[dict[str, Any]]]:
    """The words that name export, plan and target; 60 records moved by two workers."""
    things = records(60)
    for thing in things:
        thing["namespace"] = own
    export, plan = write_export(tmp_path / "e.json", things), tmp_path / "plan.json"
    words = [str(export), "--to", qdrant.url, "--transport", "rest", "--plan", str(plan)]
    assert run(["migrate", str(export), "--dry-run", "--plan", str(plan)]) == Exit.OK
    commands = [["migrate", *words, "--coordinate", "--workers", str(workers)]]
    commands += [["migrate", *words, "--shard", f"{number}/{workers}"] for number in range(1, workers + 1)]
    with ThreadPoolExecutor(len(commands)) as pool:
        assert list(pool.map(run, commands)) == [Exit.OK] * len(commands)
    capsys.readouterr()
    return words, things


def test_a_collection_of_the_fleets_own_goes_whole_and_the_plan_works_again(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, _ = migrated(qdrant, own, tmp_path, capsys)
    assert run(["vectors", "rollback", *words, "--yes", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["deleted"], told["collections_dropped"]) == (60, [own])
    assert not Meeting(tmp_path / "plan.json").ready.exists()
    assert run(["vectors", "rollback", *words, "--yes"]) == Exit.USAGE
    assert "holds no migration" in capsys.readouterr().err
    migrated(qdrant, own, tmp_path, capsys)
    with via_host(qdrant, Transport.REST) as target:
        assert target.count(own) == 60


def test_what_was_there_before_stays_also_where_it_is_equal(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    things = records(60)
    theirs = [point for number, point in enumerate(points_of(things)) if number % 7 == 0]
    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in theirs])
        words, _ = migrated(qdrant, own, tmp_path, capsys)
        assert target.count(own) == 60
        assert run(["vectors", "rollback", *words, "--yes", "--format", "json"]) == Exit.OK
        told = json.loads(capsys.readouterr().out)
        assert (told["kept_from_before"], told["deleted"]) == (len(theirs), 60 - len(theirs))
        assert set(target.retrieve(own, [point.id for point in theirs])) == {point.id for point in theirs}
        assert target.count(own) == len(theirs)


def test_a_worker_without_a_ledger_has_sent_nothing(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, _ = migrated(qdrant, own, tmp_path, capsys)
    (tmp_path / "plan.json.2-of-2.sqlite").unlink()
    assert run(["vectors", "rollback", *words, "--yes"]) == Exit.USAGE
    assert "Worker 2/2 has written, and its ledger" in capsys.readouterr().err
    (tmp_path / "plan.json.2-of-2.done").unlink()  # it never came to its end, nor to its beginning
    assert run(["vectors", "rollback", *words, "--yes", "--format", "json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["deleted"] == 30
    with via_host(qdrant, Transport.REST) as target:
        assert target.count(own) == 30


def test_what_is_not_this_plans_is_a_sentence(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, _ = migrated(qdrant, own, tmp_path, capsys)
    assert run(["vectors", "rollback", *words, "--yes", "--ledger", "x"]) == Exit.USAGE
    assert "leave out --ledger" in capsys.readouterr().err
    assert run(["migrate", words[0], "--dry-run", "--plan", words[-1]]) == Exit.OK  # another plan in its place
    assert run(["vectors", "rollback", *words, "--yes"]) == Exit.USAGE
    assert "is not of the plan" in capsys.readouterr().err
    (tmp_path / "plan.json.coordinator.sqlite").unlink()
    assert run(["vectors", "rollback", *words, "--yes"]) == Exit.USAGE
    assert "There is no ledger" in capsys.readouterr().err
    with via_host(qdrant, Transport.REST) as target:
        assert target.count(own) == 60
