"""Answers that are each in order, and together are not; and what only shows over TCP, or after a while."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cli.conftest import netdoctor, settings
from fake_engine import Answer, Script, fake_engine
from topology.inspects import SHAPES, full, stack

from netdoctor.cli import common

from . import table
from .server import canary, database, liar, serving

HERE = f"/containers/{full('db')}/json"
DENIED = Answer({"message": "No such container: it"}, 404)


@pytest.fixture
def script() -> Script:
    return Script(*stack(SHAPES[0]))


@pytest.fixture
def host(tmp_path: Path, script: Script) -> Iterator[str]:
    with fake_engine(tmp_path / "e.sock", script) as url:
        yield url


def test_a_container_that_is_listed_and_denied_is_no_empty_engine(host: str, script: Script) -> None:
    script.special[HERE] = DENIED
    ended = netdoctor("-H", host)
    assert ended.status == 3
    assert "it names containers that the engine does not know" in ended.err
    assert script.asked.count("/containers/json") == 3


def test_one_that_has_gone_between_the_list_and_the_look_is_left_out(host: str, script: Script) -> None:
    lists = iter([script.containers, [each for each in script.containers if each["Id"] != full("db")]])
    script.special |= {HERE: DENIED, "/containers/json": lambda: Answer([{"Id": each["Id"]} for each in next(lists)])}
    ended = netdoctor("-H", host)
    assert ended.status == 0
    assert "app" in ended.out
    assert "\n  db" not in ended.out


def test_an_inspect_of_another_container_is_not_believed(host: str, script: Script) -> None:
    script.special[HERE] = Answer(script.containers[0])
    ended = netdoctor("-H", host)
    assert ended.status == 3
    assert "it is about another container" in ended.err


def test_a_container_that_is_listed_twice_is_one(host: str, script: Script) -> None:
    script.special["/containers/json"] = Answer([{"Id": full("app")}] * 3)
    ended = netdoctor("-H", host)
    assert ended.status == 0
    assert ended.out.count("\n  app  ") == 1


def test_after_one_inspect_that_never_ends_the_others_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "LEAST_PATIENCE", 1.0)
    script = Script(special={"/containers/json": Answer([{"Id": f"{number:064x}"} for number in range(200)])})
    script.special |= {f"/containers/{number:064x}/json": Answer({}, late=60) for number in range(200)}
    with fake_engine(tmp_path / "e.sock", script) as url:
        began = time.monotonic()
        ended = netdoctor("-H", url, "--timeout", "0.1")
    assert ended.status == 3
    assert "timed out" in ended.err
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_whoever_sits_in_the_engines_place_does_not_choose_whom_we_talk_to(status: int) -> None:
    """Over TCP the client could reach anybody."""
    with canary() as (elsewhere, seen):

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Location", elsewhere)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
            ended = netdoctor("-H", f"tcp://127.0.0.1:{server.server_address[1]}", "check", "a", "b")
    assert ended.status == 3
    assert seen == []
    assert "not followed" in ended.err


STAYING = (
    (("watch", "app", "db:PORT", "--vantage", "exec"), "events", "500-html"),
    (("watch", "app", "db:PORT", "--vantage", "exec"), "events", "closed-at-once"),
    (("watch", "app", "db:PORT", "--vantage", "exec"), "exec-start", "frame-of-4-gb"),
    (("watch", "app", "db:PORT", "--vantage", "exec"), "inspect", "bytes-for-ever"),
    (("tunnel", "app", "db:PORT", "--vantage", "sidecar"), "attach", "hello-and-junk"),
    (("tunnel", "app", "db:PORT", "--vantage", "exec"), "exec", "id-slash"),
    (("tunnel", "app", "db:PORT", "--vantage", "exec"), "containers", "nested-lists"),
)


@pytest.mark.parametrize(("words", "kind", "lie"), STAYING, ids=lambda value: value if isinstance(value, str) else "")
def test_what_stays_ends_when_it_is_told_to_and_shows_no_traceback(
    tmp_path: Path, words: tuple[str, ...], kind: str, lie: str
) -> None:
    with database() as port, liar(tmp_path / "e.sock", port) as engine:
        found = next(each for each in (*table.lies_for(kind), *table.WIRE) if each.name == lie)
        engine.tell(kind, found)
        argv = [sys.executable, "-m", "netdoctor", "-H", engine.url, "--timeout", "0.5"]
        argv += [word.replace("PORT", str(port)) for word in words]
        clean = settings(NETDOCTOR_STATE_DIR=str(tmp_path / "state"), PYTHONWARNINGS="error")
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean, cwd=tmp_path)
        until = time.monotonic() + 20
        while child.poll() is None and engine.lied == 0 and time.monotonic() < until:
            time.sleep(0.05)
        if child.poll() is None:
            time.sleep(0.5)
            os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert engine.lied, (out, err)
    assert child.returncode in (3, 130), (out, err)
    assert b"Traceback" not in out + err
    assert b"itself failed" not in err
    assert table.SECRET.encode() not in out + err
    assert all(each.poll() is not None for each in engine.honest.running.values())


def test_events_that_are_none_are_left_out_and_the_next_is_heard() -> None:
    from netdoctor.engine.events import decode

    good = json.dumps({"Type": "container", "Action": "start", "Actor": {"ID": "a"}, "timeNano": 5}).encode()
    wrong = (b"[" * 50_000, b"null", b"5", b'{"Action": 5}', b"\xff", b'{"Action": "x", "Actor": []}', b"")
    heard = list(decode([b"\n".join([*wrong, good.replace(b"5", b"9" * 40), good]) + b"\n"]))
    assert [(event.id, event.at) for event in heard] == [("a", 0), ("a", 5)]
