"""What would stop a run half-way stops it before the first write; what is worth knowing is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netdoctor.migration.batches import Limits
from netdoctor.migration.events import Event, Preflighted
from netdoctor.migration.plan import CollectionPlan, Plan
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.preflight import PreflightFailed, preflight
from netdoctor.migration.retry import Retry
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import CollectionState

from .lab import Server, records, run_once, via_host, write_export

STATE = CollectionState("a", 4, Metric.COSINE, 3)
PLAN = Plan(1000, (CollectionPlan("a", 4, 900), CollectionPlan("b", 4, 100)), Layout(), "", "")


class There:
    """A target in which collection ``a`` is there, as told."""

    def __init__(self, version: str = "1.18.0", **more: Any) -> None:
        self.version = version
        self.state = replace(STATE, **more)

    def health(self) -> str:
        return self.version

    def collection(self, name: str) -> CollectionState | None:
        return self.state if name == "a" else None


def look(target: There, **how: Any) -> Any:
    return preflight(PLAN, target, Limits(points=256), Retry(), **how)  # type: ignore[arg-type]


def test_what_is_there_and_what_is_missing_is_told() -> None:
    found = look(There(), free=10**9)
    assert (found.version, dict(found.there), found.missing, found.warnings) == ("1.18.0", {"a": 3}, 1, ())
    (line,) = found.lines()
    assert line.startswith("Qdrant 1.18.0, 1 collection exists (3 points), 1 to create, about ")
    assert "1 GB free" in line
    assert "version not told" in look(There("")).lines()[0]


def test_the_time_is_told_where_something_is_known_of_it() -> None:
    assert "at least" not in look(There()).lines()[0]
    told = preflight(replace(PLAN, seconds=200.0), There(), Limits(), Retry())  # type: ignore[arg-type]
    assert told.lines()[0].endswith(", at least 3 min")


def test_strict_mode_bounds_batches_and_the_time() -> None:
    found = look(There(limits={"upsert_max_batchsize": 10, "write_rate_limit": 60}))
    assert found.limits.points == 10
    assert found.seconds == 840  # a minute's points come at once, the other 840 one a second
    assert any("60 points a minute" in warning for warning in found.warnings)
    assert look(There(limits={"write_rate_limit": 60})).limits.points == 60


@pytest.mark.parametrize("limits", [{"max_points_count": 899}, {"max_collection_vector_size_bytes": 900 * 16 - 1}])
def test_what_strict_mode_would_refuse_at_the_end_is_refused_at_the_start(limits: dict[str, float]) -> None:
    with pytest.raises(PreflightFailed, match=r"Strict mode of collection 'a' .* Nothing was written"):
        look(There(limits=limits))


def test_points_of_others_are_counted_too_and_warned_of() -> None:
    (warning,) = look(There(limits={"max_points_count": 900})).warnings
    assert warning == "strict mode of collection 'a' allows 900 points: it holds 3, and 900 are planned"
    assert look(There(limits={"max_points_count": 903})).warnings == ()


def test_a_disk_that_is_too_small_is_told_before_it_is_full() -> None:
    with pytest.raises(PreflightFailed, match="of free disk, and the migration needs about") as caught:
        look(There(), free=1000)
    assert "--no-space-check" in caught.value.hint


def test_old_servers_busy_collections_and_hidden_points_are_warned_of() -> None:
    warnings = look(There("1.3.2", status="yellow", hides=True)).warnings
    assert [word for word in ("older", "yellow", "prevent_unoptimized") if not any(word in w for w in warnings)] == []


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_a_run_tells_it_before_it_writes(qdrant: Server, tmp_path: Path, own: str, transport: Transport) -> None:
    things = [{**thing, "namespace": own} for thing in records(20, 4)]
    export = write_export(tmp_path / "e.json", things)
    events: list[Event] = []
    with via_host(qdrant, transport) as target:
        assert run_once(export, target, tmp_path / "l", listener=events.append).good
    names = [type(event).__name__ for event in events]
    assert names.index("Preflighted") < names.index("CollectionReady") < names.index("BatchDone")
    told = next(event for event in events if isinstance(event, Preflighted))
    assert told.lines[0].startswith("Qdrant 1.")
