"""A small threaded HTTP/1.1 server: keep-alive, one write per answer, nothing else.

The standard library's handler spends more time on headers than the storage engine spends on a
batch, and sends head and body apart, which costs a delayed acknowledgement per request.
"""

from __future__ import annotations

import socketserver
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY = 32 * 1024 * 1024
KEEP_ALIVE = 5.0
"""Seconds that a connection may be idle: then the server closes it."""
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    segments: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes | None
    """None when the body was larger than MAX_BODY and has been thrown away."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json"
    retry_after: int | None = None


class _Malformed(Exception):
    pass


class HttpServer(socketserver.ThreadingTCPServer):
    """Calls `answer(request)` in a thread per connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        super().__init__(address, _Connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is not our error."""


class _Connection(socketserver.StreamRequestHandler):
    server: HttpServer
    disable_nagle_algorithm = True
    rbufsize = 256 * 1024

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError):
            return
        except _Malformed:
            self._send(Response(400, b"", "text/plain"), keep=False)

    def _one(self) -> bool:
        self.connection.settimeout(KEEP_ALIVE)
        line = self.rfile.readline(65537)
        self.connection.settimeout(None)
        if not line.strip():
            return bool(line)
        try:
            method, target, version = line.decode("latin-1").split()
        except ValueError as error:
            raise _Malformed from error
        headers = self._headers()
        keep = headers.get("connection", "").lower() != "close" and version != "HTTP/1.0"
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        parts = urlsplit(target)
        segments = tuple(unquote(part) for part in parts.path.split("/") if part)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        answer = self.server.answer(Request(method, parts.path, segments, query, headers, body))
        self._send(answer, keep)
        return keep

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while True:
            line = self.rfile.readline(65537)
            if line in (b"\r\n", b"\n", b""):
                return headers
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()

    def _body(self, headers: dict[str, str]) -> bytes | None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunked()
        try:
            length = int(headers.get("content-length") or 0)
        except ValueError as error:
            raise _Malformed from error
        if length <= MAX_BODY:
            return self._exactly(length)
        while length > 0:
            length -= len(self._exactly(min(length, 1 << 20)))
        return None

    def _chunked(self) -> bytes | None:
        parts: list[bytes] = []
        total = 0
        while True:
            try:
                size = int(self.rfile.readline(1024).split(b";")[0], 16)
            except ValueError as error:
                raise _Malformed from error
            chunk = self._exactly(size)
            self.rfile.readline(1024)
            if size == 0:
                return b"".join(parts) if total <= MAX_BODY else None
            total += size
            if total <= MAX_BODY:
                parts.append(chunk)

    def _exactly(self, length: int) -> bytes:
        data = self.rfile.read(length)
        if len(data) != length:
            raise ConnectionError("the client left in the middle of a body")
        return data

    def _send(self, response: Response, keep: bool) -> None:
        head = (
            f"HTTP/1.1 {response.status} {REASONS.get(response.status, '')}\r\n"
            f"content-type: {response.content_type}\r\n"
            f"content-length: {len(response.body)}\r\n"
            + (f"retry-after: {response.retry_after}\r\n" if response.retry_after is not None else "")
            + f"connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
        )
        self.connection.sendall(head.encode("latin-1") + response.body)
