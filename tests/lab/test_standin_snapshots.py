"""The stand-in's snapshots behave as Qdrant's published API says, over REST and over gRPC."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

pytest.importorskip("grpc")
pytest.importorskip("qdrant_edge")
pytest.importorskip("qdrant_client")

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from .conftest import StandIn


@pytest.fixture(params=[False, True], ids=["rest", "grpc"])
def client(standin: StandIn, request: pytest.FixtureRequest) -> Iterator[QdrantClient]:
    client = QdrantClient(url=standin.url, grpc_port=standin.grpc, prefer_grpc=request.param, check_compatibility=False)
    yield client
    client.close()


def put_back(standin: StandIn, name: str, data: bytes, checksum: str = "") -> Any:
    mark = uuid4().hex
    body = (
        (
            f'--{mark}\r\nContent-Disposition: form-data; name="snapshot"; filename="s"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        + data
        + f"\r\n--{mark}--\r\n".encode()
    )
    url = f"{standin.url}/collections/{name}/snapshots/upload?wait=true&checksum={checksum}"
    request = urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={mark}"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)["result"]


def test_what_a_snapshot_holds_comes_back_and_nothing_else(standin: StandIn, client: QdrantClient) -> None:
    name = f"snap{uuid4().hex[:8]}"
    client.create_collection(name, models.VectorParams(size=3, distance=models.Distance.DOT))
    client.upsert(name, [models.PointStruct(id=n, vector=[n, 1, 0], payload={"n": n}) for n in range(5)])
    made = client.create_snapshot(name)
    assert made is not None
    client.upsert(name, [models.PointStruct(id=9, vector=[9, 9, 9])])
    client.delete(name, models.PointIdsList(points=[1]))
    assert [each.name for each in client.list_snapshots(name)] == [made.name]
    with urllib.request.urlopen(f"{standin.url}/collections/{name}/snapshots/{made.name}", timeout=20) as reply:
        data = reply.read()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (made.size, made.checksum)
    for bad, checksum in ((data, "0" * 64), (b"no archive", "")):
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            put_back(standin, name, bad, checksum)
        refused.value.close()
    assert client.count(name).count == 5
    assert put_back(standin, name, data, made.checksum or "") is True
    assert client.count(name).count == 5
    assert [point.payload for point in client.retrieve(name, [1, 9])] == [{"n": 1}]
    assert put_back(standin, f"{name}new", data) is True
    assert client.count(f"{name}new").count == 5
    client.delete_snapshot(name, made.name)
    assert client.list_snapshots(name) == []
    for one in (name, f"{name}new"):
        client.delete_collection(one)


def test_a_snapshot_of_nothing_is_not_found(client: QdrantClient) -> None:
    with pytest.raises(Exception, match=r"Not found|NOT_FOUND") as refused:
        client.create_snapshot("nobody")
    assert not isinstance(refused.value, UnexpectedResponse) or refused.value.status_code == 404
