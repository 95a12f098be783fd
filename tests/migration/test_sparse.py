"""Sparse and hybrid points: written, read back, found and verified over every transport."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from netdoctor.migration.compare import difference
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric, Point
from netdoctor.migration.records import BadRecord, Record, Sparse, sparse_of
from netdoctor.migration.run import Options, Result, migrate
from netdoctor.migration.samples import Sample
from netdoctor.migration.sources.interface import Cursor
from netdoctor.migration.target import Transport, open_folder
from netdoctor.migration.targets.interface import Making, Query, Target, TargetRefused
from netdoctor.migration.wire import payload_entries, sparse_bytes

from .lab import Server, via_host

IDS = [f"6a15880c-8b29-5463-962c-{n:012x}" for n in range(4)]
NAME = "sparse_vector"
PAIRS = sparse_of([7, 3, 4_294_967_295], [0.25, -1.5, 0.125])
EMPTY = np.zeros(0, dtype=np.float32)
DENSE = np.array([1.5, -2.0, 0.5, 0.0], dtype=np.float32)


@pytest.fixture(params=["gRPC", "REST", "folder"])
def target(request: pytest.FixtureRequest, qdrant: Server, tmp_path: Path) -> Iterator[Target]:
    if request.param == "folder":
        with open_folder(tmp_path / "folder") as opened:
            yield opened
    else:
        with via_host(qdrant, Transport(request.param.lower())) as opened:
            yield opened


def sparse(seed: int) -> Sparse:
    chance = np.random.default_rng(seed)
    found = sparse_of(chance.choice(30_000, 12, replace=False), chance.normal(size=12))
    assert found is not None
    return found


def records(count: int = 40, *, dense: int = 4, pairs: bool = True, every: int = 1) -> list[Record]:
    chance = np.random.default_rng(5)
    return [
        Record(
            n + 1,
            n * 100,
            100,
            f"r{n}",
            chance.normal(size=dense).astype(np.float32),
            {"n": n},
            "one",
            sparse=sparse(n) if pairs and n % every == 0 else None,
        )
        for n in range(count)
    ]


@dataclass
class Given:
    """A source of ready-made records."""

    things: list[Record]
    label: str = "given"
    size: int = 0
    live: bool = False

    def stamp(self) -> str:
        return "1"

    def digest(self) -> str:
        return "1"

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        assert start is None or isinstance(start, int)
        yield from self.things[start or 0 :]

    def cursor(self, record: Record) -> Cursor:
        return record.number - 1


def run(things: list[Record], target: Target, own: str, tmp_path: Path, **more: object) -> Result:
    layout = replace(Layout(metric=Metric.DOT, strip_prefix="one", default_collection=own), **more)  # type: ignore[arg-type]
    ledger = open_ledger(tmp_path / f"{own}.sqlite")
    try:
        return migrate(Given(things), target, ledger, Options(layout))
    finally:
        ledger.close()


@pytest.mark.parametrize("dimension", [4, 0], ids=["hybrid", "sparse alone"])
def test_both_vectors_come_back_as_they_were_sent(target: Target, own: str, dimension: int) -> None:
    target.create(own, dimension, Metric.DOT, Making(sparse=NAME))
    state = target.collection(own)
    assert state is not None
    assert (state.dimension or 0, dict(state.sparse)) == (dimension, {NAME: "none"})
    sent = [
        Point(IDS[0], DENSE[:dimension], {"n": 0}, PAIRS),
        Point(IDS[1], DENSE[:dimension] * 2, {"n": 1}, sparse(1)),
    ]
    if dimension:
        sent.append(Point(IDS[2], DENSE, {"n": 2}))
    target.upsert(own, [target.encode(point, payload_entries(point.payload)) for point in sent])
    found = target.retrieve(own, IDS)
    assert len(found) == len(sent)
    for point in sent:
        assert difference(point, found[point.id], Metric.DOT) is None
    page = target.scroll(own, 10)
    assert [(p.id, bytes(p.vector), p.sparse) for p in page.points] == [
        (point.id, point.vector.tobytes(), sparse_bytes(point)) for point in sent
    ]


def test_a_sparse_vector_finds_its_point(target: Target, own: str) -> None:
    target.create(own, 4, Metric.DOT, Making(sparse=NAME))
    target.upsert(own, [target.encode(Point(IDS[n], DENSE, {}, sparse(n))) for n in range(4)])
    ((hit,),) = target.search(own, [Query(EMPTY, only=IDS[2], sparse=sparse(2), using=NAME)], 1)
    assert hit.id == IDS[2]
    assert hit.score == pytest.approx(float(sparse(2).values.astype(float) @ sparse(2).values.astype(float)), rel=1e-5)


@pytest.mark.parametrize(
    ("dense", "pairs", "every"), [(4, True, 1), (4, True, 3), (0, True, 1), (4, False, 1)], ids=str
)
def test_a_run_is_verified(target: Target, own: str, tmp_path: Path, dense: int, pairs: bool, every: int) -> None:
    things = records(dense=dense, pairs=pairs, every=every)
    result = run(things, target, own, tmp_path)
    assert result.verification.problems == ()
    assert result.good
    with_pairs = sum(thing.sparse is not None for thing in things)
    assert result.verification.searched == (len(things) if dense else 0) + with_pairs


@pytest.mark.parametrize("fault", ["value", "index", "lost", "other name"])
def test_a_damaged_sparse_vector_is_found_and_repaired(qdrant: Server, own: str, tmp_path: Path, fault: str) -> None:
    things = records()
    with via_host(qdrant, Transport.GRPC) as target:
        assert run(things, target, own, tmp_path).good
        layout = Layout(metric=Metric.DOT, strip_prefix="one", default_collection=own, integers=frozenset("n"))
        right = layout.point(things[7])
        assert right.sparse is not None
        values, indices = right.sparse.values.copy(), right.sparse.indices.copy()
        values[3] = np.nextafter(values[3], np.float32(9))
        indices[-1] += 1
        wrong = {
            "value": replace(right, sparse=Sparse(right.sparse.indices, values)),
            "index": replace(right, sparse=Sparse(indices, right.sparse.values)),
            "lost": replace(right, sparse=None),
            "other name": right,
        }[fault]
        if fault == "other name":
            with pytest.raises(TargetRefused, match=r"(?i)vector name|not existing|unknown"):
                target.upsert(own, [target.encode(replace(right, sparse_name="nobody"))])
            return
        target.upsert(own, [target.encode(wrong)])
        checked = run(things, target, own, tmp_path).verification
        assert not checked.good
        assert "sparse vector differs" in checked.problems[0]
        assert "'r7'" in checked.problems[0]


def test_a_collection_without_that_sparse_vector_is_refused_before_anything_is_written(
    qdrant: Server, own: str, tmp_path: Path
) -> None:
    with via_host(qdrant, Transport.GRPC) as target:
        target.create(own, 4, Metric.DOT)
        with pytest.raises(TargetRefused, match="has no sparse vector 'sparse_vector'"):
            run(records(), target, own, tmp_path)
        assert target.count(own) == 0
        target.create(f"{own}2", 4, Metric.DOT, Making(sparse="text"))
        with pytest.raises(TargetRefused, match=r"it has text"):
            run(records(), target, f"{own}2", tmp_path)


def test_another_name_for_the_sparse_vector(qdrant: Server, own: str, tmp_path: Path) -> None:
    with via_host(qdrant, Transport.REST) as target:
        result = run(records(), target, own, tmp_path, sparse_vector="text")
        assert result.good
        state = target.collection(own)
        assert state is not None
        assert list(state.sparse) == ["text"]


def test_a_sample_keeps_both_vectors() -> None:
    for thing in records(4, every=2):
        point = Layout().point(thing)
        sample = Sample.of("c", thing, point)
        again = Sample.from_bytes(sample.to_bytes())
        assert again.vector.tobytes() == sample.vector.tobytes()
        assert (again.sparse is None) == (sample.sparse is None)
        assert sample.sparse is None or again.sparse is None or again.sparse.to_bytes() == sample.sparse.to_bytes()
        assert again.about == sample.about
