"""Workers and their coordinator, together, make what one run makes; any of them may die on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.exits import Exit
from netdoctor.migration.batches import Limits
from netdoctor.migration.ledger import LedgerBusy, LedgerMismatch, open_ledger
from netdoctor.migration.plan import make_plan
from netdoctor.migration.planfile import PlanFile, read_plan, write_plan
from netdoctor.migration.points import Layout, Metric, Point, point_id
from netdoctor.migration.prepare import Wishes
from netdoctor.migration.run import Options, Result
from netdoctor.migration.shards import Meeting, Part, Shard, coordinate, work
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making

from .lab import Server, everything, records, via_host, write_export

NETDOCTOR = (sys.executable, "-m", "netdoctor")


@given(st.integers(0, 5000), st.integers(1, 60))
def test_all_shards_together_have_each_record_once(count: int, workers: int) -> None:
    shares = [Shard(number, workers).share(count) for number in range(1, workers + 1)]
    numbers = [number for share in shares for number in range(share.start, share.end or 0)]
    assert numbers == list(range(1, count + 1))


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "a/b", "1/0", "-1/4", "1/99999", "1/4/2", "²/4"])
def test_what_is_no_shard_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="is not NUMBER/OF"):
        Shard.parse(text)
    assert str(Shard.parse("2/4")) == "2/4"


def made(tmp_path: Path, own: str, count: int = 300) -> tuple[PlanFile, Path, list[dict[str, Any]]]:
    things = records(count, 8)
    for thing in things:
        thing["namespace"] = own
    export = write_export(tmp_path / "e.json", things)
    source = ExportJson(export)
    plan = make_plan(source, Layout())
    write_plan(tmp_path / "plan.json", plan, source, limits=Limits(points=10))
    return read_plan(tmp_path / "plan.json", source), export, things


class Crew:
    """A coordinator and its workers, each with a target of its own."""

    def __init__(self, qdrant: Server, file: PlanFile, export: Path, **how: Any) -> None:
        self.qdrant, self.file, self.export = qdrant, file, export
        self.options = Options(file.layout, file.limits, in_flight=2, file=file, request_timeout=0.5, **how)

    def coordinate(self, workers: int, silence: float | None = None) -> Result:
        ledger = open_ledger(Meeting(self.file.path).coordinator)
        try:
            with via_host(self.qdrant, Transport.REST) as target:
                export = ExportJson(self.export)
                return coordinate(export, target, self.file, workers, ledger, self.options, silence=silence)
        finally:
            ledger.close()

    def work(self, number: int, of: int, patience: float = 20.0, restart: bool = False) -> Part:
        with via_host(self.qdrant, Transport.REST) as target:
            shard = Shard(number, of)
            return work(
                ExportJson(self.export), target, self.file, shard, self.options, patience=patience, restart=restart
            )


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def test_four_workers_make_what_one_run_makes(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, things = made(tmp_path, own)
    crew = Crew(qdrant, file, export)
    whole = pool.submit(crew.coordinate, 4)
    parts = [pool.submit(crew.work, number, 4) for number in (3, 1, 4, 2)]
    assert sorted(part.result(60).written for part in parts) == [75, 75, 75, 75]
    result = whole.result(60)
    assert result.good, result.verification.problems
    assert (result.verification.verified, result.verification.searched, result.created) == (300, 100, (own,))
    # Started again, nobody has anything to do.
    again = pool.submit(crew.coordinate, 4)
    assert crew.work(2, 4).sent == 0
    assert again.result(60).good
    with via_host(qdrant, Transport.REST) as target:
        stored = everything(target, own, [point_id(thing["id"]) for thing in things])
        assert len(stored) == target.count(own) == 300


def test_a_worker_without_a_coordinator_gives_up_and_one_of_another_division_is_refused(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, _ = made(tmp_path, own, 20)
    crew = Crew(qdrant, file, export)
    with pytest.raises(MigrationFailed, match="for the coordinator, in vain") as caught:
        crew.work(1, 2, patience=0)
    assert "--coordinate" in caught.value.hint
    whole = pool.submit(crew.coordinate, 2)
    crew.work(1, 2)
    with pytest.raises(LedgerMismatch, match="divided the work by 2, not by 3"):
        crew.work(1, 3)
    held = open_ledger(Meeting(file.path).ledger(Shard(2, 2)))
    with pytest.raises(LedgerBusy):
        crew.work(2, 2)
    held.close()
    crew.work(2, 2)
    assert whole.result(60).good


def test_a_worker_that_shows_no_sign_of_life_is_given_up_by_name_and_the_same_call_goes_on(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, _ = made(tmp_path, own, 20)
    asleep: list[float] = []

    def sleep(seconds: float) -> None:
        asleep.append(seconds)
        if len(asleep) == 3:  # worker 2 writes something, and has all the time again
            (tmp_path / "plan.json.2-of-3.sqlite").touch()

    crew = Crew(qdrant, file, export, sleep=sleep)
    with pytest.raises(MigrationFailed, match=r"^Workers 1/3, 3/3 never began; 1 still at work") as caught:
        crew.coordinate(3, silence=2.5)
    assert "--shard 1/3" in caught.value.hint and caught.value.status == Exit.FINDINGS
    assert sum(asleep) == 2.5
    assert Crew(qdrant, file, export).work(1, 3).good
    Meeting(file.path).ledger(Shard(2, 3)).unlink()
    with pytest.raises(MigrationFailed, match=r"Workers 2/3, 3/3 never began\. Nothing is verified yet\."):
        crew.coordinate(3, silence=1)
    whole = pool.submit(Crew(qdrant, file, export).coordinate, 3, 60)
    assert crew.work(2, 3).good and crew.work(3, 3).good
    assert whole.result(60).good


def test_the_ledger_of_another_plan_is_refused_and_one_started_over_is_taken(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, _ = made(tmp_path, own, 20)
    crew = Crew(qdrant, file, export)
    whole = pool.submit(crew.coordinate, 1)
    assert crew.work(1, 1).sent == 20
    assert whole.result(60).good
    again, _, _ = made(tmp_path, own, 20)  # another plan under the same name
    crew = Crew(qdrant, again, export)
    Meeting(again.path).coordinator.unlink()
    whole = pool.submit(crew.coordinate, 1)
    with pytest.raises(LedgerMismatch, match="its run was"):
        crew.work(1, 1)
    assert crew.work(1, 1, restart=True).written == 20
    assert whole.result(60).good


def test_what_a_worker_lost_is_found_by_the_coordinator(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, things = made(tmp_path, own, 60)
    crew = Crew(qdrant, file, export)
    whole = pool.submit(crew.coordinate, 2)
    crew.work(1, 2)
    with via_host(qdrant, Transport.REST) as target:
        lost = point_id(things[7]["id"])
        right = target.retrieve(own, [lost])[lost]
        target.upsert(own, [target.encode(Point(lost, right.vector, {**right.payload, "name": "x"}))])
    crew.work(2, 2)
    result = whole.result(60)
    assert not result.good and "record 8 " in result.verification.problems[0]


def test_indexing_is_put_back_when_the_last_worker_is_done_or_the_coordinator_is_stopped(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netdoctor.migration.deferral.WORTH", 0.0)
    file, export, _ = made(tmp_path, own, 40)
    seen: list[int | None] = []
    with via_host(qdrant, Transport.REST) as target:

        def stop(_seconds: float) -> None:
            state = target.collection(own)
            assert state is not None
            seen.append(state.indexing_threshold)
            raise KeyboardInterrupt

        crew = Crew(qdrant, file, export, sleep=stop)
        with pytest.raises(KeyboardInterrupt):
            crew.coordinate(2)
        after = target.collection(own)
        assert after is not None and seen[0] != after.indexing_threshold
        crew = Crew(qdrant, file, export)
        whole = pool.submit(crew.coordinate, 2)
        crew.work(1, 2)
        crew.work(2, 2)
        assert whole.result(60).good
        last = target.collection(own)
        assert last is not None and last.indexing_threshold == after.indexing_threshold


def test_refused_records_of_any_worker_are_in_the_whole(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, things = made(tmp_path, own, 40)
    crew = Crew(qdrant, file, export, max_errors=1, wishes=Wishes(defer=False))
    whole = pool.submit(crew.coordinate, 2)
    ledger = open_ledger(Meeting(file.path).ledger(Shard(2, 2)))
    ledger.set_trouble(33, "refused", "record 33: no")
    ledger.set_fact("binding", "{}")  # as a ledger of this worker has it
    ledger._db.execute("DELETE FROM fact WHERE name = 'binding'")
    ledger._db.commit()
    ledger.set_fact("former target", "")
    ledger.close()
    crew.work(1, 2)
    part = crew.work(2, 2)
    assert not part.good and part.refused == {33: "record 33: no"}
    result = whole.result(60)
    assert not result.good and result.refused == {33: "record 33: no"}
    assert things


def test_a_killed_worker_goes_on_as_a_process_of_the_command_line(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    file, export, _ = made(tmp_path, own, 3000)
    crew = Crew(qdrant, file, export)
    whole = pool.submit(crew.coordinate, 2)
    command = [*NETDOCTOR, "migrate", str(export), "--plan", str(file.path), "--shard", "2/2", "--to", qdrant.url]
    command += ["--transport", "rest", "--request-timeout", "1"]
    environment = {**os.environ, "NETDOCTOR_STATE_DIR": str(tmp_path / "state")}
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    try:
        assert first.stderr is not None
        for line in first.stderr:
            if line.startswith(b"Batch "):
                break
        first.send_signal(signal.SIGKILL)
        first.stderr.close()
    finally:
        first.kill()
        first.wait(10)
    threading.Thread(target=crew.work, args=(1, 2)).start()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "Worker 2/2 is at its end" in done.stdout
    sent = int(done.stdout.split("written")[1].split("(")[1].split(" ")[0])
    assert sent < 1500
    deadline = time.monotonic() + 60
    while not whole.done() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert whole.result(1).good


def test_workers_of_several_machines_have_one_count_of_what_may_be_left_out(
    qdrant: Server, tmp_path: Path, own: str, pool: ThreadPoolExecutor
) -> None:
    things = records(60, 8)
    for number, thing in enumerate(things):
        thing["namespace"] = own
        if number in (5, 15, 45):
            thing["values"][0] = 1e9  # no float16
    del things[30]["values"]
    export = write_export(tmp_path / "e.json", things)
    plan = make_plan(ExportJson(export), Layout(metric=Metric.DOT), max_errors=9)
    write_plan(tmp_path / "plan.json", plan, ExportJson(export), limits=Limits(points=10))
    file = read_plan(tmp_path / "plan.json", ExportJson(export))
    how = {"wishes": Wishes(Making(datatype="float16"), defer=False)}
    # One that the plan has skipped, two that are refused; the third is too many, whoever meets it.
    crew = Crew(qdrant, file, export, max_errors=3, **how)
    whole = pool.submit(crew.coordinate, 2)
    assert set(crew.work(1, 2).refused) == {6, 16}
    for _ in range(2):
        with pytest.raises(MigrationFailed, match="Record 46"):
            crew.work(2, 2)
    # Begun anew, the first one gives back what it had left out, and leaves out the same again.
    assert set(crew.work(1, 2, restart=True).refused) == {6, 16}
    crew.options = replace(crew.options, max_errors=4)
    assert set(crew.work(2, 2).refused) == {46}
    result = whole.result(60)
    assert not result.good and set(result.refused) == {6, 16, 46} and result.verification.verified == 56
