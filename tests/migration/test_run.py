"""The whole loop against a server: complete, resumable, and never over somebody else's data."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone, Event, Planned, Retrying, Waiting
from netdoctor.migration.ledger import CREATED, FOUND, Ledger, LedgerMismatch, open_ledger
from netdoctor.migration.points import Layout, Metric, Point, point_id
from netdoctor.migration.run import Options, migrate
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport, open_folder, open_server
from netdoctor.migration.targets.interface import Target, TargetRefused, TargetUnreachable
from netdoctor.migration.writer import RecordRefused, WouldOverwrite

from .lab import Server, records, run_once, server, via_host, write_export


def own_export(
    tmp_path: Path, own: str, count: int = 103, dimension: int = 8
) -> tuple[Path, list[dict[str, Any]], str]:
    """An export whose two collections nobody else uses; the last part is the big one's name."""
    things = records(count, dimension)
    for thing in things:
        thing["namespace"] = f"user_{own}-{thing['namespace'][-4:]}"
    return write_export(tmp_path / "export.json", things), things, f"{own}-{things[0]['namespace'][-4:]}"


def options(**how: Any) -> Options:
    return Options(Layout(strip_prefix="user_"), Limits(points=how.pop("points", 50)), **how)


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_the_incident_goes_through_complete_and_verified(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    export, things, name = own_export(tmp_path, own, dimension=1024)
    events: list[Event] = []
    with via_host(qdrant, transport) as target:
        result = run_once(export, target, tmp_path / "l", options(), listener=events.append)
        assert result.good
        assert (result.plan.records, result.sent, result.verification.verified) == (103, 103, 103)
        assert [(c.planned, c.equal, c.held) for c in result.verification.collections] == [(102, 102, 102), (1, 1, 1)]
        assert result.verification.searched == result.verification.found == 100
        assert len(result.created) == 2
        stored = target.retrieve(name, [point_id(things[0]["id"])])[point_id(things[0]["id"])]
        assert stored.payload == {
            "name": "Pérson 0",
            "age": 0,
            "score": 0.5,
            "tags": ["a", "b"],
            "active": True,
            "originalId": things[0]["id"],
        }
        assert type(stored.payload["age"]) is int
    batches = [event for event in events if isinstance(event, BatchDone)]
    assert sorted((b.batch, b.batches, b.points) for b in batches) == [(1, 1, 1), (1, 3, 50), (2, 3, 50), (3, 3, 2)]
    assert batches[-1].done == batches[-1].total == 103
    assert isinstance(events[0], Planned)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("netdoctor-w")]


def test_an_embedded_folder_takes_the_same_run(tmp_path: Path, own: str) -> None:
    export, _, name = own_export(tmp_path, own)
    with open_folder(tmp_path / "folder") as target:
        assert run_once(export, target, tmp_path / "l", options()).good
    with open_folder(tmp_path / "folder") as target:
        assert target.count(name) == 102
        again = run_once(export, target, tmp_path / "l", options())
        assert again.good and again.resumed and again.sent == 0


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.EUCLID, Metric.MANHATTAN])
def test_other_metrics_keep_the_vectors_as_they_are(qdrant: Server, tmp_path: Path, own: str, metric: Metric) -> None:
    export, things, name = own_export(tmp_path, own, 30)
    with via_host(qdrant, Transport.AUTO) as target:
        result = run_once(export, target, tmp_path / "l", Options(Layout(metric=metric, strip_prefix="user_")))
        assert result.good, result.verification
        import numpy as np

        stored = target.retrieve(name, [point_id(things[3]["id"])])[point_id(things[3]["id"])]
        assert stored.vector.tobytes() == np.array(things[3]["values"], dtype=np.float32).tobytes()


def test_one_collection_for_all_namespaces(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = [{"id": "same", "values": [1, n], "namespace": f"n{n}"} for n in range(5)]
    export = write_export(tmp_path / "e.json", things)
    with via_host(qdrant, Transport.AUTO) as target:
        result = run_once(export, target, tmp_path / "l", Options(Layout(collection=own)))
        assert result.good
        assert target.count(own) == 5


def test_zero_vectors_and_duplicate_vectors_are_kept(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = [{"id": str(n), "values": [0, 0] if n == 0 else [1, 1], "namespace": own} for n in range(40)]
    export = write_export(tmp_path / "e.json", things)
    with via_host(qdrant, Transport.AUTO) as target:
        result = run_once(export, target, tmp_path / "l")
        assert result.good, result.verification
        assert (result.verification.verified, result.verification.searched) == (40, 39)


def test_a_second_run_of_the_same_command_sends_nothing(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, _, _ = own_export(tmp_path, own)
    with via_host(qdrant, Transport.AUTO) as target:
        assert run_once(export, target, tmp_path / "l", options()).sent == 103
        again = run_once(export, target, tmp_path / "l", options())
        assert (again.good, again.resumed, again.sent, again.created) == (True, True, 0, ())
        fresh = run_once(export, target, tmp_path / "another", options())
        assert (fresh.good, fresh.resumed, fresh.sent) == (True, False, 0)


def test_a_ledger_refuses_another_export_target_or_mapping(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, things, _ = own_export(tmp_path, own)
    with via_host(qdrant, Transport.AUTO) as target:
        run_once(export, target, tmp_path / "l", options())
        with pytest.raises(LedgerMismatch, match="id field was 'originalId', now it is 'x'"):
            run_once(export, target, tmp_path / "l", Options(Layout(strip_prefix="user_", id_field="x")))
        with pytest.raises(LedgerMismatch, match="target"):
            run_once(export, target, tmp_path / "l", options(target_name="http://elsewhere"))
        os.utime(export, (1, 1))  # touched, not changed
        assert run_once(export, target, tmp_path / "l", options()).good
        write_export(export, things[:-1])
        with pytest.raises(LedgerMismatch, match="has changed"):
            run_once(export, target, tmp_path / "l", options())


def test_a_resumed_run_keeps_the_cut_of_the_first(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, _, _ = own_export(tmp_path, own)

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done > 40:
            raise KeyboardInterrupt

    with via_host(qdrant, Transport.AUTO) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", options(points=10), listener=listen)
        result = run_once(export, target, tmp_path / "l", options(points=33))
        assert result.good
        assert 0 < result.sent <= 63


def test_an_export_that_changes_while_it_is_read_is_told(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, _, _ = own_export(tmp_path, own)

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone):
            os.utime(export, (1, event.done))

    changed = pytest.raises(MigrationFailed, match="changed while it was read")
    with via_host(qdrant, Transport.AUTO) as target, changed:
        run_once(export, target, tmp_path / "l", options(), listener=listen)


def test_proxy_variables_are_ignored(qdrant: Server, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "grpc_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for transport in (Transport.GRPC, Transport.REST):
        with via_host(qdrant, transport) as target:
            assert target.collection(own) is None
        with open_server(qdrant.address(), vantage=None, transport=transport) as target:
            assert target.collection(own) is None


def test_an_existing_collection_of_another_kind_is_refused_before_anything_is_written(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, things, name = own_export(tmp_path, own)
    with via_host(qdrant, Transport.AUTO) as target:
        target.create(name, 9, Metric.COSINE)
        with pytest.raises(TargetRefused, match=r"has vectors of 9 dimensions, the export has 8. Nothing was written"):
            run_once(export, target, tmp_path / "l", options())
        other = things[-1]["namespace"].removeprefix("user_")
        assert target.collection(other) is None
        assert target.count(name) == 0
    with via_host(qdrant, Transport.REST) as target:
        target.create(other, 8, Metric.DOT)
        with pytest.raises(TargetRefused, match=r"measures by Dot, not Cosine|9 dimensions"):
            run_once(export, target, tmp_path / "l2", options())


def test_points_of_others_stay_and_equal_ids_with_other_content_stop_the_run(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    import numpy as np

    export, things, name = own_export(tmp_path, own, 20)
    with via_host(qdrant, Transport.AUTO) as target:
        target.create(name, 8, Metric.COSINE)
        stranger = Point("00000000-0000-4000-8000-000000000001", np.eye(8, dtype=np.float32)[0], {"mine": 1})
        target.upsert(name, [target.encode(stranger)])
        result = run_once(export, target, tmp_path / "l", options())
        assert result.good
        assert next(c.held - c.planned for c in result.verification.collections if c.name == name) == 1
        taken = point_id(things[4]["id"])
        target.upsert(name, [target.encode(Point(taken, np.eye(8, dtype=np.float32)[1], {"theirs": True}))])
        with pytest.raises(WouldOverwrite, match=taken):
            run_once(export, target, tmp_path / "l2", options())
        assert target.retrieve(name, [taken])[taken].payload == {"theirs": True}


def test_verification_finds_what_is_lost_changed_or_scaled(qdrant: Server, tmp_path: Path, own: str) -> None:
    import numpy as np

    export, things, name = own_export(tmp_path, own, 30)
    with via_host(qdrant, Transport.AUTO) as target:
        assert run_once(export, target, tmp_path / "l", options()).good
        victim = point_id(things[5]["id"])
        right = target.retrieve(name, [victim])[victim]
        flipped = right.vector.copy()
        flipped[0] = -flipped[0]
        wrong = [
            Point(victim, np.roll(right.vector, 1), right.payload),
            Point(victim, flipped, right.payload),
            Point(victim, right.vector, {**right.payload, "name": "somebody else"}),
            Point(victim, right.vector, {**right.payload, "age": float(right.payload["age"]) + 0.5}),
            Point(victim, right.vector, {**right.payload, "age": float(right.payload["age"])}),
            Point(victim, right.vector, {k: v for k, v in right.payload.items() if k != "score"}),
        ]
        for point in wrong:
            target.upsert(name, [target.encode(point)])
            result = run_once(export, target, tmp_path / "l", options())
            assert not result.good, point
            assert result.verification.verified == 29
            assert "record 6 " in result.verification.problems[0]
        target.upsert(name, [target.encode(right)])
        assert run_once(export, target, tmp_path / "l", options()).good


def test_a_server_that_dies_is_waited_for_and_one_that_stays_dead_is_told(tmp_path: Path, own: str) -> None:
    export, _, _ = own_export(tmp_path, own, 2000)
    events: list[Event] = []
    with server(tmp_path) as first:
        rest, grpc = first.rest, first.grpc
        stop = threading.Event()

        def restart() -> None:
            first.process.kill()
            first.process.wait(10)
            stop.set()

        def listen(event: Event) -> None:
            events.append(event)
            if isinstance(event, BatchDone) and event.done >= 500 and not stop.is_set():
                restart()

        with via_host(first, Transport.GRPC, timeout=10.0) as target:
            with pytest.raises(TargetUnreachable, match=r"of 2000 vectors are written and kept") as caught:
                run_once(export, target, tmp_path / "l", options(patience=1.0), listener=listen)
            assert "resumes" in caught.value.hint
            assert any(isinstance(event, Retrying) for event in events)
            with server(tmp_path, rest=rest, grpc=grpc):
                result = run_once(export, target, tmp_path / "l", options(patience=20.0))
                assert result.good
                assert result.resumed
                assert result.sent <= 1500


class Broken:
    """A target of which one call is replaced."""

    def __init__(self, target: Target, **replaced: Any) -> None:
        self._target = target
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(self._target, name)


def test_a_refused_record_is_found_by_halving_and_named(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, things, _ = own_export(tmp_path, own)
    guilty = point_id(things[37]["id"]).encode()
    sizes: list[int] = []
    with via_host(qdrant, Transport.REST) as real:

        def upsert(collection: str, points: list[bytes], **how: Any) -> None:
            sizes.append(len(points))
            if any(guilty in point for point in points):
                raise TargetRefused("Qdrant refuses the request: bad point.")
            real.upsert(collection, points, **how)

        with pytest.raises(RecordRefused, match=r"Record 38 \(byte \d+, id .*bad point") as caught:
            run_once(export, Broken(real, upsert=upsert), tmp_path / "l", options(in_flight=1))  # type: ignore[arg-type]
        assert "written and kept" in caught.value.message
        assert max(sizes) == 50
        result = run_once(export, real, tmp_path / "l", options(in_flight=1))
        assert result.good and result.resumed


def test_a_busy_server_is_asked_again(qdrant: Server, tmp_path: Path, own: str) -> None:
    from netdoctor.migration.targets.interface import Transient

    export, _, _ = own_export(tmp_path, own)
    lock = threading.Lock()
    calls = [0]
    with via_host(qdrant, Transport.REST) as real:

        def upsert(collection: str, points: list[bytes], **how: Any) -> None:
            with lock:
                calls[0] += 1
                busy = calls[0] % 2
            real.upsert(collection, points, **how)
            if busy:
                raise Transient("HTTP 429: slow down", after=0.01)  # carried out, but its answer was lost

        result = run_once(export, Broken(real, upsert=upsert), tmp_path / "l", options(points=20))  # type: ignore[arg-type]
        assert result.good
        assert calls[0] > 7


def test_a_collection_that_vanished_between_two_runs_is_told(tmp_path: Path, own: str) -> None:
    export, _, name = own_export(tmp_path, own, 10)
    with server(tmp_path) as running, via_host(running, Transport.REST) as target:
        assert run_once(export, target, tmp_path / "l", options()).good
        target._call("DELETE", f"/collections/{name}")  # type: ignore[attr-defined]
        with pytest.raises(TargetRefused, match="is gone") as caught:
            run_once(export, target, tmp_path / "l", options())
        assert "--restart" in caught.value.hint
        ledger = open_ledger(tmp_path / "l", restart=True)
        ledger.close()
        assert run_once(export, target, tmp_path / "l", options()).good


def test_a_collection_asked_for_but_not_heard_of_is_ours_only_while_empty(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, _, name = own_export(tmp_path, own, 10)
    for suffix, points, expected in (("a", 0, CREATED), ("b", 1, FOUND)):
        with via_host(qdrant, Transport.AUTO) as target:
            ledger = open_ledger(tmp_path / suffix)
            ledger.set_origin(name, "intended")
            if target.collection(name) is None:
                target.create(name, 8, Metric.COSINE)
            if points:
                assert target.count(name) > 0
            assert migrate(ExportJson(export), target, ledger, options()).good
            assert ledger.origin(name) == expected
            ledger.close()


def test_skipped_records_leave_the_run_incomplete(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, things, _ = own_export(tmp_path, own, 20)
    things[3]["values"] = ["x"]
    write_export(export, things)
    with via_host(qdrant, Transport.AUTO) as target:
        result = run_once(export, target, tmp_path / "l", options(max_errors=1))
    assert result.verification.good
    assert not result.good
    assert (result.plan.skipped, result.verification.verified) == (1, 19)


def test_an_interrupt_ends_the_run_and_keeps_what_is_done(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, _, _ = own_export(tmp_path, own)

    def listen(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done > 40:
            raise KeyboardInterrupt

    with via_host(qdrant, Transport.AUTO) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", options(points=10), listener=listen)
        result = run_once(export, target, tmp_path / "l", options(points=10))
        assert result.good and result.sent < 103


def test_errors_are_of_one_family() -> None:
    for error in (TargetUnreachable, TargetRefused, RecordRefused, WouldOverwrite):
        assert issubclass(error, MigrationFailed)


@pytest.mark.parametrize(("wins", "value"), [("first", 1.0), ("last", 3.0)])
@pytest.mark.parametrize("keep", [True, False])
def test_of_two_records_for_one_point_the_chosen_one_is_sent_and_never_the_other(
    qdrant: Server, tmp_path: Path, own: str, wins: str, value: float, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not keep:
        monkeypatch.setattr("netdoctor.migration.plan.KEEP", 0)
    things = [{"id": f"{n}", "values": [1, n], "namespace": own, "metadata": {"v": n + 0.5}} for n in range(30)]
    things[11] = {"id": "same", "values": [5, 1], "namespace": own, "metadata": {"v": 1.0}}
    things[17] = {"id": "same", "values": [5, 2], "namespace": own, "metadata": {"v": 2.0}}
    things[25] = {"id": "same", "values": [5, 3], "namespace": own, "metadata": {"v": 3.0}}
    export = write_export(tmp_path / "e.json", things)
    with via_host(qdrant, Transport.AUTO) as target:
        with pytest.raises(MigrationFailed, match=r"Records 12 .* and 18 ") as caught:
            run_once(export, target, tmp_path / "l", options())
        assert "--on-duplicate" in caught.value.hint
        for _ in range(2):
            result = run_once(export, target, tmp_path / "l", options(on_duplicate=wins, points=7))
            assert result.good
            assert (result.plan.points, len(result.plan.losers), result.verification.verified) == (28, 2, 28)
        assert target.count(own) == 28
        identity = point_id("same")
        assert target.retrieve(own, [identity])[identity].payload["v"] == value


def test_records_that_the_server_refuses_are_left_out_as_far_as_allowed_and_named(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, things, name = own_export(tmp_path, own)
    guilty = [point_id(things[n]["id"]).encode() for n in (3, 37, 38)]
    with via_host(qdrant, Transport.REST) as real:

        def upsert(collection: str, points: list[bytes], **how: Any) -> None:
            if any(each in point for point in points for each in guilty):
                raise TargetRefused("Qdrant refuses the request: bad point.")
            real.upsert(collection, points, **how)

        broken: Any = Broken(real, upsert=upsert)
        with pytest.raises(RecordRefused, match=r"Record 3[89]"):
            run_once(export, broken, tmp_path / "l", options(in_flight=1, max_errors=2))
        for _ in range(2):  # the second is a run that has nothing to do
            result = run_once(export, broken, tmp_path / "l", options(in_flight=1, max_errors=3))
            assert not result.good
            assert result.verification.good, result.verification.problems
            assert (result.verification.verified, sorted(result.refused)) == (100, [4, 38, 39])
            assert "record 38 (byte " in result.refused[38] and "bad point" in result.refused[38]
        assert target_ids(real, name) == {point_id(t["id"]) for t in things[:-1]} - {g.decode() for g in guilty}
        # Once the server takes them, a new start sends them.
        ledger = open_ledger(tmp_path / "l", restart=True)
        ledger.close()
        assert run_once(export, real, tmp_path / "l", options()).good


def target_ids(target: Target, name: str) -> set[str]:
    return {point.id for point in target.scroll(name, 1000).points}


def test_a_run_that_starts_over_waits_until_the_killed_ones_requests_are_dead(
    qdrant: Server, tmp_path: Path, own: str
) -> None:
    export, _, _ = own_export(tmp_path, own)
    slept: list[float] = []
    begun: list[bool] = []
    events: list[Event] = []
    with via_host(qdrant, Transport.REST) as target:
        for restart in (False, True):
            ledger = open_ledger(tmp_path / "l", restart=restart)
            if restart:
                ledger.remember({"writing": "31.0"})  # as a killed run leaves it

            def sleep(seconds: float, ledger: Ledger = ledger) -> None:
                slept.append(seconds)
                begun.append(ledger.begun)

            how = options(request_timeout=30.0, sleep=sleep)
            assert migrate(ExportJson(export), target, ledger, how, listener=events.append).good
            ledger.close()
    assert begun == [False] and 20 < slept[0] <= 31, (begun, slept)
    assert any(isinstance(event, Waiting) for event in events)


def test_a_resumed_run_writes_at_once_and_waits_before_it_verifies(qdrant: Server, tmp_path: Path, own: str) -> None:
    export, _, _ = own_export(tmp_path, own)

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone):
            raise KeyboardInterrupt

    order: list[str] = []
    with via_host(qdrant, Transport.REST) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", options(points=10), listener=stop)
        ledger = open_ledger(tmp_path / "l")
        ledger.remember({"writing": "31.0"})  # as if it had been killed instead
        how = options(points=10, request_timeout=30.0, sleep=lambda _seconds: order.append("sleep"))
        assert migrate(
            ExportJson(export), target, ledger, how, listener=lambda event: order.append(type(event).__name__)
        ).good
        ledger.close()
    assert order.index("BatchDone") < order.index("sleep") < order.index("Verifying")


def test_a_resumed_run_does_not_read_the_export_from_its_start(
    qdrant: Server, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netdoctor.migration.plan.EVERY", 50)
    monkeypatch.setattr("netdoctor.migration.plan.KEEP", 0)
    export, _, name = own_export(tmp_path, own, 1000)

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 800:
            raise KeyboardInterrupt

    read: list[int] = []
    whole = ExportJson.records

    def counted(source: ExportJson, start: Any = None) -> Any:
        for record in whole(source, start):
            read.append(record.number)
            yield record

    with via_host(qdrant, Transport.AUTO) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", options(points=10), listener=stop)
        monkeypatch.setattr(ExportJson, "records", counted)
        result = run_once(export, target, tmp_path / "l", options(points=10))
        assert result.good and result.sent <= 240
        assert target.count(name) == 999
    assert min(read) > 600 and max(read) == 1000


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_a_resumed_run_does_not_write_over_what_was_changed_since(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    export, things, name = own_export(tmp_path, own)
    with via_host(qdrant, transport) as real:

        def upsert(collection: str, points: list[bytes], **how: Any) -> None:
            real.upsert(collection, points, **how)
            raise KeyboardInterrupt  # written, and the ledger does not know

        with pytest.raises(KeyboardInterrupt):
            run_once(export, Broken(real, upsert=upsert), tmp_path / "l", options(in_flight=1))  # type: ignore[arg-type]
        changed = point_id(things[4]["id"])
        there = real.retrieve(name, [changed])[changed]
        real.upsert(name, [real.encode(Point(changed, there.vector, {**there.payload, "name": "theirs"}))])
        result = run_once(export, real, tmp_path / "l", options())
        assert not result.good and result.verification.verified == 102
        assert "record 5 " in result.verification.problems[0]
        assert real.retrieve(name, [changed])[changed].payload["name"] == "theirs"
        assert real.count(name) == 102
