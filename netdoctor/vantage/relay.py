"""Our end of a relay: many streams, datagrams, pings and tables over one attached or exec'd process.

The protocol is described in :mod:`netdoctor.vantage.programs`.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import struct
import threading
import time
from typing import Protocol

from netdoctor.vantage.interface import CannotAsk, DialFailed, PingReply
from netdoctor.vantage.outcomes import failure, timed_out
from netdoctor.vantage.programs import WINDOW

CHUNK = 1 << 16
HEAD = 9
STDOUT = 1
GRACE = 5.0
"""Seconds that an answer may be late beyond the question's own timeout: the engine is busy, or far away."""
SEND_TIMEOUT = 120.0
HELLO = b"netdoctor relay 1 "
KINDS = frozenset(b"HOESFWXA")
LARGEST = 1 << 24
MOST_WAITING = 4 * WINDOW
"""Bytes of one stream that nobody has taken yet; an honest relay stops at a window."""


class Pipe(Protocol):
    """What a relay talks through; :class:`netdoctor.engine.streams.RawStream` is one."""

    def read(self, timeout: float | None = None) -> tuple[int, bytes] | None: ...
    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class RelayRefused(Exception):
    """The process did not become a relay; ``said`` is what came instead (an engine's message, a traceback's end)."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class _Pending:
    """One question that waits for its single answer."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.kind = b""
        self.payload = b""

    def told(self, kind: bytes, payload: bytes) -> None:
        self.kind, self.payload = kind, payload
        self.done.set()

    def broken(self) -> None:
        self.done.set()


class RelayStream:
    """A TCP stream at the far end. One thread may send while another receives; any thread may close."""

    def __init__(self, relay: Relay, number: int) -> None:
        self._relay = relay
        self._number = number
        self._changed = threading.Condition()
        self._opening = _Pending()
        self._incoming = bytearray()
        self._taken = 0
        self._credit = WINDOW
        self._ended = False
        self._error: OSError | None = None
        self._closed = False

    def wait_open(self, seconds: float) -> _Pending:
        self._opening.done.wait(seconds)
        return self._opening

    def told(self, kind: bytes, payload: bytes) -> None:
        """Called by the relay's reader: never waits."""
        if not self._opening.done.is_set():
            self._opening.told(kind, payload)
            return
        with self._changed:
            if kind == b"S" and len(self._incoming) > MOST_WAITING:
                self._error = OSError(errno.ENOBUFS, "the relay sends more than it may")
            elif kind == b"S":
                self._incoming += payload
            elif kind == b"F":
                self._ended = True
            elif kind == b"W":
                self._credit += int(payload)
            elif kind == b"X":
                number, text = _errno(payload)
                self._error = OSError(number or errno.EIO, text)
            self._changed.notify_all()

    def broken(self) -> None:
        self._opening.broken()
        with self._changed:
            if self._error is None:
                self._error = ConnectionAbortedError(errno.ECONNABORTED, "the relay ended")
            self._changed.notify_all()

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            with self._changed:
                if not self._changed.wait_for(lambda: self._credit > 0 or self._error or self._closed, SEND_TIMEOUT):
                    raise TimeoutError("timed out")
                self._raise_if_over()
                size = min(CHUNK, self._credit, len(left))
                self._credit -= size
            self._relay.say(b"S", self._number, bytes(left[:size]))
            left = left[size:]

    def receive(self, size: int, timeout: float | None = None) -> bytes:
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._incoming or self._ended or self._error or self._closed, timeout
            ):
                raise TimeoutError("timed out")
            if not self._incoming and not self._ended:
                self._raise_if_over()
            taken = bytes(memoryview(self._incoming)[:size])
            del self._incoming[: len(taken)]
            self._taken += len(taken)
            give_back = 0
            if self._taken >= WINDOW // 4:
                give_back, self._taken = self._taken, 0
        if give_back:
            with contextlib.suppress(OSError):
                self._relay.say(b"W", self._number, str(give_back).encode())
        return taken

    def close_write(self) -> None:
        with contextlib.suppress(OSError):
            self._relay.say(b"F", self._number)

    def close(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._relay.forget(self._number)
        with contextlib.suppress(OSError):
            self._relay.say(b"C", self._number)

    def _raise_if_over(self) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise OSError(errno.EBADF, "the stream is closed")


class Relay:
    """Owns ``pipe``. ``language`` is what the program runs in, as it said itself."""

    def __init__(self, pipe: Pipe, *, patience: float, name: str) -> None:
        """Waits for the program's first frame. Raises RelayRefused; the pipe is closed then, too."""
        self._pipe = pipe
        self._numbers = itertools.count(1)
        self._waiting: dict[int, RelayStream | _Pending] = {}
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._over = False
        self._silent = False
        self._said = bytearray()
        self._frames = bytearray()
        try:
            self.language = self._greeting(patience)
        except BaseException:
            pipe.close()
            raise
        self._reader = threading.Thread(target=self._read, name=f"netdoctor-relay-{name}", daemon=True)
        self._reader.start()

    def dial(self, address: str, port: int, timeout: float) -> RelayStream:
        """Raises DialFailed, CannotAsk."""
        number = next(self._numbers)
        stream = RelayStream(self, number)
        self._begin(b"D", number, stream, f"{address}\n{port}\n{timeout:.3f}".encode())
        answer = stream.wait_open(timeout + self._grace())
        if answer.kind != b"O":
            self.forget(number)
            if not answer.kind:
                self._silent = True
                stream.close()
            raise self._refusal(answer, address, timeout)
        return stream

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        answer = self._ask(b"U", f"{address}\n{port}\n{timeout:.3f}\n".encode() + payload, timeout)
        if answer.kind != b"A":
            raise self._refusal(answer, address, timeout)
        return answer.payload

    def ping(self, address: str, timeout: float) -> PingReply:
        answer = self._ask(b"P", f"{address}\n{timeout:.3f}".encode(), timeout)
        if answer.kind != b"A":
            name, text, _ = _failure(answer.payload)
            raise CannotAsk(f"no ICMP socket may be opened here: {text or name or 'the relay ended'}")
        received, seconds, detail = (answer.payload.decode("utf-8", "replace") + "\n\n").split("\n", 2)
        detail = detail.removesuffix("\n\n")
        if received == "0":
            return PingReply(1, 0, None, detail or f"no reply in {timeout:.1f} s")
        if received != "1":
            raise CannotAsk("the relay's answer cannot be read")
        return PingReply(1, 1, _seconds(seconds), detail)

    def net_table(self, table: str) -> str:
        """Raises CannotAsk, FileNotFoundError."""
        return self._read_text(table, f"/proc/net/{table}")

    def packet_sizes(self) -> str:
        """A line for each interface: its name and its MTU in bytes. Raises CannotAsk, FileNotFoundError."""
        return self._read_text("/sys/class/net", "/sys/class/net")

    def etc_file(self, path: str) -> str:
        """/etc/resolv.conf or /etc/hosts as the relay sees them. Raises CannotAsk, FileNotFoundError."""
        return self._read_text(path, path)

    def _read_text(self, name: str, shown: str) -> str:
        answer = self._ask(b"R", name.encode(), 0.0)
        if answer.kind == b"A":
            return answer.payload.decode("utf-8", "replace")
        error, text, _ = _failure(answer.payload)
        if error == "ENOENT":
            raise FileNotFoundError(errno.ENOENT, text)
        raise CannotAsk(f"{shown} cannot be read: {text or error or 'the relay ended'}")

    def say(self, kind: bytes, number: int, payload: bytes = b"") -> None:
        """Raises OSError when the relay is gone."""
        if self._over:
            raise ConnectionAbortedError(errno.ECONNABORTED, "the relay ended")
        with self._write_lock:
            self._pipe.write(kind + struct.pack(">II", number, len(payload)) + payload)

    def forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Ends the process. Never raises; may be called twice."""
        self._pipe.close()
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _ask(self, kind: bytes, payload: bytes, timeout: float) -> _Pending:
        number = next(self._numbers)
        pending = _Pending()
        self._begin(kind, number, pending, payload)
        if not pending.done.wait(timeout + self._grace()):
            self._silent = True
        self.forget(number)
        return pending

    def _grace(self) -> float:
        """Once it has let a question wait for nothing, the next ones are not waited for as long, until it speaks."""
        return GRACE / 10 if self._silent else GRACE

    def _begin(self, kind: bytes, number: int, waiter: RelayStream | _Pending, payload: bytes) -> None:
        with self._lock:
            if self._over:
                raise CannotAsk(self._ending())
            self._waiting[number] = waiter
        try:
            self.say(kind, number, payload)
        except OSError:
            self.forget(number)
            raise CannotAsk(self._ending()) from None

    def _refusal(self, answer: _Pending, address: str, timeout: float) -> DialFailed | CannotAsk:
        if not answer.kind:
            return CannotAsk(self._ending() if self._over else "the relay gave no answer in time")
        name, text, seconds = _failure(answer.payload)
        if name == "TIMEOUT":
            return timed_out(seconds or timeout)
        return failure(_number(name), address=address, seconds=seconds, text=text)

    def _greeting(self, patience: float) -> str:
        deadline = time.monotonic() + patience
        while True:
            try:
                piece = self._pipe.read(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                raise RelayRefused(f"no answer in {patience:.0f} s") from None
            except OSError as error:
                raise RelayRefused(str(error)) from error
            if piece is None:
                raise RelayRefused(self._tail() or _text(self._frames) or "it ended at once")
            channel, data = piece
            if channel != STDOUT:
                self._note(data)
                continue
            self._frames += data
            # An engine that cannot start the program says so here, on stdout.
            if not (b"H" + bytes(4)).startswith(self._frames[:5]):
                self._drain(deadline)
                raise RelayRefused(_text(self._frames))
            if (frame := self._frame()) is not None:
                if not frame[2].startswith(HELLO):
                    raise RelayRefused(_text(frame[2]))
                return frame[2][len(HELLO) :].decode("ascii", "replace")

    def _drain(self, deadline: float) -> None:
        """The rest of a message that came in pieces."""
        with contextlib.suppress(OSError):
            while len(self._frames) < CHUNK and (piece := self._pipe.read(max(0.0, deadline - time.monotonic()))):
                self._frames += piece[1]

    def _read(self) -> None:
        try:
            while (piece := self._pipe.read()) is not None:
                channel, data = piece
                if channel != STDOUT:
                    self._note(data)
                    continue
                self._frames += data
                while (frame := self._frame()) is not None:
                    kind, number, payload = frame
                    self._silent = False
                    with self._lock:
                        waiter = self._waiting.get(number)
                    if waiter is not None:
                        waiter.told(kind, payload)
        except (OSError, ValueError) as error:
            self._note(str(error).encode())
        finally:
            with self._lock:
                self._over = True
                left = list(self._waiting.values())
                self._waiting.clear()
            for waiter in left:
                waiter.broken()

    def _frame(self) -> tuple[bytes, int, bytes] | None:
        if len(self._frames) < HEAD:
            return None
        number, size = struct.unpack(">II", self._frames[1:HEAD])
        if self._frames[0] not in KINDS or size > LARGEST:
            raise ValueError("the relay said something that is no frame")
        if len(self._frames) < HEAD + size:
            return None
        kind, payload = bytes(self._frames[:1]), bytes(memoryview(self._frames)[HEAD : HEAD + size])
        del self._frames[: HEAD + size]
        return kind, number, payload

    def _note(self, data: bytes) -> None:
        """Keeps the end of what it says on stderr."""
        self._said += data
        del self._said[:-2000]

    def _tail(self) -> str:
        return _text(self._said)

    def _ending(self) -> str:
        tail = self._tail()
        return f"the relay ended{f': {tail}' if tail else ''}"


def _failure(payload: bytes) -> tuple[str, str, float]:
    name, text, seconds = (payload.decode("utf-8", "replace") + "\n\n").split("\n")[:3]
    return name, text, _seconds(seconds)


def _errno(payload: bytes) -> tuple[int | None, str]:
    name, text, _ = _failure(payload)
    return _number(name), text or name


def _number(name: str) -> int | None:
    found = getattr(errno, name, None)
    return found if isinstance(found, int) else None


def _seconds(text: str) -> float:
    """0 for what is no number: whoever says it stands inside the container and may say anything."""
    try:
        found = float(text or 0)
    except ValueError:
        return 0.0
    return found if 0 <= found < 1e6 else 0.0


def _text(data: bytes | bytearray) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in bytes(data).decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][-300:] if lines else ""
