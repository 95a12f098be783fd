"""Verification on both sides: it accepts all that is right, and nothing that is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.migration.batches import Limits
from netdoctor.migration.digest import Sums, Tally, empty_sums, point_digest
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.plan import CollectionPlan
from netdoctor.migration.points import Layout, Metric, Point, point_id
from netdoctor.migration.run import Options, Result
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.unwire import canonical_entry, payload_of
from netdoctor.migration.wire import payload_entries

from .lab import Server, records, run_once, via_host, write_export

MANY = int(os.environ.get("NETDOCTOR_TEST_POINTS", "4000"))
"""``NETDOCTOR_TEST_POINTS=1000000`` for the whole size: some minutes."""
TRANSPORTS = pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])


class Counted:
    """A source's file, of which is known how often it was read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from netdoctor.migration.sources.export_json import ExportJson

        self.reads = 0
        real = ExportJson.records

        def records(source: Any, start: Any = None) -> Any:
            self.reads += 1
            return real(source, start)

        monkeypatch.setattr(ExportJson, "records", records)


def migrated(
    target: Target, tmp_path: Path, own: str, things: list[dict[str, Any]], metric: Metric = Metric.COSINE
) -> Callable[..., Result]:
    """Everything written; the result runs the same command again, which verifies only."""
    for thing in things:
        thing["namespace"] = own
    export = write_export(tmp_path / "e.json", things)
    options = Options(Layout(metric=metric), Limits(points=50))

    def again(**how: Any) -> Result:
        return run_once(export, target, tmp_path / "l", replace(options, **how))

    assert again().good
    return again


def point_of(target: Target, own: str, thing: dict[str, Any]) -> Point:
    identity = point_id(thing["id"])
    return target.retrieve(own, [identity])[identity]


def flipped(vector: Any) -> Any:
    """The same vector with the lowest bit of one value turned."""
    bits = vector.copy().view(np.uint32)
    bits[len(bits) // 2] ^= 1
    return bits.view(np.float32)


@TRANSPORTS
@pytest.mark.parametrize("metric", list(Metric))
def test_what_is_right_is_accepted_after_one_look_at_the_target(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport, metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = records(120, 16)
    for number, thing in enumerate(things):
        thing["values"] = [value * (1 + number) for value in thing["values"]]  # of every length
        if number > 60:
            thing["values"] = things[3]["values"]  # and many the same
    monkeypatch.setattr("netdoctor.migration.plan.KEEP", 0)
    counted = Counted(monkeypatch)
    with via_host(qdrant, transport) as target:
        again = migrated(target, tmp_path, own, things, metric)
        assert counted.reads == 2  # planned, written: not a third time for the proof
        result = again()
        assert counted.reads == 2
    checked = result.verification
    assert (checked.verified, checked.reread, checked.exact) == (120, 0, True)
    assert checked.searched == checked.found == 100


@TRANSPORTS
def test_points_of_others_in_the_collection_are_reported_and_no_error(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    with via_host(qdrant, transport) as target:
        again = migrated(target, tmp_path, own, records(60))
        strangers = [
            Point(f"00000000-0000-4000-8000-{n:012x}", np.eye(8, dtype=np.float32)[0], {"originalId": f"x{n}"})
            for n in range(7)
        ]
        target.upsert(own, [target.encode(point) for point in strangers])
        result = again()
        assert result.good
        (check,) = result.verification.collections
        assert (check.planned, check.equal, check.held, result.verification.reread) == (60, 60, 67, 0)
        # Another's point instead of one of ours: the count is right, and yet one is lost.
        (lost,) = [thing for thing in records(60) if thing["id"].startswith("contact_1764088271371")]
        wrong = point_of(target, own, lost)
        target.upsert(own, [target.encode(replace(wrong, payload={"theirs": True}))])
        result = again()
        assert not result.good
        assert result.verification.verified == 59


@TRANSPORTS
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.EUCLID])
def test_what_is_wrong_is_named_by_record_and_repaired_when_asked(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport, metric: Metric
) -> None:
    things = records(90, 12)
    with via_host(qdrant, transport) as target:
        again = migrated(target, tmp_path, own, things, metric)
        right = point_of(target, own, things[5])
        wrong: list[Any] = [
            replace(right, vector=np.roll(right.vector, 1)),
            replace(right, payload={**right.payload, "name": "somebody else"}),
            replace(right, payload={**right.payload, "age": float(right.payload["age"])}),
            replace(right, payload={key: value for key, value in right.payload.items() if key != "tags"}),
            replace(right, payload={**right.payload, "more": None}),
        ]
        if metric is not Metric.COSINE:  # which the server would normalise
            wrong.append(replace(right, vector=right.vector * np.float32(2)))
        if metric is not Metric.COSINE or transport is Transport.GRPC:
            wrong.append(replace(right, vector=flipped(right.vector)))
        for point in wrong:
            target.upsert(own, [target.encode(point)])
            result = again()
            assert not result.good, point
            assert result.verification.verified == 89
            assert 1 <= result.verification.reread < 90, "only the bucket that differs is read from the source again"
            assert "record 6 " in result.verification.problems[0]
        fixed = again(repair=True)
        assert fixed.good
        assert (fixed.verification.repaired, fixed.verification.verified) == (1, 90)
        assert again().verification.reread == 0


def test_swapped_payloads_are_found_although_nothing_is_missing(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = records(40)
    with via_host(qdrant, Transport.AUTO) as target:
        again = migrated(target, tmp_path, own, things)
        one, other = point_of(target, own, things[3]), point_of(target, own, things[30])
        swapped = [replace(one, payload=other.payload), replace(other, payload=one.payload)]
        target.upsert(own, [target.encode(point) for point in swapped])
        result = again()
        assert result.verification.verified == 38
        assert again(repair=True).good


def test_one_lost_point_is_found_and_sent_again(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = records(300)
    with via_host(qdrant, Transport.REST) as target:
        again = migrated(target, tmp_path, own, things)
        target._call("POST", f"/collections/{own}/points/delete?wait=true", {"points": [point_id(things[123]["id"])]})  # type: ignore[attr-defined]
        result = again()
        assert not result.good
        assert result.verification.verified == 299
        assert "record 124 " in result.verification.problems[0]
        assert "is not there" in result.verification.problems[0]
        assert again(repair=True).good
        assert target.count(own) == 300


def test_one_lost_point_and_one_flipped_bit_among_very_many(qdrant: Server, tmp_path: Path, own: str) -> None:
    chance = np.random.default_rng(1)
    export = tmp_path / "e.json"
    with export.open("w") as file:
        for n in range(MANY):
            values = ", ".join(f"{value:.6f}" for value in chance.normal(size=8))
            start = "," if n else "["
            file.write(
                f'{start}\n{{"id": "r{n}", "values": [{values}], "metadata": {{"n": {n}}}, "namespace": "{own}"}}'
            )
        file.write("]")
    with via_host(qdrant, Transport.GRPC) as target:
        assert run_once(export, target, tmp_path / "l").good
        lost, damaged = point_id(f"r{MANY // 3}"), point_id(f"r{MANY - 2}")
        right = target.retrieve(own, [damaged])[damaged]
        target.delete(own, [lost])
        target.upsert(own, [target.encode(replace(right, vector=flipped(right.vector)))])
        found = run_once(export, target, tmp_path / "l").verification
        assert not found.good
        assert found.verified == MANY - 2
        assert found.reread <= max(4, MANY // 10_000)  # only what shares a bucket with them
        assert any(f"'r{MANY // 3}'" in problem and "is not there" in problem for problem in found.problems)
        assert any(f"'r{MANY - 2}'" in problem and "its vector differs" in problem for problem in found.problems)
        repaired = run_once(export, target, tmp_path / "l", Options(repair=True))
        assert repaired.good
        assert repaired.verification.repaired == 2


def test_a_vector_that_is_no_number_any_more_is_wrong_even_where_bits_are_not_compared() -> None:
    from netdoctor.migration.compare import same_vector

    sent = Point("a", np.ones(4, dtype=np.float32), {})
    spoilt = Point("a", np.array([1, 1, np.nan, 1], dtype=np.float32), {})
    for metric in Metric:
        for exact in (True, False):
            assert not same_vector(sent, spoilt, metric, exact=exact)
            assert same_vector(sent, sent, metric, exact=exact)
    assert same_vector(sent, Point("a", sent.vector * np.float32(3), {}), Metric.COSINE, exact=False)
    assert not same_vector(sent, Point("a", sent.vector * np.float32(3), {}), Metric.DOT, exact=False)
    assert not same_vector(sent, Point("a", flipped(sent.vector), {}), Metric.COSINE)


def test_sums_survive_a_killed_run_and_a_fresh_one_has_the_same(qdrant: Server, tmp_path: Path, own: str) -> None:
    from netdoctor.migration.events import BatchDone, Event

    things = records(400)
    for thing in things:
        thing["namespace"] = own
    export = write_export(tmp_path / "e.json", things)
    options = Options(Layout(), Limits(points=10), in_flight=3)

    def stop(event: Event) -> None:
        if isinstance(event, BatchDone) and event.done >= 150:
            raise KeyboardInterrupt

    with via_host(qdrant, Transport.GRPC) as target:
        with pytest.raises(KeyboardInterrupt):
            run_once(export, target, tmp_path / "l", options, listener=stop)
        resumed = run_once(export, target, tmp_path / "l", options)
        assert resumed.good and resumed.verification.reread == 0
        other = run_once(export, target, tmp_path / "other", options)
        assert other.good and other.sent == 0
    ledgers = [open_ledger(tmp_path / name) for name in ("l", "other")]
    first, second = (Sums.from_bytes(ledger.sums()[own]) for ledger in ledgers)
    assert not first.differing(second)
    assert [sorted(ledger.samples()) for ledger in ledgers] == [list(range(3, 400, 4))] * 2
    for ledger in ledgers:
        ledger.close()


def digested(point: Point) -> tuple[str, bytes]:
    return point.id, point_digest(point.id, payload_entries(point.payload), point.vector)


def test_a_lost_point_among_a_million_leaves_one_bucket_that_differs() -> None:
    chance = np.random.default_rng(3)
    hashes = chance.integers(0, 2**63, size=(1_000_000, 2), dtype=np.uint64)
    keys = chance.integers(0, 2**32, size=1_000_000, dtype=np.uint32)
    (whole,) = empty_sums([CollectionPlan("a", 8, 1_000_000)]).values()
    (other,) = empty_sums([CollectionPlan("a", 8, 1_000_000)]).values()
    whole.add(Tally(keys, hashes))
    order = chance.permutation(1_000_000)
    other.add(Tally(keys[order], hashes[order]))
    assert not whole.differing(other)
    (short,) = empty_sums([CollectionPlan("a", 8, 1_000_000)]).values()
    short.add(Tally(np.delete(keys, 777), np.delete(hashes, 777, axis=0)))
    assert whole.differing(short) == {int(keys[777]) & 0xFFFF}
    assert not Sums.from_bytes(whole.to_bytes()).differing(whole)


def test_a_digest_depends_on_every_part_of_a_point() -> None:
    point = Point(
        "6a15880c-8b29-5463-962c-1c2a0bd1b9c9", np.arange(4, dtype=np.float32), {"a": 1, "b": {"x": 1, "y": []}}
    )
    same = replace(point, payload={"b": {"y": [], "x": 1}, "a": 1})
    assert digested(point) == digested(same)
    for other in (
        replace(point, id="6a15880c-8b29-5463-962c-1c2a0bd1b9c8"),
        replace(point, vector=flipped(point.vector)),
        replace(point, payload={"a": 1.0, "b": point.payload["b"]}),
        replace(point, payload={"a": True, "b": point.payload["b"]}),
        replace(point, payload={**point.payload, "c": None}),
        replace(point, payload={"a": 1, "b": {"x": 1, "y": [[]]}}),
    ):
        assert digested(other)[1] != digested(point)[1]


def test_thousands_of_small_collections_stay_small() -> None:
    plans = [CollectionPlan(str(n), 4, 3) for n in range(5000)] + [CollectionPlan("big", 4, 10**7)]
    sums = empty_sums(plans)
    assert sums["big"].bits == 16 and sums["1"].bits == 2
    many = empty_sums([CollectionPlan(str(n), 4, 10**6) for n in range(500)])
    assert sum(1 << each.bits for each in many.values()) <= 1 << 20


def test_an_entry_read_from_the_wire_is_written_back_with_its_keys_in_order() -> None:
    payload = {"k" * 200: {"b": [1, {"z": 1, "a": None}], "a": "x"}, "l": [1, "a", 2.5], "e": "", "": -3, "t": True}
    for entry in payload_entries(payload):
        assert canonical_entry(entry) == entry
        ((key, value),) = payload_of([entry]).items()
        assert payload[key] == value


class Hiding:
    """A collection that shows its last points only when it is looked at for the ``looks``-th time."""

    def __init__(self, target: Target, looks: int, last: int) -> None:
        self._target, self._looks, self._last = target, looks, last
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def collection(self, name: str) -> Any:
        self.asked += 1
        hidden = max(0, self._last - self._last * self.asked // self._looks)
        return replace(self._target.collection(name), hides=True, hidden=hidden)  # type: ignore[type-var]

    def scroll(self, name: str, limit: int, start: str | int | None = None) -> Any:
        page = self._target.scroll(name, limit, start)
        shown = page.points if self.asked >= self._looks else page.points[: -self._last]
        return replace(page, points=shown)


def test_points_that_are_not_shown_before_they_are_indexed_are_waited_for(
    qdrant: Server, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netdoctor.migration.verify._LOOK", 0.01)
    with via_host(qdrant, Transport.GRPC) as target:
        again = migrated(target, tmp_path, own, records(60))
        assert again().good
        hiding = Hiding(target, looks=6, last=20)
        options = Options(Layout(), Limits(points=50), patience=5.0)
        result = run_once(tmp_path / "e.json", hiding, tmp_path / "l", options)  # type: ignore[arg-type]
        assert result.good
        assert hiding.asked >= 6


def test_what_stays_hidden_is_missing(
    qdrant: Server, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netdoctor.migration.verify._LOOK", 0.01)
    with via_host(qdrant, Transport.GRPC) as target:
        migrated(target, tmp_path, own, records(60))
        hiding = Hiding(target, looks=10**9, last=20)
        options = Options(Layout(), Limits(points=50), patience=0.2)
        result = run_once(tmp_path / "e.json", hiding, tmp_path / "l", options)  # type: ignore[arg-type]
        assert not result.good
        assert "holds 40 of 60 points" in result.verification.problems[-1]
