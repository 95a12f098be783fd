"""What a watch knows, as Prometheus text on a port of this machine. One request at a time: nobody can fill us up."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from netdoctor.errors import UsageError
from netdoctor.formats.prometheus import metric
from netdoctor.model import Verdict

PORT = 9469
PATIENCE = 5.0
"""Seconds that one reader may take."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One connection, as it was last seen."""

    labels: dict[str, str]
    verdict: Verdict
    latency: float | None = None
    """Seconds."""
    failing: bool = False
    """An alert has begun and not ended."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """One moment; the counters count from the start of the watch."""

    edges: tuple[Gauge, ...] = ()
    engine_up: bool = False
    counters: dict[str, float] = field(default_factory=dict)
    findings: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(code, severity, confidence)"""


COUNTERS = {
    "events": "Events of the engine that were a reason to look.",
    "events_ignored": "Events of our own helpers and execs.",
    "stream_breaks": "Times that the stream of events broke or could not be opened.",
    "looks": "Times that the engine was read.",
    "checks": "Connections that were asked.",
    "heals": "Fixes that were applied again and confirmed.",
    "heal_failures": "Attempts to do so that failed.",
    "alerts_sent": "Alerts that a receiver took.",
    "alerts_failed": "Alerts that a receiver did not take.",
    "alerts_merged": "Alerts that went out inside another one.",
}


def render(numbers: Numbers) -> str:
    """The whole document."""
    every = numbers.edges
    holds = [(e.labels, float(e.verdict is Verdict.HOLDS)) for e in every if e.verdict is not Verdict.UNKNOWN]
    latency = [(e.labels, e.latency) for e in every if e.latency is not None]
    found = [
        ({"code": code, "severity": severity, "confidence": confidence}, float(count))
        for (code, severity, confidence), count in sorted(numbers.findings.items())
    ]
    lines: list[str] = [
        *metric("netdoctor_edge_holds", "1 when the connection holds, 0 when it is broken.", holds),
        *metric(
            "netdoctor_edge_unknown",
            "1 when the connection could not be judged.",
            [(e.labels, float(e.verdict is Verdict.UNKNOWN)) for e in every],
        ),
        *metric("netdoctor_edge_latency_seconds", "How long its last good answer took.", latency),
        *metric(
            "netdoctor_edge_alerting",
            "1 while an alert about it has begun and not ended.",
            [(e.labels, float(e.failing)) for e in every],
        ),
        *metric("netdoctor_findings", "Findings about the watched connections.", found),
        *metric("netdoctor_watch_engine_up", "1 while the engine answers.", [({}, float(numbers.engine_up))]),
        *_counters(numbers.counters),
    ]
    return "".join(f"{line}\n" for line in lines)


def _counters(counters: dict[str, float]) -> Iterator[str]:
    for name, what in COUNTERS.items():
        yield from metric(f"netdoctor_watch_{name}_total", what, [({}, counters.get(name, 0.0))], "counter")


def parse_listen(text: str) -> tuple[str, int]:
    """``127.0.0.1:9469``, ``9469``, ``:9469``, ``[::1]:9469``; without a host: this machine only. Raises UsageError."""
    host, colon, port = text.strip().rpartition(":")
    if (
        not port.isascii()
        or not port.isdigit()
        or len(port) > 5
        or int(port) > 65535
        or (":" in host and not host.startswith("["))
    ):
        raise UsageError(f"--metrics {text!r} is no HOST:PORT.", hint=f"For example: 127.0.0.1:{PORT}")
    return (host.strip("[]") or "127.0.0.1") if colon else "127.0.0.1", int(port)


class MetricsServer:
    """Answers ``GET /metrics`` from a thread of its own."""

    def __init__(self, host: str, port: int, numbers: Callable[[], Numbers]) -> None:
        """Raises UsageError when nobody can listen there. ``numbers`` is called from another thread."""
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._server = _server(family)((host, port), _handler(numbers))
        except OSError as error:
            raise UsageError(
                f"The metrics cannot be served at {host}:{port}: {(error.strerror or str(error)).lower()}.",
                hint="Choose another address or port: --metrics 127.0.0.1:PORT",
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="metrics", daemon=True
        )

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}/metrics"

    def __enter__(self) -> MetricsServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE + 1)


def _server(of: socket.AddressFamily) -> type[HTTPServer]:
    class Server(HTTPServer):
        address_family = of

        def handle_error(self, *_: Any) -> None:
            """A reader that went away is no news."""

    return Server


def _handler(numbers: Callable[[], Numbers]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def handle(self) -> None:
            """The timeout is for each read anew: who sends byte by byte would hold us, and our end, for ever."""
            cut = threading.Timer(PATIENCE, self._cut)
            cut.daemon = True
            cut.start()
            try:
                super().handle()
            finally:
                cut.cancel()

        def _cut(self) -> None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def _answer(self, *, body: bool) -> None:
            there = self.path.partition("?")[0] == "/metrics"
            data = render(numbers()).encode() if there else b"See /metrics\n"
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data)

        def version_string(self) -> str:
            return "netdoctor"

        def log_message(self, *_: Any) -> None:
            return

    return Handler


def counted(found: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    """How often each."""
    numbers: dict[tuple[str, str, str], int] = {}
    for each in found:
        numbers[each] = numbers.get(each, 0) + 1
    return numbers
