"""A rollback takes back what the run wrote, and nothing that was there before or changed since."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone, Event
from netdoctor.migration.ledger import LedgerMismatch, open_ledger
from netdoctor.migration.points import Layout, Metric, Point, point_id
from netdoctor.migration.retry import Retry
from netdoctor.migration.rollback import RolledBack, Run, roll_back
from netdoctor.migration.run import Options
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Target

from .lab import Server, records, run_once, server, via_host, write_export

OPTIONS = Options(Layout(), Limits(points=10), in_flight=2)


def export_of(tmp_path: Path, own: str, count: int = 60) -> tuple[Path, list[dict[str, Any]]]:
    things = records(count)
    for thing in things:
        thing["namespace"] = own
    return write_export(tmp_path / "e.json", things), things


def back(export: Path, target: Target, ledger: Path, **how: Any) -> RolledBack:
    opened = open_ledger(ledger)
    try:
        source = ExportJson(export)
        mine = Run.of(opened, source, target.address)
        return roll_back(source, target, mine, retry=Retry(patience=5), **how)
    finally:
        opened.close()


def points_of(things: list[dict[str, Any]]) -> list[Point]:
    from netdoctor.migration.records import Record

    layout = Layout(integers=frozenset({"age"}))
    return [
        layout.point(Record(1, 0, 0, t["id"], np.array(t["values"], dtype=np.float32), t["metadata"], ""))
        for t in things
    ]


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_a_collection_of_our_own_goes_whole_and_the_run_can_be_made_again(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    export, _ = export_of(tmp_path, own)
    with via_host(qdrant, transport) as target:
        assert run_once(export, target, tmp_path / "l", OPTIONS).good
        result = back(export, target, tmp_path / "l")
        assert (result.deleted, result.dropped, result.kept, result.whole) == (60, [own], 0, True)
        assert target.collection(own) is None
        again = run_once(export, target, tmp_path / "l", OPTIONS)
        assert again.good and again.sent == 60


def test_what_was_changed_or_added_since_stays_and_is_told(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, things = export_of(tmp_path, own)
    with via_host(qdrant, Transport.AUTO) as target:
        assert run_once(export, target, tmp_path / "l", OPTIONS).good
        changed = point_id(things[7]["id"])
        stored = target.retrieve(own, [changed])[changed]
        stranger = Point("00000000-0000-4000-8000-000000000001", stored.vector, {"mine": 1})
        mine = [replace(stored, payload={**stored.payload, "name": "new"}), stranger]
        target.upsert(own, [target.encode(point) for point in mine])
        result = back(export, target, tmp_path / "l")
        assert (result.deleted, result.kept, result.dropped) == (59, 1, [])
        assert "record 8 " in result.told[0]
        assert target.count(own) == 2
        assert target.retrieve(own, [changed])[changed].payload["name"] == "new"


def test_points_that_were_there_before_stay_also_when_they_are_equal(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, things = export_of(tmp_path, own)
    before = points_of(things)[20:30]

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 40:
            raise KeyboardInterrupt

    with via_host(qdrant, Transport.AUTO) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in before])
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", OPTIONS, listener=stop)
        result = run_once(export, target, tmp_path / "l", OPTIONS)
        assert result.good
        rolled = back(export, target, tmp_path / "l")
        assert (rolled.before, rolled.deleted, rolled.kept, rolled.dropped) == (10, 50, 0, [])
        assert target.count(own) == 10
        assert set(target.retrieve(own, [point.id for point in before])) == {point.id for point in before}


def test_a_half_done_run_is_taken_back_after_its_last_request_is_surely_dead(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, _ = export_of(tmp_path, own)
    slept: list[float] = []

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 30:
            raise KeyboardInterrupt

    with via_host(qdrant, Transport.AUTO) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", OPTIONS, listener=stop)
        opened = open_ledger(tmp_path / "l")
        opened.remember({"writing": "61.0"})  # as a killed run leaves it
        opened.close()
        os.utime(tmp_path / "l", (time.time() - 10, time.time() - 10))
        result = back(export, target, tmp_path / "l", sleep=slept.append)
        assert result.whole and 30 <= result.deleted < 60
        assert result.deleted + result.missing == 60
        assert target.collection(own) is None
    assert len(slept) == 1 and 0 <= slept[0] <= 61


def test_another_export_or_target_is_refused_before_anything_is_deleted(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, things = export_of(tmp_path, own)
    with via_host(qdrant, Transport.AUTO) as target:
        assert run_once(export, target, tmp_path / "l", OPTIONS).good
        write_export(export, things[:-1])
        with pytest.raises(LedgerMismatch):
            back(export, target, tmp_path / "l")
        opened = open_ledger(tmp_path / "l")
        with pytest.raises(LedgerMismatch):
            Run.of(opened, ExportJson(export), "http://elsewhere")
        opened.close()
        assert target.count(own) == 60


def test_skip_existing_leaves_what_is_there_and_says_so(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, things = export_of(tmp_path, own)
    options = replace(OPTIONS, skip_existing=True)
    theirs = [replace(point, payload={"theirs": True}) for point in points_of(things)[5:8]]
    with via_host(qdrant, Transport.AUTO) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in theirs])
        for _ in range(2):
            result = run_once(export, target, tmp_path / "l", options)
            assert result.good
            assert (result.verification.left_alone, result.verification.verified) == (3, 57)
        rolled = back(export, target, tmp_path / "l")
        assert (rolled.before, rolled.deleted) == (3, 57)
        assert target.count(own) == 3
        assert target.retrieve(own, [theirs[0].id])[theirs[0].id].payload == {"theirs": True}


def test_what_a_killed_run_never_came_to_is_not_its_own_even_where_it_is_equal(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, things = export_of(tmp_path, own)
    theirs = points_of(things)[50:]

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone):
            raise KeyboardInterrupt

    with via_host(qdrant, Transport.AUTO) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in theirs])
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", replace(OPTIONS, in_flight=1), listener=stop)
        rolled = back(export, target, tmp_path / "l")
        assert rolled.before == 10 and rolled.deleted >= 10 and rolled.dropped == []
        assert set(target.retrieve(own, [point.id for point in theirs])) == {point.id for point in theirs}
        assert target.count(own) == 10


def test_a_migration_from_another_qdrant_is_taken_back(
    qdrant: Server, tmp_path: Path, own: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, things = export_of(tmp_path, own)
    source = f"{qdrant.url}/{own}"
    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in points_of(things)])
        with server(tmp_path) as other:
            to = ["--to", other.url, "--transport", "rest"]
            assert run(["migrate", source, *to, "--id-field", "__id__"]) == Exit.OK
            with via_host(other, Transport.REST) as moved:
                assert moved.count(own) == 60
            assert run(["vectors", "rollback", source, *to, "--yes"]) == Exit.OK
            assert "deleted      60" in capsys.readouterr().out
            with via_host(other, Transport.REST) as moved:
                assert moved.collection(own) is None
        assert target.count(own) == 60
