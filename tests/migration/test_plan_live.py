"""A live index is planned from its list of ids and a sample; what is otherwise later is told, not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netdoctor.errors import MigrationFailed
from netdoctor.migration.listing import Listing
from netdoctor.migration.plan import Plan
from netdoctor.migration.plan_live import make_live_plan
from netdoctor.migration.points import Layout, MappingRefused, Metric
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources.interface import Cursor, LiveSource


class Index:
    """A live source in memory: ``things`` by (namespace, id), each (values, metadata)."""

    label, size, live, metric = "index", 0, True, Metric.COSINE

    def __init__(self, things: dict[tuple[str, str], tuple[list[float], dict[str, Any]]]) -> None:
        self.things = things
        self.listing: Listing | None = None

    def stamp(self) -> str:
        return "index one"

    digest = stamp

    def ids(self) -> Iterator[tuple[str, str]]:
        yield from sorted(self.things)

    def sample(self, count: int) -> Iterator[Record | BadRecord]:
        seen: set[str] = set()
        for pair in self.ids():
            if pair[0] not in seen:
                seen.add(pair[0])
                yield self._record(0, pair)

    def follow(self, listing: Listing) -> None:
        self.listing = listing

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        assert self.listing is not None and (start is None or isinstance(start, int))
        for number, pair in enumerate(self.listing.entries((start or 1) - 1), start or 1):
            yield self._record(number, pair) if pair in self.things else BadRecord(number, 0, "it is gone")

    def cursor(self, record: Record) -> Cursor:
        return record.number

    def _record(self, number: int, pair: tuple[str, str]) -> Record:
        values, metadata = self.things[pair]
        return Record(number, 0, 4, pair[1], np.array(values, dtype=np.float32), metadata, pair[0])

    def cost(self, ids: int) -> str:
        return ""

    def notes(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        pass


def index(count: int = 20) -> Index:
    return Index({(f"n{n % 2}", f"id{n:02}"): ([1.0, float(n)], {"age": 1.0}) for n in range(count)})


def test_the_test_index_is_a_live_source() -> None:
    assert isinstance(index(), LiveSource)


def test_counts_come_from_the_list_and_kinds_from_the_sample(tmp_path: Path) -> None:
    source = index()
    plan = make_live_plan(source, Layout(), tmp_path / "ids")
    assert [(c.name, c.dimension, c.points) for c in plan.collections] == [("n0", 2, 10), ("n1", 2, 10)]
    assert (plan.records, plan.layout.integers) == (20, {"age"})
    back = Plan.from_json(plan.to_json(), Layout())
    assert [r.number for r in back.good(source, 5, 9)] == [5, 6, 7, 8]


def test_what_turns_out_otherwise_is_told(tmp_path: Path) -> None:
    source = index()
    plan = make_live_plan(source, Layout(), tmp_path / "ids")
    del source.things["n0", "id04"]
    source.things["n0", "new"] = ([9.0, 9.0], {})
    source.things["n0", "id06"] = ([1.0, 2.0, 3.0], {})
    source.things["n1", "id07"] = ([1.0, 2.0], {"age": 1.5})
    bad: list[BadRecord] = []
    good = [record.id for record in plan.good(source, bad=bad.append)]
    assert "id04" not in good and "id06" not in good and "new" not in good and "id07" in good and len(good) == 18
    assert [(b.number, b.reason) for b in bad] == [
        (3, "it is gone"),
        (4, "it has 3 values, not 2: left out"),
        (14, "its 'age' is no whole number as in the sample; kept as it is"),
    ]
    late = next(record for record in plan.good(source) if record.id == "id07")
    assert plan.layout.point(late).payload["age"] == 1.5


def test_a_list_that_is_not_the_plans_is_not_read_by(tmp_path: Path) -> None:
    source = index()
    plan = make_live_plan(source, Layout(), tmp_path / "ids")
    Listing.write(tmp_path / "ids", sorted(source.things)[1:])
    with pytest.raises(MigrationFailed, match="is not the one that was planned from") as failed:
        next(plan.good(source))
    assert "--restart" in failed.value.hint


def test_two_ids_for_one_point_stop_it_before_anything_is_read(tmp_path: Path) -> None:
    uuid = "0d8f6b1e-7c2a-4b5d-9e3f-1a2b3c4d5e6f"
    source = Index({("", uuid): ([1.0], {}), ("", uuid.upper()): ([2.0], {}), ("", "\ud800"): ([1.0], {})})
    with pytest.raises(MappingRefused, match=r"Records 1 \(.*\) and 2 \(.*would be the same point"):
        make_live_plan(source, Layout(), tmp_path / "ids")
    plan = make_live_plan(source, Layout(), tmp_path / "ids", on_duplicate="last")
    assert list(plan.losers) == [1] and plan.points == 2


def test_an_empty_index_and_one_without_a_good_record_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedExport, match="holds no vectors"):
        make_live_plan(Index({}), Layout(), tmp_path / "ids")
    source = index()
    source.sample = lambda count: iter([BadRecord(1, 0, "strange")])  # type: ignore[method-assign]
    with pytest.raises(MalformedExport, match="no record of the sample can be migrated: strange"):
        make_live_plan(source, Layout(), tmp_path / "ids")
