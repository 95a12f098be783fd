"""REST, gRPC and the folder do the same things in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from netdoctor.migration.points import Metric, Point
from netdoctor.migration.target import Transport, open_folder, open_server
from netdoctor.migration.targets.interface import KeyRefused, Query, Target, TargetRefused, TargetUnreachable
from netdoctor.migration.targets.rest_refusals import refusal
from netdoctor.vantage.host import HostVantage

from .lab import Server, records, run_once, server, via_host, write_export

STRICT = {"enabled": True, "upsert_max_batchsize": 3}
IDS = [f"6a15880c-8b29-5463-962c-{n:012x}" for n in range(5)]
PAYLOAD = {"name": "Pérson", "n": 7, "x": 7.0, "yes": True, "list": ["a", 1, 1.5], "deep": {"k": {"l": [1]}}}


@pytest.fixture(params=["gRPC", "REST", "folder"])
def target(request: pytest.FixtureRequest, qdrant: Server, tmp_path: Path) -> Iterator[Target]:
    if request.param == "folder":
        with open_folder(tmp_path / "folder") as opened:
            yield opened
    else:
        with via_host(qdrant, Transport(request.param.lower())) as opened:
            assert opened.transport == request.param
            yield opened


def points(count: int = 5, dimension: int = 4) -> list[Point]:
    chance = np.random.default_rng(1)
    made = chance.normal(size=(count, dimension))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return [Point(IDS[n], made[n].astype(np.float32), {**PAYLOAD, "which": n}) for n in range(count)]


def test_what_is_written_is_read_back_bit_for_bit(target: Target, own: str) -> None:
    assert target.health()
    assert target.collection(own) is None
    target.create(own, 4, Metric.COSINE)
    state = target.collection(own)
    assert state is not None
    assert (state.dimension, state.metric, state.points) == (4, Metric.COSINE, 0)
    sent = points()
    target.upsert(own, [target.encode(point) for point in sent])
    target.upsert(own, [target.encode(sent[0])])
    assert target.count(own) == 5
    found = target.retrieve(own, [*IDS, "00000000-0000-0000-0000-000000000000"])
    assert set(found) == set(IDS)
    for point in sent:
        stored = found[point.id]
        if target.transport == "folder":  # local mode normalises once more, to the last bit or one beside it
            assert np.abs(stored.vector - point.vector).max() <= 1e-7
        else:
            assert stored.vector.tobytes() == point.vector.tobytes()
        assert stored.payload == point.payload
        assert {k: type(v) for k, v in stored.payload.items()} == {k: type(v) for k, v in point.payload.items()}


def test_a_point_finds_itself_and_can_be_asked_for_alone(target: Target, own: str) -> None:
    target.create(own, 4, Metric.COSINE)
    sent = points()
    target.upsert(own, [target.encode(point) for point in sent])
    (hits, others) = target.search(own, [Query(sent[2].vector), Query(sent[3].vector)], 3)
    assert others[0].id == sent[3].id
    assert len(hits) == 3
    assert hits[0].id == sent[2].id
    assert hits[0].score == pytest.approx(1.0, abs=1e-5)
    ((alone,),) = target.search(own, [Query(sent[2].vector, only=sent[4].id)], 1)
    assert alone.id == sent[4].id


def test_a_refusal_says_what_the_server_says(target: Target, own: str) -> None:
    target.create(own, 4, Metric.DOT)
    with pytest.raises(TargetRefused):
        target.create(own, 4, Metric.DOT)
    with pytest.raises(TargetRefused, match=r"(?i)dim|expected|broadcast|shape"):
        target.upsert(own, [target.encode(points(1, 3)[0])])
    assert target.count(own) == 0


def test_names_that_need_encoding_are_names(target: Target, own: str) -> None:
    name = f"{own} ü%2F&#"
    target.create(name, 4, Metric.EUCLID)
    state = target.collection(name)
    assert state is not None
    assert (state.name, state.metric) == (name, Metric.EUCLID)
    target.index(name, "namespace", "keyword", tenant=True)
    target.index(name, "n", "integer")


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_a_wrong_key_is_told_and_never_shown(tmp_path: Path, transport: Transport) -> None:
    with server(tmp_path, api_key="right-key-7f3a") as running:
        for key in (None, "wrong-key-91bc"):
            with pytest.raises(KeyRefused) as caught, via_host(running, transport, api_key=key):
                pass
            assert "QDRANT_API_KEY" in caught.value.hint
            assert "key" in caught.value.message
            assert "91bc" not in str(caught.value) + caught.value.hint
        with via_host(running, transport, api_key="right-key-7f3a") as target:
            assert target.health()


def test_auto_takes_grpc_where_it_is_open_else_rest(tmp_path: Path, qdrant: Server) -> None:
    with via_host(qdrant, Transport.AUTO) as target:
        assert target.transport == "gRPC"
    with server(tmp_path, grpc=-1) as running:
        address = running.address()
        from dataclasses import replace

        with open_server(replace(address, grpc=1), vantage=HostVantage()) as target:
            assert target.transport == "REST"
        with (
            pytest.raises(TargetUnreachable, match="refused the connection"),
            open_server(replace(address, grpc=1), vantage=HostVantage(), transport=Transport.GRPC),
        ):
            pass


def test_without_a_vantage_it_connects_directly(qdrant: Server, own: str) -> None:
    for transport in (Transport.GRPC, Transport.REST):
        with open_server(qdrant.address(), vantage=None, transport=transport) as target:
            assert target.collection(own) is None


def test_an_absent_server_is_told_with_the_next_command() -> None:
    from netdoctor.migration.address import Address

    address = Address("http", "127.0.0.1", "127.0.0.1", 1, 2)
    for vantage in (HostVantage(), None):
        opening = open_server(address, vantage=vantage, hint="netdoctor check a b")
        with pytest.raises(TargetUnreachable) as caught, opening:
            pass
        assert "Nothing was written" in caught.value.message
        assert caught.value.hint == "netdoctor check a b"


def test_something_else_that_listens_is_not_qdrant() -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from netdoctor.migration.address import Address

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.05,))
        thread.start()
        try:
            port = web.server_address[1]
            with (
                pytest.raises(TargetUnreachable, match="not Qdrant"),
                open_server(Address("http", "127.0.0.1", None, port, None), vantage=None),
            ):
                pass
            with (
                pytest.raises(TargetUnreachable, match="No Qdrant answers gRPC"),
                open_server(Address("http", "127.0.0.1", None, None, port), vantage=None),
            ):
                pass
        finally:
            web.shutdown()
            thread.join(5)


# The client library leaves its own lock file open when it refuses.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with open_folder(tmp_path / "f"), pytest.raises(TargetRefused, match="in use"), open_folder(tmp_path / "f"):
        pass


@pytest.mark.parametrize("status", [400, 403])
def test_a_limit_of_strict_mode_is_no_matter_of_keys(status: int) -> None:
    said = 'Forbidden: Limit exceeded 256 > 100 for "upsert_max_batchsize". Help: Reduce it.'
    refused = refusal(status, said, "http://q")
    assert isinstance(refused, TargetRefused)
    assert not isinstance(refused, KeyRefused)
    assert isinstance(refusal(403, "Forbidden: Global access is required", "http://q"), KeyRefused)


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_a_batch_above_the_strict_limit_goes_through_in_parts_of_it(
    qdrant: Server, own: str, tmp_path: Path, transport: Transport
) -> None:
    body = {"vectors": {"size": 8, "distance": "Cosine"}, "strict_mode_config": STRICT}
    reply = httpx.put(f"{qdrant.url}/collections/{own}", json=body)
    assert reply.status_code == 200, reply.text
    things = records(40)
    for thing in things:
        thing["namespace"] = own
    with via_host(qdrant, transport) as target:
        some = [target.encode(replace(p, vector=np.ones(8, dtype=np.float32))) for p in points()]
        with pytest.raises(TargetRefused, match="Limit exceeded 5 > 3"):
            target._write(own, some, insert_only=False)
        for _ in range(2):
            target.upsert(own, some)
        assert target.count(own) == 5
        result = run_once(write_export(tmp_path / "e", things), target, tmp_path / "l")
        assert result.good
