"""What we send and what the stand-in answers is what the published API says, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.prepare import Wishes
from netdoctor.migration.retry import Retry
from netdoctor.migration.rollback import Run, roll_back
from netdoctor.migration.run import Options
from netdoctor.migration.snapshots import create, list_snapshots, restore_kept
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import Making, Query, Target, TargetRefused
from netdoctor.migration.targets.rest import RestTarget

from .lab import Server, records, run_once, via_host, write_export
from .published import Published, odd_fields

STILL = frozenset({"on_disk", "on_disk_payload", "always_ram"})
"""Called deprecated since 1.20, for names that older servers refuse: they take these, and so do the newest."""


@pytest.fixture(scope="module")
def published() -> Published:
    return Published()


def everything_that_is_asked(target: Target, qdrant: Server, own: str, tmp_path: Path) -> None:
    """A run with all of its wishes, its proof, its undoing, refusals of several kinds, and the other ways to read."""
    things = records(60)
    for number, thing in enumerate(things):
        thing["sparse_values"] = {"indices": [number, number + 9], "values": [0.5, -1.25]}
    export = write_export(tmp_path / "export.json", things)
    making = Making(on_disk=True, on_disk_payload=True, shards=1, replicas=1, quantization="scalar")
    wishes = Wishes(making=making, indexes=(("name", "keyword"), ("age", "integer"), ("score", "float")))
    options = Options(Layout(collection=own), wishes=wishes)
    assert run_once(export, target, tmp_path / "ledger", options).good
    assert run_once(export, target, tmp_path / "ledger", options).good
    overwriting = replace(options, wishes=replace(wishes, overwrite=True))
    assert run_once(export, target, tmp_path / "again", overwriting).good
    assert target.snapshot(own)
    # Every kind of collection, and of answer about it.
    for number, metric in enumerate(Metric):
        target.create(f"{own}-{number}", 4, metric, Making(quantization="binary", datatype="float16", run="r"))
        state = target.collection(f"{own}-{number}")
        assert state is not None
        target.set_indexing_threshold(state.name, (state.indexing_threshold or 1) + 1)
        target.drop(state.name)
    assert target.collection(f"{own}-none") is None
    nearest = Query(np.ones(8, dtype=np.float32), exact=True, tenant=("namespace", "x"))
    target.search(own, [nearest, replace(nearest, only="6a15880c-8b29-5463-962c-1c2a0bd1b9c9")], 3)
    for wrong in (
        lambda: target.create(own, 8, Metric.COSINE),
        lambda: target.create("a/b", 8, Metric.COSINE),
        lambda: target.search(own, [Query(np.ones(3, dtype=np.float32))], 3),
        lambda: target.count(f"{own}-none"),
    ):
        with pytest.raises(TargetRefused):
            wrong()
    ledger = open_ledger(tmp_path / "ledger")
    try:
        source = ExportJson(export)
        roll_back(source, target, Run.of(ledger, source, target.address), retry=Retry(patience=5))
    finally:
        ledger.close()
    strict = {
        "vectors": {"size": 8, "distance": "Cosine"},
        "strict_mode_config": {"enabled": True, "max_query_limit": 2},
    }
    httpx.put(f"{qdrant.url}/collections/{own}-s", json=strict).raise_for_status()
    target.scroll(f"{own}-s", 10)
    target.delete(f"{own}-s", ["6a15880c-8b29-5463-962c-1c2a0bd1b9c9"])
    assert (target.collection(f"{own}-s") or pytest.fail()).limits == {"max_query_limit": 2}


@contextmanager
def overheard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, bytes, int, bytes]]]:
    heard: list[tuple[str, str, bytes, int, bytes]] = []
    real = RestTarget._send

    def send(self: Any, method: str, path: str, content: Any = None, length: int | None = None) -> Any:
        body = b"".join(content) if content is not None and not isinstance(content, bytes) else content
        reply = real(self, method, path, body, length)
        heard.append((method, path, body or b"", reply.status_code, reply.content))
        return reply

    monkeypatch.setattr(RestTarget, "_send", send)
    yield heard
    monkeypatch.undo()


def test_every_rest_request_and_answer_is_as_published(
    qdrant: Server, own: str, tmp_path: Path, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    with overheard(monkeypatch) as heard, via_host(qdrant, Transport.REST) as target:
        everything_that_is_asked(target, qdrant, own, tmp_path)
        target.create(own + "k", 4, Metric.DOT)
        create(target, own + "k")
        (kept,) = list_snapshots(target, own + "k")
        assert restore_kept(target, own + "k", kept.name).points == 0
    # Files go other ways than that; what stands in their addresses is held to the API as well.
    upload = f"/collections/{own}k/snapshots/upload?priority=snapshot&wait=true&checksum={'0' * 64}"
    heard += [("POST", upload, b"", 0, b""), ("GET", f"/collections/{own}k/snapshots/{kept.name}", b"", 0, b"")]
    complaints = [one for each in heard for one in published.complaints(*each)]
    assert sorted(set(complaints)) == []
    assert {status for *_, status, _ in heard} >= {200, 400, 404, 409, 422}
    assert published.seen >= {
        "GET /collections",
        "GET /collections/{collection_name}",
        "PUT /collections/{collection_name}",
        "PATCH /collections/{collection_name}",
        "DELETE /collections/{collection_name}",
        "PUT /collections/{collection_name}/index",
        "PUT /collections/{collection_name}/points",
        "POST /collections/{collection_name}/points",
        "POST /collections/{collection_name}/points/count",
        "POST /collections/{collection_name}/points/delete",
        "POST /collections/{collection_name}/points/query/batch",
        "POST /collections/{collection_name}/points/scroll",
        "POST /collections/{collection_name}/snapshots",
        "POST /collections/{collection_name}/snapshots/upload",
        "GET /collections/{collection_name}/snapshots",
    }


def test_every_grpc_message_is_as_published(
    qdrant: Server, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qdrant_client import grpc as api

    from netdoctor.migration.targets.grpc_channel import GrpcTarget

    odd: set[str] = set()
    methods: set[str] = set()
    real = GrpcTarget._call

    def call(self: Any, method: Any, request: Any, **how: Any) -> Any:
        name = method._method.decode()
        methods.add(name)
        sent = api.UpsertPoints.FromString(request) if isinstance(request, bytes) else request
        odd.update(odd_fields(sent, STILL))
        reply = real(self, method, request, **how)
        told = api.ScrollResponse.FromString(reply) if isinstance(reply, bytes) else reply
        odd.update(odd_fields(told, STILL))
        return reply

    monkeypatch.setattr(GrpcTarget, "_call", call)
    with via_host(qdrant, Transport.GRPC) as target:
        everything_that_is_asked(target, qdrant, own, tmp_path)
    assert odd == set()
    assert {name.rpartition("/")[2] for name in methods} >= {
        "HealthCheck", "List", "Get", "Create", "Update", "Delete", "CreateFieldIndex", "Upsert", "Count", "Scroll",
        "QueryBatch",
    }  # fmt: skip


def test_what_is_written_only_once_is_asked_for_by_its_published_field() -> None:
    from qdrant_client.grpc import UpdateMode, UpsertPoints

    from netdoctor.migration.targets.grpc_channel import _INSERT_ONLY

    read = UpsertPoints.FromString(_INSERT_ONLY)
    assert read.update_mode == UpdateMode.Value("InsertOnly")
    assert list(odd_fields(read)) == []


def test_a_complaint_is_made_of_whatever_is_not_published(published: Published) -> None:
    said = list(
        published.complaints(
            "PUT",
            "/collections/c/points?wait=true&hurry=1",
            b'{"points":[{"id":1,"vector":[0.5]}],"haste":true}',
            200,
            b'{"result":{"operation_id":1,"status":"finished"},"status":"ok","time":0.1}',
        )
    )
    assert len(said) == 3, said
    assert list(published.complaints("PUT", "/collections/c/pints", b"", 200, b"")) == [
        "PUT /collections/c/pints: no such call"
    ]
    assert list(
        published.complaints("GET", "/collections", b"", 200, b'{"result":{"collections":[]},"speed":1,"status":"ok"}')
    ) == ["GET /collections, what is answered: nobody knows .speed"]
