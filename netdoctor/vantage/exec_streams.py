"""bash and BusyBox nc: one exec per TCP stream, for images that have no interpreter to run a relay in.

What these tools cannot tell is not guessed: no datagrams, no half-close, and no nc that gives no sign of having
connected.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netdoctor.engine.client import Engine
from netdoctor.engine.streams import LATE, STDOUT, ExecStream, run_exec, start_exec
from netdoctor.errors import NetdoctorError
from netdoctor.model import Container, Outcome
from netdoctor.vantage.interface import (
    CannotAsk,
    Connection,
    DialFailed,
    ListeningSocket,
    PingReply,
    ResolverConfig,
    Route,
)
from netdoctor.vantage.interfaces import sizes_in
from netdoctor.vantage.process import ContainerProcess
from netdoctor.vantage.procnet import NamespaceTables, Neighbour
from netdoctor.vantage.programs import text
from netdoctor.vantage.resolver_files import parse

MARKER = b"netdoctor: connected\n"
REFUSAL = b"netdoctor: not connected\n"
"""Spares waiting for the end of the exec, which an engine may tell seconds late while others of it are ending."""
MOST_SAID = 1 << 22
"""Bytes before the sign of a connection: the peer's first ones, and what the tool complains of."""
GRACE = 5.0
SHELL_SAYS: tuple[tuple[str, Outcome, int], ...] = (
    ("connection refused", Outcome.REFUSED, 111),
    ("no route to host", Outcome.NO_ROUTE, 113),
    ("network is unreachable", Outcome.NO_ROUTE, 101),
    ("connection timed out", Outcome.TIMED_OUT, 110),
    ("timed out", Outcome.TIMED_OUT, 0),
    ("connection reset", Outcome.RESET, 104),
)
"""What bash and nc print in the C locale, most telling first; 0: their own timeout, no errno."""
ALARMED = 128 + 14
"""Exit status of a shell that our own guard ended: no connection in time."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one tool carries one stream. ``needs``: programs on the container's PATH."""

    name: str
    needs: tuple[str, ...]
    argv: Callable[[str, int, float], tuple[str, ...]]
    """(address, port, seconds)"""
    fits: Callable[[str], bool] = lambda link: True  # noqa: ARG005
    """Given where the tool's link leads ("": it is no link), whether this is the variant meant."""


def _bash(address: str, port: int, seconds: float) -> tuple[str, ...]:
    return ("bash", "-c", text("dial_bash.sh") + text("shuttle.sh"), "netdoctor", address, str(port), f"{seconds:.1f}")


def _nc(address: str, port: int, seconds: float) -> tuple[str, ...]:
    whole = str(max(1, math.ceil(seconds)))
    return ("sh", "-c", text("dial_nc.sh"), "netdoctor", address, str(port), whole, text("shuttle.sh"))


ONE_STREAM_RECIPES = (
    Recipe("bash", ("bash", "tee", "sleep"), _bash),
    Recipe("nc", ("nc", "sh", "tee", "sleep"), _nc, lambda link: "busybox" in link),
)


class OneStream:
    """One exec. One thread may send while another receives; any thread may close."""

    def __init__(self, stream: ExecStream, tool: str, closed: Callable[[OneStream], None]) -> None:
        self._stream = stream
        self._tool = tool
        self._buffer = bytearray()
        self._ended = False
        self._on_close = closed

    def wait_connected(self, seconds: float) -> str | None:
        """None once connected; else what the tool said before it ended. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        said = bytearray()
        while (piece := self._stream.read(max(0.0, deadline - time.monotonic()))) is not None:
            channel, data = piece
            # The two channels may overtake each other: the peer's first bytes may be here before the marker.
            (self._buffer if channel == STDOUT else said).extend(data)
            if MARKER in said:
                return None
            if REFUSAL in said:
                break
            if time.monotonic() > deadline + LATE or len(said) + len(self._buffer) > MOST_SAID:
                raise TimeoutError("timed out")
        # No marker: what came on stdout is an engine's complaint about the program.
        return bytes(said.replace(REFUSAL, b"") + self._buffer).decode("utf-8", "replace").strip()

    def exit_code(self) -> int | None:
        return self._stream.exit_code()

    def send(self, data: bytes) -> None:
        self._stream.write(data)

    def receive(self, size: int, timeout: float | None = None) -> bytes:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._buffer and not self._ended:
            piece = self._stream.read(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if piece is None:
                self._ended = True
            elif piece[0] == STDOUT:
                self._buffer += piece[1]
            elif deadline is not None and time.monotonic() > deadline + LATE:
                raise TimeoutError("timed out")
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[: len(taken)]
        return taken

    def close_write(self) -> None:
        raise CannotAsk(f"{self._tool} cannot half-close a connection")

    def close(self) -> None:
        self._stream.close()
        self._on_close(self)


NOT_FOUND = (126, 127)
"""Exit statuses of an exec whose program is not in the image; which of them depends on the engine."""
BASH_CAT = ("bash", "-c", 'text=$(<"$1") && printf "%s\\n" "$text"', "bash")
"""A file by the shell alone, for an image that has not even cat."""


class OneStreamVantage:
    """See :class:`netdoctor.vantage.interface.Vantage`. Owns ``process``, which reads /proc/<pid>/net where it can."""

    name = "exec"

    def __init__(
        self,
        engine: Engine,
        container: Container,
        recipe: Recipe,
        *,
        environment: Mapping[str, str],
        read_file: Callable[[str], str],
        process: ContainerProcess | None,
        can_ping: bool,
    ) -> None:
        self.detail = recipe.name
        self._engine = engine
        self._container = container
        self._recipe = recipe
        self._environment = environment
        self._read_file = read_file
        self._process = process
        self._can_ping = can_ping
        self._tables = NamespaceTables(process.net_table if process is not None else self._cat_table)
        self._lock = threading.Lock()
        self._open: set[OneStream] = set()
        self._closed = False

    def dial(self, address: str, port: int, timeout: float) -> OneStream:
        if self._closed:
            raise CannotAsk("this vantage is closed")
        began = time.monotonic()
        argv = self._recipe.argv(address, port, timeout)
        try:
            started = start_exec(self._engine, self._container.id, argv, environment=self._environment)
        except NetdoctorError as error:
            raise CannotAsk(error.message) from error
        stream = OneStream(started, self._recipe.name, self._forget)
        with self._lock:
            self._open.add(stream)
        try:
            said = stream.wait_connected(timeout + GRACE)
        except TimeoutError:
            stream.close()
            raise CannotAsk(f"{self._recipe.name} gave no sign within {timeout + GRACE:.0f} s") from None
        except OSError as error:
            stream.close()
            raise CannotAsk(f"the exec broke off: {error}") from error
        except BaseException:
            stream.close()
            raise
        if said is None:
            return stream
        code = stream.exit_code()
        stream.close()
        raise self._refusal(said, code, time.monotonic() - began)

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        raise CannotAsk(f"{self._recipe.name} cannot send datagrams")

    def ping(self, address: str, timeout: float) -> PingReply:
        if not self._can_ping:
            raise CannotAsk("the image has no ping")
        whole = max(1, math.ceil(timeout))
        argv = ("ping", "-c", "1", "-W", str(whole), address)
        try:
            code, out, err = run_exec(self._engine, self._container.id, argv, timeout=whole + GRACE)
        except (TimeoutError, NetdoctorError) as error:
            raise CannotAsk(f"ping did not run: {error}") from error
        if code == 0:
            return PingReply(1, 1, _round_trip(out), "reply")
        # A lost echo ends with the statistics; anything else did not send one.
        if " 100% packet loss" in out:
            return PingReply(1, 0, None, f"no reply in {whole} s")
        words = (err or out).strip().splitlines()
        if "unreachable" in (err + out).lower():
            return PingReply(1, 0, None, words[-1] if words else "unreachable")
        raise CannotAsk(f"ping did not run: {words[-1] if words else f'exit status {code}'}")

    def resolver(self) -> ResolverConfig:
        return parse(self._file("/etc/resolv.conf"), self._file("/etc/hosts"))

    def listeners(self) -> tuple[ListeningSocket, ...]:
        return self._tables.listeners()

    def connections(self) -> tuple[Connection, ...]:
        return self._tables.connections()

    def routes(self) -> tuple[Route, ...]:
        return self._tables.routes()

    def addresses(self) -> tuple[str, ...]:
        return self._tables.addresses()

    def mtus(self) -> tuple[tuple[str, str, int], ...]:
        """(interface, "", MTU), out of the container's own /sys. Raises CannotAsk."""
        shell = "bash" if self._recipe.name == "bash" else "sh"
        try:
            code, out, err = run_exec(self._engine, self._container.id, (shell, "-c", text("sizes.sh")), timeout=GRACE)
        except (TimeoutError, NetdoctorError) as error:
            raise CannotAsk(f"/sys/class/net cannot be read: {error}") from error
        found = tuple((name, "", size) for name, size in sizes_in(out))
        if code != 0 or not found:
            raise CannotAsk(f"/sys/class/net cannot be read: {err.strip() or f'exit status {code}'}")
        return found

    def neighbours(self) -> tuple[Neighbour, ...]:
        return self._tables.neighbours()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            left = list(self._open)
        for stream in left:
            stream.close()
        if self._process is not None:
            self._process.close()

    def _file(self, path: str) -> str:
        found = self._process.root_file(path) if self._process is not None else None
        return self._read_file(path) if found is None else found

    def _forget(self, stream: OneStream) -> None:
        with self._lock, contextlib.suppress(KeyError):
            self._open.remove(stream)

    def _refusal(self, said: str, code: int | None, seconds: float) -> DialFailed | CannotAsk:
        lower = said.lower()
        for words, outcome, number in SHELL_SAYS:
            if words in lower and code not in (126, 127):
                return DialFailed(outcome, said.splitlines()[-1], errno=number or None, seconds=seconds)
        if code == ALARMED:
            return DialFailed(Outcome.TIMED_OUT, f"no answer in {seconds:.1f} s", seconds=seconds)
        last = said.splitlines()[-1] if said else f"exit status {code}"
        return CannotAsk(f"{self._recipe.name} did not connect, and not for a reason of the network: {last}")

    def _cat_table(self, table: str) -> str:
        """Raises CannotAsk, FileNotFoundError."""
        path = f"/proc/net/{table}"
        try:
            code, out, err = run_exec(self._engine, self._container.id, ("cat", path), timeout=GRACE)
            if code in NOT_FOUND and self._recipe.name == "bash":
                code, out, err = run_exec(self._engine, self._container.id, (*BASH_CAT, path), timeout=GRACE)
        except (TimeoutError, NetdoctorError) as error:
            raise CannotAsk(f"{path} cannot be read: {error}") from error
        if code == 0:
            return out
        if "No such file" in err:
            raise FileNotFoundError(path)
        raise CannotAsk(f"{path} cannot be read: {err.strip() or f'exit status {code}'}")


def _round_trip(text_: str) -> float | None:
    """Seconds out of ``time=0.061 ms``."""
    _, _, rest = text_.partition("time=")
    number = rest.split(" ", 1)[0]
    try:
        return float(number) / 1000
    except ValueError:
        return None
