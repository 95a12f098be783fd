"""Snapshots as Qdrant's published API has them, and what depends on them."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric, point_id
from netdoctor.migration.prepare import Wishes
from netdoctor.migration.run import Options
from netdoctor.migration.snapshots import list_snapshots
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import TargetRefused

from .lab import Server, records, run_once, via_host, write_export
from .test_rollback import points_of
from .test_run import Broken


def filled(qdrant: Server, own: str, count: int = 20) -> None:
    things = points_of(records(count))
    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in things])


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_collection_with_numbers_for_ids_is_put_back_with_proof(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As others make them; the proof asks for its samples by id."""
    httpx.put(f"{qdrant.url}/collections/{own}", json={"vectors": {"size": 2, "distance": "Dot"}}).raise_for_status()
    points = [{"id": number, "vector": [1, number], "payload": {}} for number in range(20)]
    httpx.put(f"{qdrant.url}/collections/{own}/points?wait=true", json={"points": points}).raise_for_status()
    command = ["vectors", "snapshot"]
    to = ["--to", qdrant.url, "--format", "json"]
    assert run([*command, "create", own, *to]) == Exit.OK
    made = told(capsys)["snapshots"][0]["name"]
    assert run([*command, "restore", own, made, *to, "--yes", "--expect-points", "20"]) == Exit.OK
    assert told(capsys)["proof"]["searches"] == {"asked": 20, "found": 20}


def test_snapshots_are_made_listed_fetched_and_put_back_with_proof(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(qdrant, own)
    to = ["--to", qdrant.url, "--format", "json"]
    command = ["vectors", "snapshot"]
    assert run([*command, "create", own, *to]) == Exit.OK
    made = told(capsys)["snapshots"][0]
    assert run([*command, "list", own, *to]) == Exit.OK
    assert told(capsys)["snapshots"] == [made]
    file = tmp_path / "kept"
    assert run([*command, "download", own, made["name"], *to, "--to-file", str(file)]) == Exit.OK
    assert told(capsys)["snapshots"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest() == made["sha256"]
    assert run([*command, "download", own, made["name"], *to, "--to-file", str(file)]) == Exit.OK
    with via_host(qdrant, Transport.REST) as target:
        target.drop(own)
    capsys.readouterr()
    assert run([*command, "restore", own, str(file), *to]) == Exit.USAGE
    assert "--yes" in capsys.readouterr().err
    assert run([*command, "restore", own, str(file), *to, "--yes", "--expect-points", "20"]) == Exit.OK
    proof = told(capsys)["proof"]
    assert proof == {"points": 20, "expected": 20, "status": "green", "searches": {"asked": 20, "found": 20}}
    assert run([*command, "restore", own, str(file), *to, "--yes", "--expect-points", "21"]) == Exit.FINDINGS
    assert told(capsys)["ok"] is False
    assert run([*command, "restore", own, str(file), "--to", qdrant.url, "--yes"]) == Exit.OK
    out = capsys.readouterr().out
    assert "20 of 20 sampled vectors find themselves" in out and "OK: restored, counted and searched." in out


def test_a_snapshot_that_the_server_keeps_is_put_back_by_its_name(
    qdrant: Server, own: str, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(qdrant, own)
    to = ["--to", qdrant.url, "--format", "json"]
    assert run(["vectors", "snapshot", "create", own, *to]) == Exit.OK
    name = told(capsys)["snapshots"][0]["name"]
    with via_host(qdrant, Transport.REST) as target:
        target.delete(own, [point.id for point in points_of(records(5))])
    assert run(["vectors", "snapshot", "restore", own, name, *to, "--yes"]) == Exit.OK
    assert told(capsys)["proof"]["points"] == 20


def test_what_cannot_be_done_is_said_and_leaves_no_file(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    filled(qdrant, own)
    command, to = ["vectors", "snapshot"], ["--to", qdrant.url]

    def said(*words: str) -> str:
        capsys.readouterr()
        status = run([*command, *words, *to])
        assert status in (Exit.USAGE, Exit.FINDINGS), status
        return capsys.readouterr().err

    assert "keeps no snapshot 'nothing'" in said("download", own, "nothing")
    assert "takes a collection and a name" in said("download", own)
    assert "doesn't exist" in said("create", f"{own}x")
    assert "cannot be read" in said("restore", own, str(tmp_path / "away"), "--yes")
    assert "refuses the request" in said("restore", own, __file__, "--yes")
    assert run([*command, "create", own, *to]) == Exit.OK
    name = capsys.readouterr().out.split()[0]
    (tmp_path / name).write_text("mine")
    assert "something else at" in said("download", own, name)
    assert "cannot be written" in said("download", own, name, "--to-file", str(tmp_path / "no" / "such"))
    told = said("download", own, name, "-o", str(tmp_path / "kept"))
    assert "where the report goes" in told and f"--to-file {tmp_path / 'kept'}" in told
    assert not (tmp_path / "kept").exists()
    assert "human or json" in said("list", own, "--format", "junit")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]
    assert run([*command, "list", own, "--to", "http://127.0.0.1:6334"]) == Exit.FINDINGS
    assert "names no REST port" in capsys.readouterr().err
    folder = tmp_path / "embedded"
    folder.mkdir()
    assert run([*command, "list", own, "--to", str(folder)]) == Exit.USAGE
    assert "An embedded folder has no snapshots" in capsys.readouterr().err


class _Lying(BaseHTTPRequestHandler):
    """Keeps three snapshots: one whose bytes are not those it tells of, one that ends early, one of another size."""

    protocol_version = "HTTP/1.1"
    kept = (
        {"name": "other", "size": 5, "checksum": "0" * 64},
        {"name": "short", "size": 5, "checksum": None},
        {"name": "longer", "size": 7},
        {"name": "busy", "size": 1},
    )

    def do_GET(self) -> None:
        _, _, name = self.path.rpartition("/")
        if name in ("healthz", ""):
            self._answer(b'{"title": "qdrant", "version": "1.18.0"}')
        elif name == "collections":
            self._answer(b'{"result": {"collections": []}}')
        elif name == "snapshots":
            self._answer(json.dumps({"result": self.kept}).encode())
        elif name == "busy":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(b"abcde", 9 if name == "short" else 5)
            self.close_connection = name == "short"

    def _answer(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("other", "and the server tells 000"),
        ("short", "The connection to"),
        ("longer", "has 5 bytes, and the server tells 7"),
        ("busy", "HTTP 503"),
    ],
)
def test_a_download_that_is_not_what_the_server_tells_of_is_not_kept(
    name: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lying) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        to = ["--to", f"http://127.0.0.1:{web.server_port}", "--to-file", str(tmp_path / "s")]
        assert run(["vectors", "snapshot", "download", "c", name, *to]) == Exit.FINDINGS
        web.shutdown()
        thread.join(10)
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def overwritten(qdrant: Server, own: str, tmp_path: Path, transport: str) -> Path:
    """An export of 20 points, migrated with --overwrite over three that were there with other payloads."""
    things = records(20)
    for thing in things:
        thing["namespace"] = own
    export = write_export(tmp_path / "e.json", things)
    with via_host(qdrant, Transport.REST) as target:
        target.create(own, 8, Metric.COSINE)
        theirs = [replace(point, payload={"theirs": True}) for point in points_of(things)[5:8]]
        target.upsert(own, [target.encode(point) for point in theirs])
    to = ["--to", qdrant.url, "--grpc-port", str(qdrant.grpc), "--transport", transport]
    for _ in range(2):
        assert run(["migrate", str(export), *to, "--overwrite"]) == Exit.OK
    return export


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_rollback_restores_what_was_overwritten_when_it_is_told_to(
    qdrant: Server, own: str, tmp_path: Path, transport: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export = overwritten(qdrant, own, tmp_path, transport)
    with via_host(qdrant, Transport.REST) as target:
        assert len(list_snapshots(target, own)) == 1  # the second run makes no other
        capsys.readouterr()
        assert run(["vectors", "rollback", str(export), "--yes"]) == Exit.FINDINGS
        assert "was overwritten, and its snapshot is" in (out := capsys.readouterr().out) and "--restore" in out
        assert target.count(own) == 20
        assert run(["vectors", "rollback", str(export), "--yes", "--restore", "--format", "json"]) == Exit.OK
        said = told(capsys)
        assert (said["ok"], said["collections_restored"]) == (True, [own])
        assert target.count(own) == 3
        mine = point_id(records(20)[6]["id"])
        assert target.retrieve(own, [mine])[mine].payload == {"theirs": True}
    assert run(["vectors", "rollback", str(export), "--yes", "--restore"]) == Exit.USAGE


def test_a_rollback_says_when_the_snapshot_is_gone_or_not_what_it_was(
    qdrant: Server, own: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = overwritten(qdrant, own, tmp_path, "rest")
    ledger = open_ledger(export.with_name("e.json.netdoctor.sqlite"))
    assert ledger.fact(f"points before {own}") == "3"
    ledger.set_fact(f"points before {own}", "4")
    ledger.close()
    capsys.readouterr()
    command = ["vectors", "rollback", str(export), "--yes", "--restore"]
    assert run(command) == Exit.FINDINGS
    assert "restored, it has 3 points (4 before)" in capsys.readouterr().out
    with via_host(qdrant, Transport.REST) as target:
        for each in list_snapshots(target, own):
            target.call("DELETE", f"/collections/{own}/snapshots/{each.name}")
    assert run(command) == Exit.USAGE
    assert "keeps no snapshot" in capsys.readouterr().err


@pytest.mark.parametrize("transport", [Transport.GRPC, Transport.REST])
def test_overwriting_is_refused_where_no_snapshot_can_be_made(
    qdrant: Server, tmp_path: Path, own: str, transport: Transport
) -> None:
    things = records(20)
    for thing in things:
        thing["namespace"] = own
    export = write_export(tmp_path / "e.json", things)
    theirs = [replace(point, payload={"theirs": True}) for point in points_of(things)[5:8]]
    options = Options(Layout(), wishes=Wishes(overwrite=True))

    def full(name: str) -> str:
        raise TargetRefused("No space left on device.")

    with via_host(qdrant, transport) as real:
        real.create(own, 8, Metric.COSINE)
        real.upsert(own, [real.encode(point) for point in theirs])
        with pytest.raises(TargetRefused, match=r"--overwrite needs a snapshot .* Nothing was written"):
            run_once(export, Broken(real, snapshot=full), tmp_path / "l", options)  # type: ignore[arg-type]
        assert real.count(own) == 3
