"""The engine's raw streams: attach and exec, both directions, with stdout and stderr told apart.

The SDK hands out the connection and no more, so the care is here: bytes that arrived together with the answer's
headers, the client's timeout left on the socket, TLS (one lock, since OpenSSL allows no two calls at once, and no
half-close), and a close that really detaches.
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from netdoctor.engine.client import Engine
from netdoctor.engine.told import FILE
from netdoctor.engine.translate import translated
from netdoctor.errors import EngineRefused, NetdoctorError
from netdoctor.terminal import plain

STDOUT = 1
STDERR = 2
HEADER = 8
CHUNK = 1 << 16
FRAME_LIMIT = 1 << 20
"""Bytes of one frame; engines copy 32 KiB at a time."""
LATE = 1.0
"""Seconds beyond its time that may be spent on bytes that are there already."""
_CHANNELS = (0, STDOUT, STDERR, 3)
"""0 is an echoed stdin, 3 an engine's own complaint."""
WRITE_TIMEOUT = 120.0
"""Seconds without progress after which the engine counts as gone."""


class RawStream:
    """One upgraded connection. One thread reads, any thread writes or closes."""

    def __init__(self, response: Any) -> None:
        """``response`` is the SDK's answer to attach or exec start, not yet read from."""
        self._response = response
        buffered = response.raw._fp.fp
        if buffered is None or any(response.headers.get(each) for each in ("Content-Length", "Transfer-Encoding")):
            response.close()
            raise EngineRefused("The engine answered a request for a stream with something else.")
        self._socket: socket.socket = buffered.raw._sock
        self._socket.setblocking(False)
        self._lock = threading.Lock()
        self._buffer = bytearray()
        # The reader of the headers may have taken more than the headers.
        with contextlib.suppress(ssl.SSLWantReadError):
            self._buffer += buffered.peek(CHUNK)
        self._closed = False

    @property
    def half_closes(self) -> bool:
        """Whether :meth:`close_write` reaches the other side: TLS has no half-close."""
        return not isinstance(self._socket, ssl.SSLSocket)

    def read(self, timeout: float | None = None) -> tuple[int, bytes] | None:
        """The next piece as (STDOUT or STDERR, bytes), never empty; None at the end. Raises TimeoutError, OSError."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            piece = self._frame()
            if piece is not None:
                return piece
            chunk = self._attempt(partial(self._socket.recv, CHUNK), select.POLLIN, deadline)
            if not chunk:
                if self._buffer and not self._closed:
                    raise ConnectionAbortedError("the engine's stream ended in the middle of a frame")
                return None
            self._buffer += chunk
            # Frames that hold nothing may come for ever.
            if deadline is not None and time.monotonic() > deadline + LATE:
                raise TimeoutError("timed out")

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame that holds anything. Raises OSError for what is no frame."""
        while len(self._buffer) >= HEADER:
            channel, zeros, size = struct.unpack(">B3sI", self._buffer[:HEADER])
            if channel not in _CHANNELS or any(zeros) or size > FRAME_LIMIT:
                said = bytes(self._buffer[:80]).decode("utf-8", "replace")
                raise ConnectionAbortedError(f"the engine's stream is not made of frames: {plain(said.strip())}")
            if len(self._buffer) < HEADER + size:
                return None
            piece = bytes(memoryview(self._buffer)[HEADER : HEADER + size])
            del self._buffer[: HEADER + size]
            if piece:
                return STDERR if channel == 3 else channel, piece
        return None

    def write(self, data: bytes) -> None:
        """All of it. Raises OSError when the other side is gone."""
        left = memoryview(data)
        while left:
            sent = self._attempt(partial(self._socket.send, left), select.POLLOUT, time.monotonic() + WRITE_TIMEOUT)
            left = left[sent:]

    def close_write(self) -> None:
        """The process sees the end of its stdin. Does nothing over TLS: see :attr:`half_closes`."""
        if self.half_closes:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Detach: the engine closes the process's stdin. Wakes a waiting reader. May be called twice."""
        if self._closed:
            return
        self._closed = True
        # Closing the SDK's object alone leaves the connection attached.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(Exception):
            self._response.close()
        with contextlib.suppress(OSError):
            self._socket.close()

    def _attempt(self, call: Callable[[], Any], event: int, deadline: float | None) -> Any:
        while True:
            try:
                with self._lock:
                    return call()
            except (BlockingIOError, ssl.SSLWantReadError):
                wanted = event
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT
            descriptor = self._socket.fileno()
            if descriptor < 0:
                raise ConnectionAbortedError("the stream is closed")
            poll = select.poll()
            poll.register(descriptor, wanted)
            left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            if not poll.poll(left):
                raise TimeoutError("timed out")


class ExecStream(RawStream):
    """A process started by ``docker exec``."""

    def __init__(self, response: Any, engine: Engine, exec_id: str) -> None:
        super().__init__(response)
        self._engine = engine
        self._exec_id = exec_id

    def exit_code(self) -> int | None:
        """None while it runs, or when the engine does not say."""
        try:
            with translated(self._engine.host, "inspect an exec"):
                found = self._engine.api.exec_inspect(self._exec_id).get("ExitCode")
        except NetdoctorError:
            return None
        return found if isinstance(found, int) else None


def attach(engine: Engine, container: str) -> RawStream:
    """Stdin, stdout and stderr of a container's main process; best before it is started. Raises Gone, EngineRefused."""
    api: Any = engine.api
    with translated(engine.host, f"attach to container {container[:12]}"):
        response = api._post(
            api._url("/containers/{0}/attach", container),
            params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1},
            headers={"Connection": "Upgrade", "Upgrade": "tcp"},
            stream=True,
        )
        api._raise_for_status(response)
    return RawStream(response)


def start_exec(
    engine: Engine,
    container: str,
    argv: Sequence[str],
    *,
    stdin: bool = True,
    environment: Mapping[str, str] | None = None,
) -> ExecStream:
    """``docker exec -i`` of an argument list, as the container's own user. Raises Gone, EngineRefused.

    A program that the image lacks is no error here: its message arrives on **stdout**, with exit status 126 or 127.
    """
    api: Any = engine.api
    with translated(engine.host, f"exec in container {container[:12]}"):
        made = api.exec_create(
            container, list(argv), stdin=stdin, stdout=True, stderr=True, tty=False, environment=dict(environment or {})
        )
        response = api._post_json(
            api._url("/exec/{0}/start", made["Id"]),
            data={"Tty": False, "Detach": False},
            headers={"Connection": "Upgrade", "Upgrade": "tcp"},
            stream=True,
        )
        api._raise_for_status(response)
    return ExecStream(response, engine, str(made["Id"]))


def run_exec(
    engine: Engine, container: str, argv: Sequence[str], *, timeout: float, limit: int = 1 << 20
) -> tuple[int | None, str, str]:
    """Run to its end: (exit code, stdout, stderr). Raises TimeoutError, Gone, EngineRefused."""
    stream = start_exec(engine, container, argv, stdin=False, environment={"LC_ALL": "C"})
    said = {STDOUT: bytearray(), STDERR: bytearray()}
    deadline = time.monotonic() + timeout
    try:
        while (piece := stream.read(deadline - time.monotonic())) is not None:
            channel, data = piece
            said.setdefault(channel, bytearray()).extend(data)
            if time.monotonic() > deadline + LATE:
                raise TimeoutError("timed out")
            if sum(map(len, said.values())) > limit:
                raise EngineRefused(f"{argv[0]} in container {container[:12]} says more than expected.")
    except TimeoutError:
        raise
    except OSError as error:
        raise EngineRefused(f"The exec in container {container[:12]} broke off: {error}") from error
    finally:
        stream.close()
    return stream.exit_code(), said[STDOUT].decode("utf-8", "replace"), said[STDERR].decode("utf-8", "replace")


def file_stat(engine: Engine, container: str, path: str) -> Mapping[str, Any] | None:
    """Name, size, mode and ``linkTarget`` of a path inside a container, without reading it; None when there is none."""
    from netdoctor.engine.careful import parsed

    api: Any = engine.api
    with translated(engine.host, f"look for {path} in container {container[:12]}"):
        response = api.head(api._url("/containers/{0}/archive", container), params={"path": path}, timeout=api.timeout)
        encoded = response.headers.get("x-docker-container-path-stat")
        if response.status_code != 200 or not encoded:
            return None
        found: Mapping[str, Any] = parsed(base64.b64decode(encoded))
        FILE(found, "")
    return found
