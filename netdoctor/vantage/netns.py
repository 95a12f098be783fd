"""Inside a container's network namespace, with plain sockets and nothing installed anywhere.

A thread enters the namespace and does one thing there: it creates sockets. A socket stays in the namespace it
was created in, so every other thread can use it, and nothing else of this program ever runs inside (a name
looked up there would be looked up with this machine's resolv.conf).
"""

from __future__ import annotations

import ctypes
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future

from netdoctor.model import Container
from netdoctor.vantage import interfaces, sock_diag, sockets
from netdoctor.vantage.interface import CannotAsk, Connection, ListeningSocket, PingReply, ResolverConfig, Route
from netdoctor.vantage.process import ContainerProcess
from netdoctor.vantage.procnet import NamespaceTables, Neighbour
from netdoctor.vantage.resolver_files import parse

CLONE_NEWNET = 0x40000000

ReadFile = Callable[[str], str]
"""A path inside the container to the file's text; raises CannotAsk."""


class SocketFactory:
    """A thread in a network namespace that makes sockets until it is closed.

    ``entered`` is a descriptor of the namespace; it stays the caller's. Raises PermissionError (or another
    OSError) when the kernel does not let us in.
    """

    def __init__(self, entered: int, name: str) -> None:
        self._orders: queue.SimpleQueue[tuple[tuple[int, int, int], Future[socket.socket]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        started: Future[None] = Future()
        # A daemon: a run that was aborted must not wait for it at exit.
        self._thread = threading.Thread(
            target=self._serve, args=(entered, started), name=f"netdoctor-netns-{name}", daemon=True
        )
        self._thread.start()
        try:
            started.result()
        except BaseException:
            self._thread.join()
            raise

    def make(self, family: int, kind: int, protocol: int) -> socket.socket:
        """A new socket of that namespace. Raises OSError, CannotAsk after :meth:`close`."""
        made: Future[socket.socket] = Future()
        with self._lock:
            if self._closed:
                raise CannotAsk("this vantage is closed")
            self._orders.put(((family, kind, protocol), made))
        return made.result()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._orders.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _serve(self, entered: int, started: Future[None]) -> None:
        try:
            _setns(entered)
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(None)
        while (order := self._orders.get()) is not None:
            what, made = order
            try:
                made.set_result(socket.socket(*what))
            except OSError as error:
                made.set_exception(error)


class NetnsVantage:
    """See :class:`netdoctor.vantage.interface.Vantage`. Owns ``process``."""

    name = "netns"

    def __init__(self, container: Container, process: ContainerProcess, read_file: ReadFile) -> None:
        """Raises OSError when the kernel does not let us into the namespace; ``process`` is closed then, too."""
        self._process = process
        self._read_file = read_file
        self._tables = NamespaceTables(process.net_table)
        self._streams: set[sockets.SocketStream] = set()
        try:
            namespace = process.open_network_namespace()
            try:
                self._factory = SocketFactory(namespace, container.short_id)
            finally:
                os.close(namespace)
        except BaseException:
            process.close()
            raise

    def dial(self, address: str, port: int, timeout: float) -> sockets.SocketStream:
        stream = sockets.dial(self._factory.make, address, port, timeout, self._streams.discard)
        self._streams.add(stream)
        return stream

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        return sockets.datagram(self._factory.make, address, port, payload, timeout)

    def ping(self, address: str, timeout: float) -> PingReply:
        return sockets.ping(self._factory.make, address, timeout)

    def resolver(self) -> ResolverConfig:
        return parse(self._file("/etc/resolv.conf"), self._file("/etc/hosts"))

    def listeners(self) -> tuple[ListeningSocket, ...]:
        try:
            found = sock_diag.listeners(self._factory.make)
        except OSError:
            return self._tables.listeners()
        # Our thread keeps a namespace alive that its container has left; empty then does not mean "nothing listens".
        self._process.still_there()
        return found

    def connections(self) -> tuple[Connection, ...]:
        try:
            found = sock_diag.connections(self._factory.make)
        except OSError:
            return self._tables.connections()
        self._process.still_there()
        return found

    def routes(self) -> tuple[Route, ...]:
        return self._tables.routes()

    def addresses(self) -> tuple[str, ...]:
        return self._tables.addresses()

    def mtus(self) -> tuple[tuple[str, str, int], ...]:
        """(interface, IPv4 address, MTU). Raises OSError."""
        return interfaces.mtus(self._factory.make, interfaces.names_in(self._process.net_table("dev")))

    def neighbours(self) -> tuple[Neighbour, ...]:
        """The ARP table: evidence for why an address does not answer."""
        return self._tables.neighbours()

    def close(self) -> None:
        self._factory.close()
        for stream in list(self._streams):
            stream.close()
        self._process.close()

    def _file(self, path: str) -> str:
        found = self._process.root_file(path)
        return self._read_file(path) if found is None else found


def _setns(descriptor: int) -> None:
    if sys.version_info >= (3, 12):
        os.setns(descriptor, CLONE_NEWNET)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
