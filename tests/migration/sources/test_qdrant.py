"""Another Qdrant is read as it is: all its ids, its numbers, the vectors that were chosen; what vanished is told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from migration.lab import Server, server
from netdoctor.cli._fleet import planned
from netdoctor.cli.main import run
from netdoctor.errors import NotFound, UsageError
from netdoctor.exits import Exit
from netdoctor.migration.listing import Listing
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.run import Options
from netdoctor.migration.sources.interface import SOURCES, Access, open_source
from netdoctor.migration.sources.qdrant import QdrantSource, read_url
from netdoctor.migration.targets.interface import TargetUnreachable

DENSE = {"size": 4, "distance": "Dot"}


def call(server: Server, method: str, path: str, body: Any = None) -> Any:
    reply = httpx.request(method, f"{server.url}{path}", json=body, timeout=30)
    assert reply.status_code == 200, reply.text
    return reply.json()["result"]


def make(server: Server, name: str, points: list[dict[str, Any]], **config: Any) -> None:
    call(server, "PUT", f"/collections/{name}", {"vectors": DENSE, **config})
    if points:
        call(server, "PUT", f"/collections/{name}/points?wait=true", {"points": points})


def point(number: int, **payload: Any) -> dict[str, Any]:
    """Every third one's id is a number."""
    identity: Any = number if number % 3 == 0 else str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
    vector = [number + 0.25, 1.0, -2.0, 0.5]
    return {"id": identity, "vector": vector, "payload": {"n": number, **payload}}


@pytest.fixture(params=["gRPC", "REST"])
def source_of(request: pytest.FixtureRequest, qdrant: Server) -> Iterator[Any]:
    opened: list[Any] = []

    def open_it(name: str, **options: str) -> QdrantSource:
        if request.param == "gRPC":
            options = {"grpc-port": str(qdrant.grpc), **options}
        source = open_source(f"{qdrant.url}/{name}", Access(options=options))
        assert isinstance(source, QdrantSource)
        opened.append(source)
        return source

    yield open_it
    for each in opened:
        each.close()


def everything(source: QdrantSource, folder: Path, start: Any = None) -> list[Record | BadRecord]:
    path = folder / "ids"
    source.follow(Listing.read(path) if path.exists() else Listing.write(path, source.ids()))
    return list(source.records(start))


def test_all_points_are_read_with_their_numbers_as_they_are(
    qdrant: Server, own: str, tmp_path: Path, source_of: Any
) -> None:
    odd = {"big": 2**60 + 1, "whole": 42.0, "nested": {"a": [1, 2.5, None, {"b": True}]}, "text": "é\x00"}
    points = [point(number, **(odd if number == 7 else {})) for number in range(700)]
    make(qdrant, own, points)
    source = source_of(own)
    found = everything(source, tmp_path)
    assert [each.number for each in found] == list(range(1, 701))
    by_id = {str(each["id"]): each for each in points}
    for each in found:
        assert isinstance(each, Record)
        wanted = by_id.pop(each.id)
        assert each.values.tolist() == np.array(wanted["vector"], dtype=np.float32).tolist()
        assert json.dumps(each.metadata, sort_keys=True) == json.dumps(wanted["payload"], sort_keys=True)
        assert each.namespace == own
        assert each.size > 0
    assert by_id == {}
    assert (source.metric, source.live, source.exact) == (Metric.DOT, True, True)
    # From any of them on, also one in the middle of a page.
    assert [each.number for each in everything(source, tmp_path, 300)] == list(range(300, 701))


def test_what_is_gone_since_is_told_and_what_is_new_is_left_out(
    qdrant: Server, own: str, tmp_path: Path, source_of: Any
) -> None:
    make(qdrant, own, [point(number) for number in range(0, 300, 2)])
    source = source_of(own)
    listing = Listing.write(tmp_path / "ids", source.ids())
    gone = point(30)["id"]
    call(qdrant, "POST", f"/collections/{own}/points/delete?wait=true", {"points": [gone]})
    call(qdrant, "PUT", f"/collections/{own}/points?wait=true", {"points": [point(n) for n in range(1, 600, 2)]})
    source.follow(listing)
    found = list(source.records())
    assert len(found) == 150
    (bad,) = [each for each in found if isinstance(each, BadRecord)]
    assert f"point {gone} of collection {own!r} is gone" in bad.reason
    assert list(listing.entries())[bad.number - 1][1] == str(gone)


def test_named_vectors_are_refused_until_one_is_chosen(
    qdrant: Server, own: str, tmp_path: Path, source_of: Any
) -> None:
    vectors = {"text": {"size": 2, "distance": "Cosine"}, "image": {"size": 3, "distance": "Euclid"}}
    call(qdrant, "PUT", f"/collections/{own}", {"vectors": vectors})
    points = [{"id": n, "vector": {"text": [1.0, 0.0], "image": [n, 1.0, 2.0]}, "payload": {}} for n in range(5)]
    call(qdrant, "PUT", f"/collections/{own}/points?wait=true", {"points": points})
    with pytest.raises(UsageError, match=r"named vectors \(image, text\)") as refused:
        source_of(own)
    assert "--source-option vector=image" in refused.value.hint
    with pytest.raises(UsageError, match="no vector 'sound'"):
        source_of(own, vector="sound")
    source = source_of(own, vector="image")
    assert [each.values.tolist() for each in everything(source, tmp_path)] == [[n, 1.0, 2.0] for n in range(5)]
    assert source.metric is Metric.EUCLID
    assert source.notes() == (f"Of collection {own!r} these vectors stay behind: text.",)


def test_sparse_vectors_come_along(qdrant: Server, own: str, tmp_path: Path, source_of: Any) -> None:
    pairs = {"indices": [3, 9], "values": [0.5, 1.5]}
    call(qdrant, "PUT", f"/collections/{own}", {"vectors": DENSE, "sparse_vectors": {"words": {}}})
    points = [
        {"id": 1, "vector": {"": [1, 2, 3, 4], "words": pairs}},
        {"id": 2, "vector": [1, 2, 3, 4]},
        {"id": 3, "vector": {"words": pairs}},
    ]
    call(qdrant, "PUT", f"/collections/{own}/points?wait=true", {"points": points})
    first, second, third = everything(source_of(own), tmp_path)
    for each in (first, third):
        assert isinstance(each, Record) and each.sparse is not None
        assert (each.sparse.indices.tolist(), each.sparse.values.tolist()) == ([3, 9], [0.5, 1.5])
    assert isinstance(second, Record) and second.sparse is None
    assert isinstance(third, Record) and len(third.values) == 0


def test_a_collection_that_is_not_there_is_told_with_those_that_are(qdrant: Server, own: str) -> None:
    make(qdrant, own, [])
    with pytest.raises(NotFound, match="There is no collection 'nothing'") as refused:
        open_source(f"{qdrant.url}/nothing")
    told = refused.value.hint.removeprefix("collections: ").split(", ")
    there = {each["name"] for each in call(qdrant, "GET", "/collections")["collections"]}
    assert own in told or len(told) > 10
    assert set(told) <= there
    with pytest.raises(UsageError, match="holds credentials"):
        open_source(f"http://user:secret@127.0.0.1:{qdrant.rest}/{own}")


@pytest.mark.parametrize(
    ("given", "url", "collection"),
    [
        ("http://h:6333/docs", "http://h:6333", "docs"),
        ("https://h/docs/", "https://h", "docs"),
        ("qdrant://h:6333/a%2Fb", "http://h:6333", "a/b"),
        ("qdrant:https://h:6333/docs", "https://h:6333", "docs"),
        ("http://h/proxy/docs", "http://h/proxy", "docs"),
        ("http://h:6333", "http://h:6333", None),
        ("http://[::1]:6333/docs", "http://[::1]:6333", "docs"),
    ],
)
def test_the_last_part_of_the_path_is_the_collection(given: str, url: str, collection: str | None) -> None:
    assert read_url(given, None) == (url, collection)
    assert SOURCES.get("qdrant").recognises(given, None)
    assert read_url("http://h/proxy", "docs") == ("http://h/proxy", "docs")


def test_the_targets_key_is_not_given_to_the_source(qdrant: Server, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from netdoctor.migration.targets.rest import RestTarget

    seen = []
    real = RestTarget.__init__

    def look(self: RestTarget, url: str, **how: Any) -> None:
        seen.append(how["api_key"])
        real(self, url, **how)

    monkeypatch.setattr(RestTarget, "__init__", look)
    make(qdrant, own, [])
    for environment in ({"QDRANT_API_KEY": "target"}, {"QDRANT_SOURCE_API_KEY": "source", "QDRANT_API_KEY": "target"}):
        source = open_source(f"{qdrant.url}/{own}", Access(environment=environment))
        source.close()  # type: ignore[attr-defined]
    assert seen == [None, "source"]


def test_a_refused_key_is_told_as_the_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with server(tmp_path, api_key="right-77") as guarded:
        source = f"{guarded.url}/docs"
        assert run(["migrate", source, "--dry-run"]) == Exit.FINDINGS
        err = capsys.readouterr().err
        assert "The source: Qdrant at" in err
        assert "set QDRANT_SOURCE_API_KEY" in err
        with pytest.raises(NotFound):
            open_source(source, Access(environment={"QDRANT_SOURCE_API_KEY": "right-77"}))


def test_a_source_that_dies_is_told_as_the_source_after_a_while(tmp_path: Path, own: str) -> None:
    with server(tmp_path) as dying:
        make(dying, own, [point(number) for number in range(2000)])
        source = open_source(f"{dying.url}/{own}")
        assert isinstance(source, QdrantSource)
        source._asking = replace(source._asking, retry=replace(source._asking.retry, patience=0.3))
        source.follow(Listing.write(tmp_path / "ids", source.ids()))
        found = source.records()
        assert isinstance(next(found), Record)
    with pytest.raises(TargetUnreachable, match=r"The source .* did not answer within 0.3 s"):
        list(found)
    source.close()


def moved(server: Server, own: str, tmp_path: Path) -> list[str]:
    return [
        "migrate",
        f"{server.url}/{own}",
        "--to",
        server.url,
        "--strip-prefix",
        "old-",
        "--ledger",
        str(tmp_path / "ledger"),
    ]


def test_it_is_planned_migrated_and_verified(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = [point(number, big=2**60 + number, whole=float(number)) for number in range(400)]
    make(qdrant, f"old-{own}", points)
    command = moved(qdrant, f"old-{own}", tmp_path)
    assert run([*command, "--dry-run", "--format", "json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["in_export"] == 400
    assert run([*command, "--format", "json", "-q"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["migrated"]) == (True, 400)
    assert call(qdrant, "GET", f"/collections/{own}")["config"]["params"]["vectors"]["distance"] == "Dot"
    new = call(
        qdrant,
        "POST",
        f"/collections/{own}/points/scroll",
        {"limit": 500, "with_vector": True, "with_payload": True},
    )["points"]
    kept = {each["payload"].pop("originalId"): each for each in new}
    for each in points:
        assert kept[str(each["id"])]["payload"] == each["payload"]
        assert kept[str(each["id"])]["vector"] == each["vector"]
        assert type(kept[str(each["id"])]["payload"]["big"]) is int
        if isinstance(each["id"], str):
            assert kept[each["id"]]["id"] == each["id"]
    verify = ["vectors", "verify", command[1], "--ledger", str(tmp_path / "ledger"), "-q"]
    assert run(verify) == Exit.OK
    capsys.readouterr()
    assert run([*verify, "--overlap", "10", "--format", "json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["overlap"]["mean"] > 0.99
    for name in (own, f"old-{own}"):
        strict = {"strict_mode_config": {"enabled": True, "search_allow_exact": False}}
        call(qdrant, "PATCH", f"/collections/{name}", strict)
    assert run([*verify, "--overlap", "10", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)["overlap"]
    assert told["exact"] is False
    assert told["mean"] > 0.99
    call(qdrant, "PATCH", f"/collections/{own}", {"strict_mode_config": {"enabled": False}})
    lost = {"points": [each["id"] for each in new[:3]]}
    call(qdrant, "POST", f"/collections/{own}/points/delete?wait=true", lost)
    capsys.readouterr()
    assert run(verify) == Exit.FINDINGS
    assert "is not there" in capsys.readouterr().out
    assert run([*verify, "--repair"]) == Exit.OK
    assert call(qdrant, "POST", f"/collections/{own}/points/count", {"exact": True})["count"] == 400


def test_a_collection_is_never_written_into_itself(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(qdrant, own, [point(number) for number in range(9)])
    ledger = ["--ledger", str(tmp_path / "l")]
    to = ["--to", f"http://localhost:{qdrant.rest}"]
    assert run(["migrate", f"{qdrant.url}/{own}", *to, *ledger]) == Exit.USAGE
    assert f"Source and target are the same collection {own!r}" in capsys.readouterr().err
    assert call(qdrant, "POST", f"/collections/{own}/points/count", {"exact": True})["count"] == 9
    assert run(["migrate", f"{qdrant.url}/{own}", *to, *ledger, "--collection", f"{own}-new"]) == Exit.OK


def test_options_of_the_source_are_remembered_and_a_source_that_is_away_is_no_obstacle(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = {"text": {"size": 2, "distance": "Dot"}, "image": {"size": 3, "distance": "Dot"}}
    call(qdrant, "PUT", f"/collections/old-{own}", {"vectors": vectors})
    points = [{"id": n, "vector": {"text": [1.0, 0.0], "image": [n, 1.0, 2.0]}, "payload": {}} for n in range(5)]
    call(qdrant, "PUT", f"/collections/old-{own}/points?wait=true", {"points": points})
    command = moved(qdrant, f"old-{own}", tmp_path)
    assert run(command) == Exit.USAGE
    assert "--source-option vector=image" in capsys.readouterr().err
    assert run([*command, "--source-option", "vector=text"]) == Exit.OK
    assert "these vectors stay behind: image" in (told := capsys.readouterr()).out + told.err
    verify = ["vectors", "verify", command[1], "--ledger", str(tmp_path / "ledger")]
    assert run(verify) == Exit.OK
    call(qdrant, "DELETE", f"/collections/old-{own}")
    capsys.readouterr()
    assert run(verify) == Exit.OK
    assert "without the source: There is no collection" in capsys.readouterr().err


def test_a_plan_of_another_qdrant_is_one_that_workers_go_by(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(qdrant, own, [point(number) for number in range(9)])
    plan, source = str(tmp_path / "plan.json"), f"{qdrant.url}/{own}"
    assert run(["migrate", source, "--dry-run", "--plan", plan]) == Exit.OK
    capsys.readouterr()
    given = {"plan": Path(plan), "export": source, "shard": "1/2", "coordinate": False, "emit": None}
    opened = open_source(source)
    file, options = planned(given, opened, Options(Layout(metric=Metric.DOT, exact=True)))
    opened.close()  # type: ignore[attr-defined]
    assert file is not None
    assert (file.plan.points, options.layout.exact) == (9, True)


KILLED = """
import os, signal, sys
from pathlib import Path
from netdoctor.migration.address import Address
from netdoctor.migration.batches import Limits
from netdoctor.migration.events import BatchDone
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.run import Options, migrate
from netdoctor.migration.sources.interface import open_source
from netdoctor.migration.target import Transport, open_server

rest, url, ledger, last = sys.argv[1:]
left = [int(last)]

def listen(event):
    if isinstance(event, BatchDone):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

address = Address("http", "127.0.0.1", None, int(rest), None)
layout = Layout(strip_prefix="old-", metric=Metric.DOT, exact=True)
options = Options(layout, limits=Limits(points=20), in_flight=2, request_timeout=0.2)
with open_server(address, vantage=None, transport=Transport.REST) as target:
    source = open_source(url)
    result = migrate(source, target, open_ledger(Path(ledger)), options, listener=listen)
    source.close()
    print(result.good, result.sent, result.resumed)
"""


def test_killed_and_resumed_it_ends_as_one_run(qdrant: Server, own: str, tmp_path: Path) -> None:
    make(qdrant, f"old-{own}", [point(number) for number in range(400)])

    def child(last: int) -> subprocess.CompletedProcess[str]:
        arguments = [str(qdrant.rest), f"{qdrant.url}/old-{own}", str(tmp_path / "ledger"), str(last)]
        command = [sys.executable, "-c", KILLED, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    killed = child(9)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = child(0)
    good, sent, resumed = again.stdout.split()
    assert (good, resumed) == ("True", "True"), again.stderr
    assert 0 < int(sent) <= 400
    assert call(qdrant, "POST", f"/collections/{own}/points/count", {"exact": True})["count"] == 400
