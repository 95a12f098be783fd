"""HTTP in which no answer is endless: neither one that never stops nor one that comes byte by byte.

httpx bounds each wait for bytes, so that a server which sends one byte in every such wait is never given up, and what
it sends is kept whole. Here the thread says, with :func:`at_most`, how long one answer may take and how long it may
be, and every read of its connections keeps to that, the head's too. Nothing compressed is taken: a megabyte of it
may be a gigabyte.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

if TYPE_CHECKING:
    from netdoctor.migration.dialled import Connect

SMALL = 8 << 20
"""Bytes of an answer that tells of a server or a collection."""
LARGE = 256 << 20
"""Bytes of an answer with points: a page of the longest vectors, as text."""


_PIECE = 256 << 10
"""Bytes that are taken from a connection in one step."""
_TOO_LONG = "the answer is longer than any that was asked for"


class _Budget(threading.local):
    seconds: float | None = None
    deadline: float | None = None
    left: int | None = None


_BUDGET = _Budget()


@contextmanager
def at_most(seconds: float | None, size: int) -> Iterator[None]:
    """This thread's requests until the end of it: seconds in all once the request is sent (None: only each wait is
    bounded), bytes in all.

    What exceeds it is an ``httpx.ReadTimeout`` or an ``httpx.ReadError``.
    """
    before = _BUDGET.seconds, _BUDGET.left
    _BUDGET.seconds, _BUDGET.left = seconds, size
    _start_again()
    try:
        yield
    finally:
        _BUDGET.seconds, _BUDGET.left = before
        _start_again()


def _start_again() -> None:
    _BUDGET.deadline = None if _BUDGET.seconds is None else time.monotonic() + _BUDGET.seconds


def whole(reply: httpx.Response, seconds: float, size: int) -> bytes:
    """The body of a streamed reply, decoded, also of one that came through a transport of another kind.

    Raises ``httpx.ReadTimeout``, ``httpx.ReadError``.
    """
    deadline = time.monotonic() + seconds
    pieces = []
    for piece in reply.iter_bytes():  # as they come: pieces of a size would be waited for
        size -= len(piece)
        if size < 0:
            raise httpx.ReadError(_TOO_LONG)
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("")
        pieces.append(piece)
    return b"".join(pieces)


class BoundedTransport(httpx.BaseTransport):
    """Directly to the server, through the unix socket ``uds``, or on the sockets of ``connect``; no proxy.

    Thread-safe.
    """

    def __init__(self, *, uds: str | None = None, connect: Connect | None = None, connections: int = 64) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),  # SSL_CERT_FILE counts: a server of a company has its own
            max_connections=connections,
            max_keepalive_connections=20,
            keepalive_expiry=4.0,  # Qdrant closes what is idle for 5 s
            uds=uds,
            network_backend=_Backend(connect),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        request.headers["Accept-Encoding"] = "identity"
        content: Any = request.stream
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=content, extensions=request.extensions
        )
        with _as_httpx():
            answer = self._pool.handle_request(asked)
        stream: Any = answer.stream
        if any(name.lower() == b"content-encoding" and value != b"identity" for name, value in answer.headers):
            stream.close()
            raise httpx.DecodingError("the answer is compressed, which nobody asked for")
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(stream), extensions=dict(answer.extensions)
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Backend(httpcore.NetworkBackend):
    """Its streams know the thread's budget. ``connect``: who makes the sockets, whatever host is asked for."""

    def __init__(self, connect: Connect | None) -> None:
        self._connect = connect

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        with _as_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
            made = self._connect(timeout) if self._connect else socket.create_connection((host, port), timeout)
            try:
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                made.close()
                raise
        return _Stream(made)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        with _as_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                made.settimeout(timeout)
                made.connect(path)
            except BaseException:
                made.close()
                raise
        return _Stream(made)


class _Stream(httpcore.NetworkStream):
    """A connected socket, or one under TLS."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if _BUDGET.deadline is not None:
            left = _BUDGET.deadline - time.monotonic()
            if left <= 0:
                raise httpcore.ReadTimeout
            timeout = left if timeout is None else min(left, timeout)
        with _as_httpcore(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(timeout)
            # More than is asked for, which is not much, and as good: every piece costs a way through three libraries.
            got = self._socket.recv(max(max_bytes, _PIECE))
        if _BUDGET.left is not None:
            _BUDGET.left -= len(got)
            if _BUDGET.left < 0:
                raise httpcore.ReadError(_TOO_LONG)
        return got

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = memoryview(buffer)
        with _as_httpcore(httpcore.WriteTimeout, httpcore.WriteError):
            self._socket.settimeout(timeout)
            while left:
                left = left[self._socket.send(left) :]  # the timeout is for each piece: what moves is not given up
        _start_again()

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with _as_httpcore(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._socket.settimeout(timeout)
                return _Stream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        """What the pool asks for: whether something (the end, where nothing was asked) waits to be read."""
        if info == "is_readable":
            return _readable(self._socket)
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        return None


def _readable(connected: socket.socket) -> bool:
    if connected.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _as_httpcore(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpcore's errors have the names of httpx's."""
    try:
        yield
    except tuple(_ERRORS) as error:
        known = next(kind for kind in type(error).__mro__ if kind in _ERRORS)
        raise _ERRORS[known](str(error)) from error


def _pairs() -> Iterable[tuple[type[Exception], type[httpx.HTTPError]]]:
    for name in dir(httpcore):
        kind, ours = getattr(httpcore, name), getattr(httpx, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and isinstance(ours, type):
            yield kind, ours


_ERRORS: dict[type[Exception], type[httpx.HTTPError]] = dict(_pairs())
