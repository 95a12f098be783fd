"""Below and above HTTP: counted, timed, not led elsewhere, and JSON read strictly."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests

from netdoctor.engine.careful import parsed, read_some
from netdoctor.engine.client import Engine
from netdoctor.engine.hosts import EngineHost
from netdoctor.engine.shapes import Unusable


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b'{"a": 1', ""),
        (b"\xff\xfe", ""),
        (b"9" * 5000, ""),
        (b"[" * 10_000, "nested"),
        (b'{"a":' * 10_000, "nested"),
        (b'{"a": NaN}', "number"),
        (b'{"a": -Infinity}', "number"),
        (b'{"a": 1e400}', "number"),
        (b'{"a": 1, "a": 2}', "twice"),
    ],
)
def test_what_is_no_answer(body: bytes, why: str) -> None:
    with pytest.raises(Unusable) as caught:
        parsed(body)
    assert why in caught.value.why
    assert bool(why) == bool(caught.value.why)


def test_what_is_an_answer() -> None:
    assert parsed(b'{"a": 1, "a": 1, "b": "\\ud800", "c": 1.5e3}\n') == {"a": 1, "b": "\ud800", "c": 1500.0}


@contextmanager
def says(path: Path, *parts: bytes | float) -> Iterator[Engine]:
    """An engine that says these to whoever waits for a container; a number is a pause in seconds."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"ApiVersion": "1.41", "Version": "20.10.24"}'
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        def do_POST(self) -> None:
            with contextlib.suppress(OSError):
                for part in parts:
                    if isinstance(part, bytes):
                        self.wfile.write(part)
                    else:
                        over.wait(part)

        def log_message(self, *_: object) -> None:
            return

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False

    with Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        with Engine(EngineHost(f"unix://{path}", "--host"), timeout=5.0) as engine:
            yield engine
        over.set()
        server.shutdown()
        thread.join(5)


def waited(engine: Engine, **how: Any) -> bytes:
    api: Any = engine.api
    response = api._post(api._url("/containers/x/wait"), stream=True, timeout=(5.0, None))
    try:
        return read_some(response, 1000, 1.0, **how)
    finally:
        response.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n"


def test_what_has_not_begun_may_take_its_time_and_what_has_may_not(tmp_path: Path) -> None:
    with says(tmp_path / "a", HEAD, 2.5, b'{"StatusCode":0}') as engine:
        assert waited(engine, in_its_time=True) == b'{"StatusCode":0}'
    with says(tmp_path / "b", HEAD, 0.2, b"{", 60.0) as engine, pytest.raises(requests.RequestException):
        waited(engine, in_its_time=True)
    with says(tmp_path / "c", HEAD + b'{"Sta', 60.0) as engine, pytest.raises(requests.RequestException):
        waited(engine, in_its_time=True)
    with says(tmp_path / "d", HEAD, 60.0) as engine, pytest.raises(requests.RequestException):
        waited(engine)
