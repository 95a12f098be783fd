"""This machine itself: what "but it works from the host" sees."""

from __future__ import annotations

import socket
from pathlib import Path

from netdoctor.engine.inside import in_container
from netdoctor.model import Topology
from netdoctor.vantage import interfaces, sockets
from netdoctor.vantage.interface import CannotAsk, Connection, ListeningSocket, PingReply, ResolverConfig, Route
from netdoctor.vantage.procnet import NamespaceTables, Neighbour
from netdoctor.vantage.resolver_files import parse


class HostVantage:
    """See :class:`netdoctor.vantage.interface.Vantage`."""

    name = "host"

    def __init__(self) -> None:
        self._tables = NamespaceTables(_net_table)

    def dial(self, address: str, port: int, timeout: float) -> sockets.SocketStream:
        return sockets.dial(socket.socket, address, port, timeout)

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        return sockets.datagram(socket.socket, address, port, payload, timeout)

    def ping(self, address: str, timeout: float) -> PingReply:
        return sockets.ping(socket.socket, address, timeout)

    def resolver(self) -> ResolverConfig:
        return parse(_file("/etc/resolv.conf"), _file("/etc/hosts"))

    def listeners(self) -> tuple[ListeningSocket, ...]:
        return self._tables.listeners()

    def connections(self) -> tuple[Connection, ...]:
        return self._tables.connections()

    def routes(self) -> tuple[Route, ...]:
        return self._tables.routes()

    def addresses(self) -> tuple[str, ...]:
        return self._tables.addresses()

    def mtus(self) -> tuple[tuple[str, str, int], ...]:
        """(interface, IPv4 address, MTU). Raises OSError."""
        return interfaces.mtus(socket.socket, interfaces.names_in(_net_table("dev")))

    def neighbours(self) -> tuple[Neighbour, ...]:
        return self._tables.neighbours()

    def close(self) -> None:
        return


def contained(topology: Topology, addresses: tuple[str, ...]) -> str | None:
    """Why we are not on the machine itself, or None where we are.

    In a container with the machine's own network (``--network host``) we are: no container's address is ours then.
    """
    if not in_container():
        return None
    ours = {each for each in addresses if not each.startswith("127.") and each != "::1"}
    theirs = {address for each in topology.containers for end in each.endpoints for address in end.addresses}
    if ours and not ours & theirs:
        return None
    return "netdoctor runs in a container with a network of its own, not on the machine (docker run --network host)"


def _net_table(table: str) -> str:
    try:
        return Path("/proc/thread-self/net", table).read_text("utf-8")
    except FileNotFoundError:
        if Path("/proc/thread-self/net").exists():
            raise
        raise CannotAsk("this machine has no /proc/net") from None
    except OSError as error:
        raise CannotAsk(f"/proc/net/{table} cannot be read: {error.strerror}") from error


def _file(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError as error:
        raise CannotAsk(f"{path} cannot be read on this machine: {error.strerror}") from error
