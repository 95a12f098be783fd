"""A line to a server that can be cut, slowed and stormed: a TCP proxy on loopback that understands HTTP requests."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from netdoctor.migration.address import Address


@dataclass
class Line:
    """``storm``: the part of writes answered by a refusal that passes; ``lost``: the part carried out unanswered.

    ``slow`` seconds are added to every answer.
    """

    port: int
    server: int
    storm: float = 0.0
    lost: float = 0.0
    slow: float = 0.0
    after: str = "0"
    """The Retry-After of a refusal."""
    refused: int = 0
    connections: set[socket.socket] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random(11))
    lock: threading.Lock = field(default_factory=threading.Lock)
    up: bool = True

    def address(self) -> Address:
        return Address("http", "127.0.0.1", "127.0.0.1", self.port, None)

    def cut(self) -> None:
        """Every connection breaks, and no new one lives."""
        self.up = False
        with self.lock:
            for each in self.connections:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self.up = True

    def dice(self) -> float:
        with self.lock:
            return self.chance.random()

    def serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            with self.lock:
                self.connections.add(client)
            if not self.up:
                return
            with client.makefile("rb") as asks:
                while self._exchange(asks, client):
                    pass
        with self.lock:
            self.connections.discard(client)

    def _exchange(self, asks: BinaryIO, client: socket.socket) -> bool:
        request = _message(asks)
        if not request or not self.up:
            return False
        writes = request.startswith(b"PUT ") and b"/points" in request.split(b"\r\n", 1)[0]
        if writes and self.dice() < self.storm:
            with self.lock:
                self.refused += 1
                odd = self.refused % 2
            status = b"429 Too Many Requests" if odd else b"503 Service Unavailable"
            body = b'{"status": {"error": "slow down"}}'
            client.sendall(
                b"HTTP/1.1 %b\r\nRetry-After: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (status, self.after.encode(), len(body), body)
            )
            return True
        # The server closes what is idle, and a connection on which this line alone has answered is.
        with socket.create_connection(("127.0.0.1", self.server)) as server, server.makefile("rb") as answers:
            server.sendall(request)
            answer = _message(answers)
        if writes and self.dice() < self.lost:
            return False  # carried out, and the answer is lost
        time.sleep(self.slow)
        client.sendall(answer)
        return bool(answer)


def _message(stream: BinaryIO) -> bytes:
    """One HTTP message with its body, or b"" at the end."""
    head, size = b"", 0
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        head += line
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    return head + (stream.read(size) if size else b"")


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to 127.0.0.1:``port``."""
    listening = socket.create_server(("127.0.0.1", 0))
    line = Line(listening.getsockname()[1], port)
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=line.serve, args=(client,), daemon=True)
            thread.start()
            threads.append(thread)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield line
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        line.cut()
        accepting.join(5)
        for thread in threads:
            thread.join(5)
