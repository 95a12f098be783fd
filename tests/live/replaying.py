"""An engine on a unix socket that says what an engine says, and replays as many events as it is asked for."""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from fake_engine import Script

from netdoctor.engine.client import HELPER_LABEL

LABELS = {f"com.example.label-{number}": "x" * 40 for number in range(20)}
"""As an image of today brings along: an event is one to two kilobytes."""


def event(number: int) -> bytes:
    """Container and network events in turn, each of another container; every tenth an exec, every twentieth ours."""
    action = ("start", "die", "destroy", "connect", "disconnect")[number % 5]
    kind = "network" if action.endswith("connect") else "container"
    attributes = {"name": f"c{number}", "image": "x", **LABELS}
    if number % 10 == 5:
        kind, action = "container", "exec_start: /bin/sh -c true"
    if number % 20 == 0:
        attributes[HELPER_LABEL] = "c1"
    told = {
        "Type": kind,
        "Action": action,
        "Actor": {"ID": f"{number:064x}", "Attributes": attributes},
        "scope": "local",
        "time": 1_700_000_000 + number,
        "timeNano": (1_700_000_000 + number) * 10**9,
    }
    return json.dumps(told).encode() + b"\n"


@contextlib.contextmanager
def replaying(path: Path, script: Script, events: int, ended: threading.Event) -> Iterator[str]:
    """``ended`` is set when the last event has been written."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            plain = re.sub(r"^/v\d[\d.]*(?=/)", "", self.path.partition("?")[0])
            if plain == "/events":
                self._replay()
                return
            answer = script.answer(plain)
            body = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _replay(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if "since=" not in self.path:
                for number in range(events):
                    told = event(number)
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(told), told))
                self.wfile.flush()
                ended.set()
            over.wait(300)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            return

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            return

    server = Server(str(path), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"unix://{path}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
