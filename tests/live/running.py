"""A real ``netdoctor watch`` in a process of its own, and what it says."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """None of the caller's own settings; every warning is an error."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NETDOCTOR_") and k != "NO_COLOR"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **more}


class Running:
    """Its stdout and stderr are read all the time, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        lines.extend(iter(stream.readline, ""))

    @property
    def said(self) -> str:
        return "".join(self.err)

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """With ``--format jsonl``: everything that turned, in order."""
        return [json.loads(line) for line in [*self.out]]

    def events(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.alerts if each.get("event") == event]

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said}"
            assert time.monotonic() < deadline, f"waited in vain for: {what}\n{self.said}{''.join(self.out)}"
            time.sleep(0.05)

    def ready(self) -> None:
        """Until the first look is over."""
        self.wait_for(lambda: re.search(r"watching|nothing to watch", self.said), "the first look")

    def metric(self, name: str) -> float:
        """The sum of its samples; 0 where there is none."""
        found = re.search(r"metrics at (\S+)", self.said)
        assert found, self.said
        with urllib.request.urlopen(found[1], timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))

    def peak(self) -> float:
        """Megabytes that it ever had in memory at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024

    def end(self, number: int = signal.SIGTERM) -> int:
        """Told to stop; its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        for reader in self._readers:
            reader.join(10)
        assert "Traceback" not in self.said, self.said
        assert "Warning" not in self.said, self.said
        return status


@contextmanager
def watching(*words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Iterator[Running]:
    """``netdoctor watch WORDS --format jsonl``; ended whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "netdoctor", "watch", "--format", "jsonl", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**(env or {})),
        cwd=cwd,
    )
    running = Running(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for reader in running._readers:
            reader.join(10)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()


class Receiver:
    """A webhook on loopback: what it was sent, and with which headers. ``answer``: the status that it gives."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.late = 0.0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.headers.append({key.lower(): value for key, value in self.headers.items()})
                time.sleep(receiver.late)
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 200:
                    receiver.got.append(json.loads(body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/s3cret-path?token=s3cret-query"
        self._thread = threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.02), daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)
