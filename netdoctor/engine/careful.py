"""The SDK's client, made careful: no answer is longer than it may be, takes longer than it may, leads elsewhere, or is
another thing than what was asked for.

Everything that the engine says passes here, whoever asked: bytes are counted and timed below HTTP, bodies are read
whole before anything is made of them, and what they hold is held against :mod:`netdoctor.engine.told`.
"""

from __future__ import annotations

import http.client
import io
import json
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from docker import APIClient, errors

from netdoctor.engine.shapes import Unusable
from netdoctor.engine.told import usable

ANSWER_LIMIT = 8 << 20
"""Bytes of one answer. A list of six thousand containers is that long; Python makes twenty times as much of it."""
ONE_LIMIT = 4 << 20
"""Of an answer that is no list: what a container may be started with is half as long at the most."""
PROGRESS_LIMIT = 128 << 20
"""Of what is told while an image is fetched: a line for each step of each layer, and none of it is kept as objects."""
FETCH_SILENCE = 120.0
"""Seconds without a word while an image is fetched; the SDK would wait for ever."""
FETCH_PATIENCE = 3600.0
"""Seconds for the whole of it."""
HEAD_LIMIT = 1 << 20
"""Bytes of an answer's head, and between two pieces of a stream's body."""
_PIECE = 1 << 16
_LISTS = re.compile(r".*/(containers/json|networks(/[^/]+)?|services|tasks)")


class _Allowed(threading.local):
    """For the answer that this thread waits for."""

    until: float | None = None
    bytes: int | None = None


_allowed = _Allowed()


class BoundedReader(socket.SocketIO):
    """The bytes of one answer as they come off the socket. ``until`` and ``bytes``: None once nothing bounds them."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, "rb")
        self.until = _allowed.until
        self.bytes = _allowed.bytes

    def readinto(self, buffer: Any) -> int | None:
        if self.until is None:
            return self._counted(super().readinto(buffer))
        sock: socket.socket = self._sock  # type: ignore[attr-defined]
        usual, left = sock.gettimeout(), self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(left if usual is None else min(usual, left))
        try:
            return self._counted(super().readinto(buffer))
        finally:
            sock.settimeout(usual)

    def _counted(self, count: int | None) -> int | None:
        if self.bytes is not None and count:
            self.bytes -= count
            if self.bytes < 0:
                raise TooMuch
        return count


class TooMuch(OSError):
    """More bytes than an honest answer has."""

    def __init__(self) -> None:
        super().__init__("too much")


class _Door:
    """A socket as http.client sees it."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._sock._io_refs += 1  # as its own makefile does: the file closes the socket when both are done
        return io.BufferedReader(BoundedReader(self._sock))


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: Any, *words: Any, **named: Any) -> None:
        super().__init__(_Door(sock), *words, **named)  # type: ignore[arg-type]


class CarefulClient(APIClient):
    """Raises Unusable, besides what the SDK raises; ``translated`` knows them all."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        for adapter in self.adapters.values():
            _watch(adapter, "get_connection_with_tls_context")

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Only a stream that has begun is left to the caller; every other answer is here whole."""
        streamed = bool(how.pop("stream", False))
        request.headers["Accept-Encoding"] = "identity"
        path = (request.path_url or "").partition("?")[0]
        fetching = path.endswith("/images/create")
        limit = PROGRESS_LIMIT if fetching else ANSWER_LIMIT if _LISTS.fullmatch(path) else ONE_LIMIT
        if fetching:
            how["timeout"] = FETCH_SILENCE
        timeout = how.get("timeout")
        patience = FETCH_PATIENCE if fetching else timeout[0] if isinstance(timeout, tuple) else timeout
        _allowed.until = None if patience is None else time.monotonic() + float(patience)
        _allowed.bytes = HEAD_LIMIT + limit
        try:
            with _said(_allowed.until):
                # Whoever sits in the engine's place does not choose whom else we talk to.
                response = super().send(request, **{**how, "allow_redirects": False, "stream": True})
                try:
                    if streamed and response.ok and not response.is_redirect:
                        unbound(response)
                    else:
                        _read_whole(response, limit)
                except BaseException:
                    response.close()
                    raise
        finally:
            _allowed.until = _allowed.bytes = None
        return response

    def _raise_for_status(self, response: requests.Response) -> None:
        status = response.status_code
        if 200 <= status < 300 or status in (101, 304):
            return
        if 300 <= status < 400:
            raise Unusable(f"it leads to another address (status {status}), which is not followed")
        said = _complaint(response)
        # "Not found" is the engine's word only where the engine says it: so does any web server.
        kind = errors.NotFound if status == 404 and said is not None else errors.APIError
        words = said if said is not None else response.content[:4096].decode("utf-8", "replace").strip()
        raise kind(f"status {status}", response=response, explanation=words or f"status {status}")

    def _result(self, response: requests.Response, json: bool = False, binary: bool = False) -> Any:
        self._raise_for_status(response)
        if json:
            request = response.request
            return usable(request.method or "", urlsplit(request.url or "").path, parsed(response.content))
        return response.content if binary else response.content.decode("utf-8", "replace")


def parsed(body: bytes) -> Any:
    """JSON, strictly: no NaN, no number beyond a float, no key with two values. Raises Unusable."""
    try:
        return json.loads(
            body.decode("utf-8"), parse_float=_finite, parse_constant=_no_number, object_pairs_hook=_object
        )
    except RecursionError:
        raise Unusable("it is nested too deeply") from None
    except Unusable:
        raise
    except ValueError as error:
        # No JSON, no text, or a number of more digits than Python reads.
        raise Unusable from error


def unbound(response: requests.Response) -> None:
    """From here on the stream lasts as long as it lasts."""
    reader = reader_of(response)
    if reader is not None:
        reader.until = reader.bytes = None


def read_some(response: requests.Response, most: int, patience: float, *, in_its_time: bool = False) -> bytes:
    """A stream's body, no more than that of it, within so many seconds; ``in_its_time``: once it has begun.

    Raises what :meth:`CarefulClient.send` raises.
    """
    reader = reader_of(response)
    if reader is not None and in_its_time:
        reader.until, reader.bytes = None, most + HEAD_LIMIT
        waiting: Any = response.raw._fp
        with _said(None):
            waiting.fp.peek(1)
    until = time.monotonic() + patience
    if reader is not None:
        reader.until, reader.bytes = until, most + HEAD_LIMIT
    body = bytearray()
    with _said(until):
        for piece in response.raw.stream(_PIECE, decode_content=False):
            body += piece
            if len(body) > most:
                break
    return bytes(body[:most])


@contextmanager
def _said(until: float | None) -> Iterator[None]:
    """What goes wrong while bytes arrive, in the words of requests, or as Unusable."""
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        if until is not None and time.monotonic() >= until:
            raise requests.exceptions.ReadTimeout("timed out") from error
        if _caused_by(error, TooMuch):
            raise Unusable("it is longer than any answer of an engine") from error
        if isinstance(error, urllib3.exceptions.HTTPError):
            raise requests.exceptions.ConnectionError(error) from error
        raise


def reader_of(response: requests.Response) -> BoundedReader | None:
    """What the answer's bytes come from; None once it has ended."""
    fp = getattr(getattr(response.raw, "_fp", None), "fp", None)
    raw = getattr(fp, "raw", None)
    return raw if isinstance(raw, BoundedReader) else None


def _read_whole(response: requests.Response, limit: int) -> None:
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise Unusable("it is packed, which nobody asked for")
    told = response.headers.get("Content-Length", "")
    if told.isdecimal() and len(told) < 20 and int(told) > limit and response.request.method != "HEAD":
        raise Unusable("it is longer than any answer of an engine")
    body = bytearray()
    for piece in response.raw.stream(_PIECE, decode_content=False):
        body += piece
        if len(body) > limit:
            raise Unusable("it is longer than any answer of an engine")
    response._content = bytes(body)
    response._content_consumed = True  # type: ignore[attr-defined]


def _complaint(response: requests.Response) -> str | None:
    """The engine's own words; None where it is not an engine that speaks."""
    try:
        told = parsed(response.content)
    except Unusable:
        # Where a stream was asked for, Docker complains in plain text.
        plain = response.headers.get("Content-Type", "").startswith(("text/plain", "application/vnd.docker."))
        return response.content[:4096].decode("utf-8", "replace").strip() if plain else None
    said = told.get("message") if isinstance(told, dict) else None
    return said if isinstance(said, str) else None


def _watch(adapter: Any, finder: str) -> None:
    """Every connection that this adapter opens counts and times what it reads."""
    found: Callable[..., Any] = getattr(adapter, finder)

    def pool_for(*words: Any, **named: Any) -> Any:
        pool = found(*words, **named)
        make = pool._new_conn
        if not getattr(make, "watched", False):

            def new_connection() -> Any:
                made = make()
                made.response_class = _Answer
                return made

            new_connection.watched = True  # type: ignore[attr-defined]
            pool._new_conn = new_connection
        return pool

    setattr(adapter, finder, pool_for)


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    seen = 0
    while error is not None and seen < 20:
        if isinstance(error, kind) or any(isinstance(each, kind) for each in error.args):
            return True
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unusable("it holds a number that is none")
    return number


def _no_number(_: str) -> float:
    raise Unusable("it holds a number that is none")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs) and any(made[key] != value for key, value in pairs):
        raise Unusable("it says one thing twice, and differently")
    return made
