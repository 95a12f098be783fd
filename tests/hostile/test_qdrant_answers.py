"""A server in Qdrant's place that answers with an attack: one sentence, no key, a documented status."""

from __future__ import annotations

import json

import pytest
from cli.conftest import netdoctor

from .attack import SECRET, raw
from .test_peers import peer

ATTACK = b"\x1b[31m\xe2\x80\xae<script>alert(1)</script>\0 api-key: " + SECRET.encode()


def http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "answer",
    [
        http("500 x", json.dumps({"status": {"error": f"\x1b[31m\u202e\n{SECRET}" + "A" * 2_000_000}}).encode()),
        http("403 \x1b[31m", ATTACK, "text/html"),
        http("200 OK", b"[" * 100_000),
        http("200 OK", b'{"result": {"collections": [{"name": "\\u001b[31m"}, 1, null]}, "title": 1}'),
        http("200 OK", b'{"title": "qdrant", "version": "' + b"9" * 6000 + b'", "result": ' + b"9" * 6000 + b"}"),
        http("302 x\r\nLocation: http://127.0.0.1:1/", b""),
        ATTACK,
        b"",
    ],
    ids=["error", "html", "deep", "names", "digits", "redirect", "junk", "silence"],
)
def test_a_migration_to_it(tmp_path, monkeypatch, answer):
    monkeypatch.chdir(tmp_path)
    record = {"id": "a", "values": [0.5, 0.25], "metadata": {"x\x1b[31m": "\u202e"}, "namespace": "n"}
    (tmp_path / "export.json").write_text(json.dumps([record]))
    with peer(answer) as port:
        ended = netdoctor(
            "migrate",
            "export.json",
            "--to",
            f"http://127.0.0.1:{port}",
            "--timeout",
            "2",
            env={"QDRANT_API_KEY": SECRET},
        )
    assert ended.status in (1, 3), ended
    assert (raw(ended.out), raw(ended.err.replace("\r", ""))) == ([], [])
    assert SECRET not in ended.out + ended.err
    assert "itself failed" not in ended.err, ended.err
    assert len(ended.out + ended.err) < 20_000
