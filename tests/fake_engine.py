"""A little engine on a unix socket of its own: answers what it was given, late, cut in the middle, or not at all."""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Components": [{"Name": "Engine"}]}


@dataclass
class Answer:
    """``cut``: only that many bytes of the body are sent, then the connection is closed. ``late``: seconds before."""

    body: Any = None
    status: int = 200
    cut: int | None = None
    late: float = 0.0
    raw: bytes | None = None
    """Sent as it is, instead of an HTTP answer."""


@dataclass
class Script:
    """What the engine holds, and how it answers: by the path without its version."""

    containers: list[dict[str, Any]] = field(default_factory=list)
    networks: list[dict[str, Any]] = field(default_factory=list)
    version: Mapping[str, Any] = field(default_factory=lambda: dict(VERSION))
    special: dict[str, Answer | Callable[[], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> Answer:
        self.asked.append(path)
        found = self.special.get(path) or self.special.get("*")
        if found is not None:
            return found() if callable(found) else found
        if path == "/version":
            return Answer(self.version)
        if path == "/info":
            return Answer({"ID": "FAKE", "OperatingSystem": "fake"})
        if path == "/networks":
            return Answer(self.networks)
        if path == "/containers/json":
            return Answer([{"Id": each["Id"], "Names": [each.get("Name", "")]} for each in self.containers])
        one = re.fullmatch(r"/containers/([^/]+)/json", path)
        if one:
            for each in self.containers:
                if each["Id"] == one[1]:
                    return Answer(each)
            return Answer({"message": f"No such container: {one[1]}"}, 404)
        return Answer({"message": "page not found"}, 404)


@contextlib.contextmanager
def fake_engine(path: Path, script: Script) -> Iterator[str]:
    """Listens on ``path`` until the end; yields its ``unix://`` address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = script.answer(re.sub(r"^/v\d[\d.]*(?=/)", "", self.path.partition("?")[0]))
            # In small naps, so that a test that has ended is not waited for.
            until = time.monotonic() + answer.late
            while time.monotonic() < until and not ended.is_set():
                time.sleep(0.02)
            if answer.raw is not None:
                self.wfile.write(answer.raw)
                self.close_connection = True
                return
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if answer.cut is None else body[: answer.cut])
            self.close_connection = answer.cut is not None

        do_POST = do_GET  # noqa: N815

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            return

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            return

    ended = threading.Event()
    server = Server(str(path), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"unix://{path}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
