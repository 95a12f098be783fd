"""Snapshots as Qdrant's published API has them, and what depends on them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.points import Layout, Metric, point_id
from netdoctor.migration.prepare import Wishes
from netdoctor.migration.retry import Retry
from netdoctor.migration.rollback import roll_back
from netdoctor.migration.run import Options
from netdoctor.migration.sources.export_json import ExportJson
from netdoctor.migration.target import Transport
from netdoctor.migration.targets.interface import TargetRefused

from .lab import Server, records, run_once, via_host, write_export
from .test_rollback import points_of
from .test_run import Broken

BODY = b"a snapshot" * 1000


class _Published(BaseHTTPRequestHandler):
    """The snapshot calls of collection ``c``, and what a client asks before them."""

    def do_GET(self) -> None:
        known = {
            "/collections": {"collections": []},
            "/": None,
            "/collections/c/snapshots": [{"name": "s1", "creation_time": "2026-01-01T00:00:00", "size": len(BODY)}],
        }
        if self.path == "/collections/c/snapshots/s1":
            self._answer(200, BODY)
        elif self.path == "/healthz":
            self._answer(200, b"healthz check passed")
        elif self.path == "/":
            self._answer(200, b'{"title": "qdrant", "version": "1.18.0"}')
        elif self.path in known:
            self._answer(200, json.dumps({"result": known[self.path], "status": "ok"}).encode())
        else:
            self._answer(404, b'{"status": {"error": "Not found: Snapshot"}}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/collections/c/snapshots?wait=true":
            self._answer(200, b'{"result": {"name": "s2", "size": 5}, "status": "ok"}')
        elif self.path.startswith("/collections/c/snapshots/upload?") and BODY in body and b'name="snapshot"' in body:
            self._answer(200, b'{"result": true, "status": "ok"}')
        else:
            self._answer(400, b'{"status": {"error": "Wrong input"}}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


@pytest.fixture
def published() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Published) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join(10)


def test_snapshots_are_made_listed_fetched_and_put_back(
    published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["vectors", "snapshot"]
    assert run([*command, "create", "c", "--to", published]) == Exit.OK
    assert capsys.readouterr().out == "s2\n"
    assert run([*command, "list", "c", "--to", published, "--format", "json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["snapshots"][0]["name"] == "s1"
    file = tmp_path / "s1"
    assert run([*command, "download", "c", "s1", "--to", published, "--to-file", str(file)]) == Exit.OK
    assert file.read_bytes() == BODY
    assert run([*command, "restore", "c", str(file), "--to", published]) == Exit.USAGE
    assert run([*command, "restore", "c", str(file), "--to", published, "--yes"]) == Exit.OK
    assert run([*command, "restore", "c", __file__, "--to", published, "--yes"]) == Exit.FINDINGS
    assert run([*command, "download", "c", "s9", "--to", published, "--to-file", str(tmp_path / "x")]) == Exit.FINDINGS
    assert [path.name for path in tmp_path.iterdir()] == ["s1"]
    assert run([*command, "download", "c", "--to", published]) == Exit.USAGE


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
    with via_host(qdrant, transport) as target:
        target.create(own, 8, Metric.COSINE)
        target.upsert(own, [target.encode(point) for point in theirs])
        with pytest.raises(TargetRefused, match=r"--overwrite needs a snapshot .* Nothing was written"):
            run_once(export, target, tmp_path / "l", options)
        assert target.count(own) == 3


def test_overwriting_makes_the_snapshot_first_and_a_rollback_names_it(qdrant: Server, tmp_path: Path, own: str) -> None:
    things = records(20)
    for thing in things:
        thing["namespace"] = own
    export = write_export(tmp_path / "e.json", things)
    theirs = [replace(point, payload={"theirs": True}) for point in points_of(things)[5:8]]
    made: list[int] = []
    with via_host(qdrant, Transport.REST) as real:
        real.create(own, 8, Metric.COSINE)
        real.upsert(own, [real.encode(point) for point in theirs])

        def snapshot(name: str) -> str:
            made.append(real.count(name))
            return "s7"

        target = Broken(real, snapshot=snapshot)
        for _ in range(2):
            result = run_once(export, target, tmp_path / "l", Options(Layout(), wishes=Wishes(overwrite=True)))  # type: ignore[arg-type]
            assert result.good
        assert made == [3]
        assert real.retrieve(own, [point_id(things[6]["id"])])[theirs[1].id].payload != {"theirs": True}
        ledger = open_ledger(tmp_path / "l")
        rolled = roll_back(ExportJson(export), real, ledger, name=real.address, retry=Retry(patience=2))
        ledger.close()
        assert not rolled.whole and "s7" in rolled.told[0]
        assert real.count(own) == 20
