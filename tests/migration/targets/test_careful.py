"""In a collection whose strict mode forbids nearly everything, a migration is written, verified and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from migration.lab import Server, records, run_once, via_host, write_export
from netdoctor.migration.events import Retrying
from netdoctor.migration.points import Layout, Metric, Point
from netdoctor.migration.run import Options
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Query, TargetRefused, Transient, full

TRANSPORTS = pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST], ids=lambda each: each.value)
TIGHT = {
    "enabled": True,
    "max_query_limit": 7,
    "upsert_max_batchsize": 9,
    "search_max_batchsize": 4,
    "search_allow_exact": False,
    "unindexed_filtering_retrieve": False,
}


def make(qdrant: Server, name: str, strict: dict[str, Any]) -> None:
    body = {"vectors": {"size": 8, "distance": "Cosine"}, "strict_mode_config": strict}
    httpx.put(f"{qdrant.url}/collections/{name}", json=body).raise_for_status()


def exported(tmp_path: Path, namespace: str, count: int = 60) -> Path:
    things = records(count)
    for thing in things:
        thing["namespace"] = namespace
    return write_export(tmp_path / "export.json", things)


@TRANSPORTS
@pytest.mark.parametrize("shared", [False, True])
def test_a_run_stays_within_what_strict_mode_allows(
    qdrant: Server, own: str, tmp_path: Path, transport: Transport, shared: bool
) -> None:
    make(qdrant, own, TIGHT)
    layout = Layout(collection=own) if shared else Layout(default_collection=own)
    export = exported(tmp_path, "")
    with via_host(qdrant, transport) as target:
        result = run_once(export, target, tmp_path / "ledger", Options(layout))
        assert result.verification.problems == ()
        assert result.good
        assert (result.verification.searched, result.verification.found) == (60, 60)
        assert target.count(own) == 60
        assert run_once(export, target, tmp_path / "ledger", Options(layout)).sent == 0


@TRANSPORTS
def test_each_limit_holds_where_it_is_asked_directly(
    qdrant: Server, own: str, tmp_path: Path, transport: Transport
) -> None:
    make(qdrant, own, TIGHT)
    with via_host(qdrant, transport) as target:
        run_once(exported(tmp_path, ""), target, tmp_path / "ledger", Options(Layout(default_collection=own)))
        assert len(target.scroll(own, 50).points) == 7
        assert len(target.ids(own, 50)[0]) == 7
        one = Query(np.ones(8, dtype=np.float32))
        assert [len(hits) for hits in target.search(own, [one] * 11, 10)] == [7] * 11
        identity = target.ids(own, 1)[0][0]
        ((alone,),) = target.search(own, [replace(one, only=identity)], 10)
        assert alone.id == identity
        with pytest.raises(TargetRefused, match="Exact search disabled"):
            target.search(own, [replace(one, exact=True)], 3)
        with pytest.raises(TargetRefused, match="Index required but not found"):
            target.search(own, [replace(one, tenant=("namespace", "x"))], 3)


@TRANSPORTS
def test_a_collection_that_takes_no_more_is_not_a_record_s_fault(
    qdrant: Server, own: str, tmp_path: Path, transport: Transport
) -> None:
    # So many that the look before the first write does not know it: the points of others count, too.
    make(qdrant, own, {"enabled": True, "max_points_count": 70})
    options = Options(Layout(default_collection=own), max_errors=50)
    with via_host(qdrant, transport) as target:
        run_once(exported(tmp_path, ""), target, tmp_path / "first", options)
        things = records(65, seed=8)
        for thing in things:
            thing["namespace"] = ""
        other = write_export(tmp_path / "other.json", things)
        small = replace(options, limits=replace(options.limits, points=5), in_flight=1)
        with pytest.raises(TargetRefused, match=r"Max points count limit of 70 reached.*vectors are written and kept"):
            run_once(other, target, tmp_path / "second", small)
        assert 70 <= target.count(own) < 80


@pytest.mark.parametrize(
    ("said", "all_of_them"),
    [
        ("Bad request: Max points count limit of 5 reached!", True),
        ("Bad request: Max payload storage size limit of 1MB reached!", True),
        ("Disk usage 91% of total capacity is at or above max_disk_usage_percent 90", True),
        ('Bad request: Limit exceeded 3 > 2 for "upsert limit". Help: Reduce', False),
        ("Qdrant at http://q refuses the request: Not found: Collection `c` doesn't exist!.", True),
        ("Wrong input: Vector dimension error: expected dim: 4, got 3", False),
    ],
)
def test_what_is_of_all_points_is_told_from_what_is_of_one(said: str, all_of_them: bool) -> None:
    assert full(said) is all_of_them


@TRANSPORTS
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"sharding_method": "custom"}, "custom sharding"),
        (
            {"vectors": {"size": 8, "distance": "Cosine", "multivector_config": {"comparator": "max_sim"}}},
            "multivector",
        ),
    ],
)
def test_what_no_record_fits_into_is_told_before_anything_is_written(
    qdrant: Server, own: str, tmp_path: Path, transport: Transport, body: dict[str, Any], why: str
) -> None:
    whole = {"vectors": {"size": 8, "distance": "Cosine"}, **body}
    httpx.put(f"{qdrant.url}/collections/{own}", json=whole).raise_for_status()
    with via_host(qdrant, transport) as target:
        with pytest.raises(TargetRefused, match=why):
            run_once(
                exported(tmp_path, ""),
                target,
                tmp_path / "ledger",
                Options(Layout(Metric.COSINE, default_collection=own)),
            )
        assert target.count(own) == 0


@TRANSPORTS
def test_a_rate_counts_points_and_is_kept_to(qdrant: Server, own: str, tmp_path: Path, transport: Transport) -> None:
    make(qdrant, own, {"enabled": True, "write_rate_limit": 600})
    waits: list[float] = []
    with via_host(qdrant, transport) as target:
        result = run_once(
            exported(tmp_path, "", 620),
            target,
            tmp_path / "ledger",
            # Waiting as the server asks costs no patience.
            Options(Layout(default_collection=own), patience=1.0),
            listener=lambda event: waits.append(event.seconds) if isinstance(event, Retrying) else None,
        )
    assert result.good
    assert waits
    assert all(0 < each < 4 for each in waits)


@TRANSPORTS
def test_more_points_than_a_minute_s_are_sent_in_parts(qdrant: Server, own: str, transport: Transport) -> None:
    make(qdrant, own, {"enabled": True, "write_rate_limit": 100})
    with via_host(qdrant, transport) as target:
        many = [Point(f"6a15880c-8b29-5463-962c-{n:012x}", np.ones(8, dtype=np.float32), {}) for n in range(150)]
        with pytest.raises(Transient, match="Operation requires 75 tokens but only 25") as busy:
            target.upsert(own, [target.encode(point) for point in many])
        assert busy.value.after is not None
        assert 20 < busy.value.after <= 30
        assert target.count(own) == 75
        with pytest.raises(Transient):
            target.delete(own, [point.id for point in many])
    make(qdrant, f"{own}r", {"enabled": True, "read_rate_limit": 150})
    with via_host(qdrant, transport) as target:
        target.upsert(f"{own}r", [target.encode(point) for point in many])
        identities = [point.id for point in many]
        with pytest.raises(TargetRefused, match="Read rate limit exceeded, request larger"):
            target._retrieve(f"{own}r", identities * 2)
        assert len(target.retrieve(f"{own}r", identities)) == 150
