"""Serves an honest engine's replies, but for the one endpoint that lies."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .honest import DB, SWITCHED, Honest, Reply, Request, parse
from .lie import Lie, Wire


@dataclass
class Liar:
    """``asked``: the kinds of requests that came, in their order. ``lied``: how often the lie was told."""

    url: str
    honest: Honest
    asked: list[str] = field(default_factory=list)
    kind: str = ""
    lie: Lie | None = None
    lied: int = 0
    connections: set[socket.socket] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def tell(self, kind: str, lie: Lie | None) -> None:
        """From now on; nothing is remembered of what was asked before."""
        self.kind, self.lie, self.lied = kind, lie, 0
        self.asked.clear()
        self.honest.helpers.clear()

    def serve(self, connection: socket.socket) -> None:
        asks = connection.makefile("rb")
        with asks, contextlib.suppress(OSError, ValueError):
            while (request := _request(asks)) is not None:
                self.asked.append(request.kind)
                reply = self.honest.answer(request)
                wire = Wire(connection, self.over)
                if self.lie is not None and request.kind == self.kind:
                    self.lied += 1
                    self.lie.tell(wire, request, reply)
                    return
                if reply.stream:
                    self._speak(connection, reply.stream, request.kind)
                    return
                if reply.events:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    self.over.wait(60)
                    return
                connection.sendall(head(reply) + (b"" if request.method == "HEAD" else reply.body))

    def _speak(self, connection: socket.socket, who: str, kind: str) -> None:
        connection.sendall(SWITCHED)
        if kind == "attach":
            with self.honest.started:
                self.honest.started.wait_for(lambda: who in self.honest.told_to_start, 10)
        child = self.honest.relay(who)
        assert child.stdin is not None
        assert child.stdout is not None

        def speaks() -> None:
            assert child.stdout is not None
            with contextlib.suppress(OSError, ValueError):
                while data := child.stdout.read1(32768):  # type: ignore[attr-defined]
                    connection.sendall(struct.pack(">BxxxI", 1, len(data)) + data)
                connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=speaks, daemon=True)
        thread.start()
        with contextlib.suppress(OSError, ValueError):
            while data := connection.recv(65536):
                child.stdin.write(data)
                child.stdin.flush()
        with contextlib.suppress(OSError):
            child.stdin.close()
        _end(child)
        thread.join(5)
        child.stdout.close()
        self.honest.ended(who)


def head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{key}: {value}" for key, value in reply.headers.items())]
    length = [] if reply.status == 204 else [f"Content-Length: {len(reply.body)}"]
    return "\r\n".join([*lines, *length, "", ""]).encode()


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(3)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(3)


def _request(asks: Any) -> Request | None:
    line = asks.readline().decode("latin-1").strip()
    if not line:
        return None
    size = 0
    while (header := asks.readline().strip()) != b"":
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return parse(line, asks.read(size) if size else b"")


@contextmanager
def canary() -> Iterator[tuple[str, list[str]]]:
    """A web server that nobody has a reason to talk to, and who did. What it serves looks like an engine's answer."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            body = json.dumps([]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}/", seen


@contextmanager
def database() -> Iterator[int]:
    """What ``db`` listens with: a web page."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            return

    with serving(Quiet((DB, 0), Handler)) as server:
        yield int(server.server_address[1])


@contextmanager
def liar(path: Path, port: int) -> Iterator[Liar]:
    """Listens on ``path`` until the end; honest until told otherwise."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            made.connections.add(self.request)
            try:
                made.serve(self.request)
            finally:
                made.connections.discard(self.request)

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            return

    made = Liar(f"unix://{path}", Honest(port))
    with serving(Server(str(path), Handler)):
        try:
            yield made
        finally:
            made.over.set()
            for each in list(made.connections):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            for child in made.honest.running.values():
                _end(child)


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
