"""Searches on both sides: equal data overlaps wholly, other data does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.overlap import Overlap, Searchable, overlap
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.retry import Retry
from netdoctor.migration.run import Options
from netdoctor.migration.samples import Sample
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Target, TargetRefused
from netdoctor.migration.tracked import Tracker

from .lab import Server, records, run_once, via_host, write_export


@dataclass
class Index:
    """A live index, as far as it is searched: every vector compared."""

    things: list[dict[str, Any]]
    noise: float = 0.0

    def nearest(
        self, namespace: str, vector: np.ndarray[tuple[int], np.dtype[np.float32]], count: int
    ) -> Sequence[str]:
        mine = [thing for thing in self.things if thing["namespace"] == namespace]
        chance = np.random.default_rng(0)
        held = np.array([thing["values"] for thing in mine])
        held += chance.normal(size=held.shape) * self.noise
        scores = held @ np.asarray(vector, dtype=float) / np.linalg.norm(held, axis=1)
        return [mine[place]["id"] for place in np.argsort(-scores)[:count]]


def asked(
    target: Target, tmp_path: Path, own: str, things: list[dict[str, Any]], index: Index, one: bool, count: int = 10
) -> Overlap:
    layout = Layout(strip_prefix="user_", default_collection=own, collection=own if one else None)
    for thing in things:
        thing["namespace"] = thing["namespace"] if one else own
    result = run_once(write_export(tmp_path / "e", things), target, tmp_path / "l", Options(layout))
    assert result.good
    ledger = open_ledger(tmp_path / "l")
    try:
        samples: list[Sample] = list(Tracker(ledger, result.plan.collections).samples.values())
    finally:
        ledger.close()
    assert isinstance(index, Searchable)
    found = overlap(samples, result.plan.layout, target, index, count, Retry())
    assert found is not None
    return found


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
@pytest.mark.parametrize("one", [False, True], ids=["collection each", "tenants"])
def test_equal_data_finds_the_same(qdrant: Server, tmp_path: Path, own: str, transport: Transport, one: bool) -> None:
    things = records(200, 16)
    for number in range(50, 90):
        things[number]["values"] = things[50]["values"]  # ties: each side takes any of them
    with via_host(qdrant, transport) as target:
        found = asked(target, tmp_path, own, things, Index(things), one)
    assert found.mean > 0.99
    assert found.first == 1.0
    assert found.good
    assert "overlap@10 with the source: 100%" in str(found)


def test_other_data_does_not(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = records(200, 16)
    with via_host(qdrant, Transport.GRPC) as target:
        found = asked(target, tmp_path, own, things, Index(things, noise=3.0), False)
    assert found.mean < 0.7
    assert not found.good


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
@pytest.mark.parametrize("one", [False, True], ids=["collection each", "tenants"])
def test_where_strict_mode_forbids_exactness_the_index_is_searched_and_that_is_told(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport, one: bool
) -> None:
    strict = {"enabled": True, "search_allow_exact": False, "max_query_limit": 7}
    body = {"vectors": {"size": 16, "distance": "Cosine"}, "strict_mode_config": strict}
    httpx.put(f"{qdrant.url}/collections/{own}", json=body).raise_for_status()
    things = records(60, 16)
    with via_host(qdrant, transport) as target:
        found = asked(target, tmp_path, own, things, Index(things), one, count=20)
    assert (found.exact, found.count) == (False, 7)
    assert found.good
    assert "its strict mode forbids exact search" in str(found)


def test_where_strict_mode_allows_no_such_search_it_is_one_sentence(qdrant: Server, tmp_path: Path, own: str) -> None:
    strict = {"enabled": True, "unindexed_filtering_retrieve": False}
    body = {"vectors": {"size": 16, "distance": "Cosine"}, "strict_mode_config": strict}
    httpx.put(f"{qdrant.url}/collections/{own}", json=body).raise_for_status()
    things = records(60, 16)
    with via_host(qdrant, Transport.REST) as target, pytest.raises(TargetRefused) as caught:
        asked(target, tmp_path, own, things, Index(things), True)
    assert f"not allowed by the strict mode of collection {own!r}" in caught.value.message
    assert "Leave --overlap out" in caught.value.hint


def test_without_dense_vectors_there_is_nothing_to_ask() -> None:
    sample = Sample("c", "", 1, 0, "a", "a", np.zeros(0, dtype=np.float32))
    nothing: Any = None
    assert overlap([sample], Layout(metric=Metric.DOT), nothing, Index([]), 10, Retry()) is None
