"""The kernel's tables under /proc/net: listeners, routes, addresses, neighbours.

Pure parsers, and :class:`NamespaceTables`, which asks them with whatever can read such a file: this machine's
/proc, or a helper inside the namespace.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netdoctor.vantage.interface import Connection, ListeningSocket, Route

LISTEN = "0A"
ESTABLISHED = "01"
SYN_SENT = "02"
CONNECTION_STATES = {ESTABLISHED: "established", SYN_SENT: "syn_sent"}
DOCKER_DNS = "127.0.0.11"
ROUTE_UP = 0x1
ROUTE_GATEWAY = 0x2
ROUTE_REJECT = 0x200
ARP_COMPLETE = 0x2


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One line of the ARP table. ``mac`` None: asked for, nobody answered."""

    address: str
    mac: str | None
    interface: str


@dataclass(frozen=True, slots=True)
class TcpSocket:
    """One row of /proc/net/tcp or tcp6. ``state`` is the kernel's two hex digits (``01`` established)."""

    local: tuple[str, int]
    remote: tuple[str, int]
    state: str
    receive_queue: int
    family: int


def parse_tcp(text: str, family: int) -> Iterator[TcpSocket]:
    """Rows of /proc/net/tcp (family 4) or tcp6 (family 6); a line that is no row is passed over."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 5 or ":" not in words[1]:
            continue
        yield TcpSocket(
            local=_endpoint(words[1]),
            remote=_endpoint(words[2]),
            state=words[3].upper(),
            receive_queue=int(words[4].partition(":")[2], 16),
            family=family,
        )


def parse_listeners(tcp: str, tcp6: str) -> tuple[ListeningSocket, ...]:
    """Sockets in state LISTEN, each once (SO_REUSEPORT makes twins), Docker's own DNS left out."""
    found: dict[tuple[str, int, int], int] = {}
    for text, family in ((tcp, 4), (tcp6, 6)):
        for row in parse_tcp(text, family):
            if row.state != LISTEN or row.local[0] == DOCKER_DNS:
                continue
            key = (*row.local, family)
            found[key] = found.get(key, 0) + row.receive_queue
    return tuple(ListeningSocket(address, port, family, waiting) for (address, port, family), waiting in found.items())


def parse_routes(text: str) -> tuple[Route, ...]:
    """/proc/net/route, in the kernel's order; rejecting routes are left out."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 8:
            continue
        flags = int(words[3], 16)
        if not flags & ROUTE_UP or flags & ROUTE_REJECT:
            continue
        prefix = int(words[7], 16).bit_count()
        gateway = _ipv4(words[2]) if flags & ROUTE_GATEWAY else None
        found.append(Route(f"{_ipv4(words[1])}/{prefix}", gateway, words[0]))
    return tuple(found)


def parse_addresses(fib_trie: str, if_inet6: str) -> tuple[str, ...]:
    """The namespace's own addresses: IPv4 from the routing trie's local leaves, then IPv6."""
    found: dict[str, None] = {}
    leaf = ""
    for line in fib_trie.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "|--":
            leaf = words[1]
        elif words[-2:] == ["host", "LOCAL"] and words[0] == "/32" and leaf:
            found[leaf] = None
    for line in if_inet6.splitlines():
        words = line.split()
        if words and len(words[0]) == 32:
            found[str(ipaddress.IPv6Address(int(words[0], 16)))] = None
    return tuple(found)


def parse_arp(text: str) -> tuple[Neighbour, ...]:
    """/proc/net/arp; an incomplete entry has no MAC."""
    found = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) < 6:
            continue
        complete = bool(int(words[2], 16) & ARP_COMPLETE)
        found.append(Neighbour(words[0], words[3] if complete else None, words[5]))
    return tuple(found)


class NamespaceTables:
    """Listeners, routes, addresses and neighbours of one namespace.

    ``read`` takes a name like ``tcp6`` and returns the file's text; it raises CannotAsk when the namespace
    cannot be read, and FileNotFoundError for a table that this kernel does not have (no IPv6).
    """

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read

    def listeners(self) -> tuple[ListeningSocket, ...]:
        return parse_listeners(self._read("tcp"), self._optional("tcp6"))

    def connections(self) -> tuple[Connection, ...]:
        rows = (*parse_tcp(self._read("tcp"), 4), *parse_tcp(self._optional("tcp6"), 6))
        return tuple(
            Connection(unmapped(row.local), unmapped(row.remote), CONNECTION_STATES[row.state])
            for row in rows
            if row.state in CONNECTION_STATES
        )

    def routes(self) -> tuple[Route, ...]:
        return parse_routes(self._read("route"))

    def addresses(self) -> tuple[str, ...]:
        return parse_addresses(self._read("fib_trie"), self._optional("if_inet6"))

    def neighbours(self) -> tuple[Neighbour, ...]:
        return parse_arp(self._read("arp"))

    def sockets(self) -> tuple[TcpSocket, ...]:
        """Every TCP socket, whatever its state."""
        return (*parse_tcp(self._read("tcp"), 4), *parse_tcp(self._optional("tcp6"), 6))

    def _optional(self, name: str) -> str:
        try:
            return self._read(name)
        except FileNotFoundError:
            return ""


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    return (_ipv4(address) if len(address) == 8 else _ipv6(address)), int(port, 16)


def unmapped(end: tuple[str, int]) -> tuple[str, int]:
    """A dual-stack socket keeps IPv4 peers as ``::ffff:10.0.0.2``; people and DNS write 10.0.0.2."""
    return end[0].removeprefix("::ffff:") if "." in end[0] else end[0], end[1]


def _ipv4(text: str) -> str:
    # The kernel prints each 32-bit word in its own byte order.
    return socket.inet_ntop(socket.AF_INET, struct.pack("=I", int(text, 16)))


def _ipv6(text: str) -> str:
    words = (int(text[start : start + 8], 16) for start in range(0, 32, 8))
    return socket.inet_ntop(socket.AF_INET6, struct.pack("=4I", *words))
