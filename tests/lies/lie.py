"""What a lie is made of: a way to answer, given the honest answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .honest import Reply, Request

Telling = Callable[["Wire", Request, Reply], None]


@dataclass
class Wire:
    """The connection on which it is told; the connection is closed behind it."""

    connection: socket.socket
    over: threading.Event

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def http(self, body: bytes, *, status: int = 200, more: str = "", length: int | None = None) -> None:
        size = len(body) if length is None else length
        self.say(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {size}\r\n\r\n".encode()
        )
        self.say(body)

    def drip(self, data: bytes, *, pause: float = 0.05, most: float = 30.0) -> None:
        """Until nobody listens any more."""
        until = time.monotonic() + most
        while time.monotonic() < until and not self.over.is_set():
            for byte in data:
                self.say(bytes([byte]))
                if self.over.wait(pause) or time.monotonic() > until:
                    return

    def flood(self, data: bytes, *, most: int = 1 << 31) -> None:
        """As fast as it is taken."""
        for _ in range(most // len(data)):
            if self.over.is_set():
                return
            self.say(data)

    def silence(self, most: float = 30.0) -> None:
        """Until the other side hangs up."""
        self.connection.settimeout(most)
        while self.connection.recv(65536) and not self.over.is_set():
            pass


@dataclass(frozen=True)
class Lie:
    """``patient``: it is only found out when time is up. ``honest``: the answer stays usable."""

    name: str
    tell: Telling
    patient: bool = False
    harmless: bool = False
