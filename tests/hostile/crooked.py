"""A proxy before the lab's server that answers one route of its API with something else."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Crooked:
    """``lie``: (method and path as a pattern, the body in place of the true one's, after how many true ones)."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lie: tuple[str, bytes, int] = ("$^", b"", 0)
        self.asked = 0
        self.lied = 0

    def answer(self, method: str, path: str, true: bytes) -> bytes:
        pattern, body, after = self.lie
        if not re.search(pattern, f"{method} {path}"):
            return true
        self.asked += 1
        if self.asked <= after:
            return true
        self.lied += 1
        return body

    def tell(self, pattern: str, body: bytes, after: int = 0) -> None:
        self.lie, self.asked, self.lied = (pattern, body, after), 0, 0


@contextmanager
def crooked(port: int) -> Iterator[tuple[Crooked, str]]:
    """And its own URL. ``port``: of the true server on 127.0.0.1."""
    state = Crooked(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self._body()
            true = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                headers = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
                true.request(self.command, self.path, body, headers)
                answer = true.getresponse()
                told = state.answer(self.command, self.path, answer.read())
            finally:
                true.close()
            self.send_response(200 if told and state.lied else answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _pass  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield state, f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join(5)
