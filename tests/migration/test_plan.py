"""The plan pass decides before anything is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netdoctor.exits import Exit
from netdoctor.migration import plan as planning
from netdoctor.migration.plan import Plan, make_plan
from netdoctor.migration.points import Layout, MappingRefused
from netdoctor.migration.records import MalformedExport
from netdoctor.migration.sources.export_json import ExportJson

from .lab import NAMESPACES, records, write_export


def planned(tmp_path: Path, things: Any, layout: Layout | None = None, **how: Any) -> Plan:
    return make_plan(ExportJson(write_export(tmp_path / "e.json", things)), layout or Layout(), **how)


def test_counts_dimensions_and_number_kinds(tmp_path: Path) -> None:
    plan = planned(tmp_path, records(103, 8), Layout(strip_prefix="user_"))
    names = [name.removeprefix("user_") for name in NAMESPACES]
    assert [(c.name, c.dimension, c.points) for c in plan.collections] == [(names[0], 8, 102), (names[1], 8, 1)]
    assert (plan.records, plan.points, plan.skipped) == (103, 103, 0)
    assert plan.layout.integers == {"age"}


def test_one_fraction_makes_a_field_one_of_doubles(tmp_path: Path) -> None:
    things = [{"id": str(n), "values": [1], "metadata": {"a": n, "b": n, "big": 2**53 + n}} for n in range(3)]
    things[1]["metadata"]["b"] = 0.5
    plan = planned(tmp_path, things)
    assert plan.layout.integers == {"a"}


def test_a_dimension_that_differs_is_named(tmp_path: Path) -> None:
    things = records(5, 4)
    things[3]["values"].append(1.0)
    with pytest.raises(MalformedExport, match=r"record 4 \(byte \d+\): it has 5 values.* have 4") as caught:
        planned(tmp_path, things)
    assert caught.value.status is Exit.FINDINGS
    assert "Nothing was written" in caught.value.message
    data = (tmp_path / "e.json").read_bytes()
    offset = caught.value.bad[0].offset
    assert json.loads(data[offset:].split(b"}, {")[0] + b"}")["id"] == things[3]["id"]


def test_collections_may_differ_in_dimension(tmp_path: Path) -> None:
    things = [{"id": "a", "values": [1], "namespace": "x"}, {"id": "a", "values": [1, 2], "namespace": "y"}]
    assert [c.dimension for c in planned(tmp_path, things).collections] == [1, 2]
    with pytest.raises(MalformedExport, match="2 values"):
        planned(tmp_path, things, Layout(collection="all"))


def test_bad_records_are_skipped_only_when_asked_for(tmp_path: Path) -> None:
    things = records(6, 2)
    things[1]["values"] = "x"
    things[4]["values"] = []
    with pytest.raises(MalformedExport, match=r"record 2 .*\(and 1 more\)") as caught:
        planned(tmp_path, things)
    assert "--max-errors 2" in caught.value.hint
    with pytest.raises(MalformedExport):
        planned(tmp_path, things, max_errors=1)
    plan = planned(tmp_path, things, max_errors=2)
    assert (plan.records, plan.points, plan.skipped) == (6, 4, 2)
    assert [bad.number for bad in plan.bad] == [2, 5]


def test_a_truncated_export_keeps_its_whole_records_when_asked_for(tmp_path: Path) -> None:
    path = write_export(tmp_path / "e.json", records(5, 2))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MalformedExport, match=r"record 5 \(byte \d+\): the file ends inside the record"):
        make_plan(ExportJson(path), Layout())
    plan = make_plan(ExportJson(path), Layout(), max_errors=1)
    assert (plan.points, plan.skipped) == (4, 1)


def test_an_export_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedExport, match="no records"):
        planned(tmp_path, [])


@pytest.mark.parametrize("run", [1 << 20, 2])
def test_two_records_for_one_point_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int) -> None:
    original = planning.HashLog
    monkeypatch.setattr(planning, "HashLog", lambda: original(run))
    uuid = "0d8f6b1e-7c2a-4b5d-9e3f-1a2b3c4d5e6f"
    things = [{"id": i, "values": [1]} for i in ("a", uuid.upper(), "b", uuid, "c")]
    with pytest.raises(MappingRefused, match=r"Records 2 \(.*\) and 4 \(.*\) would be the same point"):
        planned(tmp_path, things)
    assert planned(tmp_path, things, Layout(collection="all")).points == 5
    same_id = [{"id": "a", "values": [1], "namespace": n} for n in ("x", "y")]
    assert planned(tmp_path, same_id).points == 2


def test_a_payload_key_that_would_be_overwritten_stops_the_plan(tmp_path: Path) -> None:
    things = records(3, 2)
    things[2]["metadata"]["originalId"] = "another"
    with pytest.raises(MappingRefused, match=r"Record 3 \(byte \d+\) already has metadata 'originalId'") as caught:
        planned(tmp_path, things)
    assert "--id-field" in caught.value.hint
    assert planned(tmp_path, things, Layout(id_field="pineconeId")).points == 3


def test_namespaces_that_meet_on_one_name_stop_the_plan(tmp_path: Path) -> None:
    things = [{"id": "1", "values": [1], "namespace": n} for n in ("user_a", "a")]
    with pytest.raises(MappingRefused, match="would both become collection 'a'"):
        planned(tmp_path, things, Layout(strip_prefix="user_"))


def test_a_plan_survives_its_journey_through_the_ledger(tmp_path: Path) -> None:
    things = records(6, 2)
    things[1]["values"] = []
    plan = planned(tmp_path, things, max_errors=3)
    back = Plan.from_json(json.loads(json.dumps(plan.to_json())), Layout())
    assert (back.collections, back.layout, back.digest, back.bad) == (
        plan.collections,
        plan.layout,
        plan.digest,
        plan.bad,
    )


def test_a_large_export_is_read_again_instead_of_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    things = records(20, 4)
    things[7]["values"] = [1]
    source = ExportJson(write_export(tmp_path / "e.json", things))
    small = make_plan(source, Layout(), max_errors=1)
    monkeypatch.setattr(planning, "KEEP", 100)
    large = make_plan(source, Layout(), max_errors=1)
    assert small.kept is not None
    assert large.kept is None
    ids = [record.id for record in small.good(source)]
    assert ids == [record.id for record in large.good(source)]
    assert len(ids) == 19


def test_a_plan_keeps_places_from_which_the_rest_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "KEEP", 0)
    monkeypatch.setattr(planning, "EVERY", 10)
    things = records(95, 2)
    things[20]["values"] = "bad"
    source = ExportJson(write_export(tmp_path / "e.json", things))
    made = make_plan(source, Layout(), max_errors=1)
    assert [number for number, _ in made.marks] == [1, 11, 22, 32, 42, 52, 62, 72, 82, 92]
    plan = Plan.from_json(json.loads(json.dumps(made.to_json())), Layout())
    whole = [record.number for record in plan.good(source)]
    assert len(whole) == 94
    started: list[Any] = []
    real = source.records
    monkeypatch.setattr(source, "records", lambda start=None: started.append(start) or real(start))
    for start, end in ((1, 96), (2, 11), (11, 12), (21, 40), (22, 22), (95, 96), (96, 200)):
        found = [record.number for record in plan.good(source, start, end)]
        assert found == [number for number in whole if start <= number < end]
        assert started[-1] is None or 0 <= start - started[-1][0] <= 11
    in_memory = make_plan(source, Layout(), max_errors=1)
    assert [r.number for r in in_memory.good(source, 30, 50)] == list(range(30, 50))


def test_every_record_twice_is_decided_by_the_choice(tmp_path: Path) -> None:
    things = [*records(500, 2), *records(500, 2)]
    for thing in things:
        thing["namespace"] = "n"
    with pytest.raises(MappingRefused, match=r"Records 1 \(.*\) and 501 \(.*\) would be the same point"):
        planned(tmp_path, things)
    first = planned(tmp_path, things, on_duplicate="first")
    last = planned(tmp_path, things, on_duplicate="last")
    assert (list(first.losers), list(last.losers)) == ([*range(501, 1001)], [*range(1, 501)])
    assert first.points == last.points == 500
