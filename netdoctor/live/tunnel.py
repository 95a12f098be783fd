"""A port of this machine that comes out inside a container's network, for as long as we run."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.terminal import plain
from netdoctor.vantage.interface import Stream
from netdoctor.vantage.joined import Joined

log = logging.getLogger(__name__)

MOST = 512
"""Connections at once; the next one waits in the listener's queue until one has ended."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tunnel listens; port 0: whichever is free."""

    address: str = LOOPBACK
    port: int = 0

    @property
    def loopback(self) -> bool:
        return ipaddress.ip_address(self.address).is_loopback

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_place(text: str) -> Place:
    """``127.0.0.1:0``, ``8080``, ``:8080``, ``[::1]:8080``. Without an address it is loopback. Raises UsageError."""
    host, _, port = text.rpartition(":")
    host = host.strip().removeprefix("[").removesuffix("]")
    host = LOOPBACK if host in ("", "localhost") else host
    try:
        ipaddress.ip_address(host)
        if not (port.isascii() and port.isdigit() and int(port) < 65536):
            raise ValueError(port)
    except ValueError:
        raise UsageError(
            f"{plain(text)!r} is no place to listen.", hint="Use ADDRESS:PORT with an IP address, like 127.0.0.1:0."
        ) from None
    return Place(host, int(port))


class Tunnel:
    """Listens from the start; ``dial`` makes the far end of each connection, ``told`` hears what went wrong."""

    def __init__(self, place: Place, dial: Callable[[], Stream], told: Callable[[str], None]) -> None:
        """Raises UsageError where nobody can listen there."""
        self._dial = dial
        self._told = told
        self._room = threading.BoundedSemaphore(MOST)
        self._lock = threading.Lock()
        self._joined: set[Joined] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()
        family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((place.address, place.port))
            self._listener.listen(128)
        except OSError as error:
            self._listener.close()
            raise UsageError(
                f"Cannot listen on {place}: {error.strerror}.", hint="Choose another: --listen 127.0.0.1:0"
            ) from error
        self.place = Place(place.address, int(self._listener.getsockname()[1]))
        self._acceptor = threading.Thread(target=self._accept, name="netdoctor-tunnel", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """End the listener, every connection and thread. Never raises; may be called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with contextlib.suppress(ValueError):
            self._room.release()
        self._acceptor.join(5)
        with self._lock:
            joined, threads = list(self._joined), list(self._threads)
        for each in joined:
            each.cut()
        for thread in threads:
            thread.join(5)

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            self._room.acquire()
            try:
                near, _ = self._listener.accept()
            except OSError as error:
                with contextlib.suppress(ValueError):
                    self._room.release()
                if self._closing.is_set():
                    return
                # Out of descriptors, or a client that went away before it was accepted.
                log.debug("accept: %s", error)
                self._closing.wait(0.1)
                continue
            thread = threading.Thread(target=self._serve, args=(near,), name="netdoctor-tunnelled", daemon=True)
            with self._lock:
                self._threads.add(thread)
            thread.start()

    def _serve(self, near: socket.socket) -> None:
        try:
            self._join(near)
        finally:
            near.close()
            with self._lock:
                self._threads.discard(threading.current_thread())
            with contextlib.suppress(ValueError):
                self._room.release()

    def _join(self, near: socket.socket) -> None:
        try:
            far = self._dial()
        except NetdoctorError as error:
            if not self._closing.is_set():
                self._told(error.message)
            return
        joined = Joined(near, far, patient=True)
        with self._lock:
            if self._closing.is_set():
                joined.cut()
                return
            self._joined.add(joined)
            joined.start()
        joined.join()
        with self._lock:
            self._joined.discard(joined)
