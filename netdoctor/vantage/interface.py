"""The narrow boundary between where we stand and what we ask.

A vantage stands inside one container's network namespace. Everything netdoctor asks is built on these few
calls; a vantage that cannot answer one of them raises :class:`CannotAsk`, which becomes ``could_not_ask``
with its reason, never health.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from netdoctor.model import Outcome


class CannotAsk(Exception):
    """This vantage cannot ask that question; ``reason`` is a sentence for the report."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DialFailed(Exception):
    """A dial that was really made and did not connect.

    ``outcome`` is one of refused, timed_out, no_route, reset; ``errno`` the kernel's number where it is
    known; ``seconds`` how long it took.
    """

    def __init__(self, outcome: Outcome, detail: str = "", *, errno: int | None = None, seconds: float = 0.0):
        super().__init__(detail or outcome.value)
        self.outcome = outcome
        self.detail = detail
        self.errno = errno
        self.seconds = seconds


@runtime_checkable
class Stream(Protocol):
    """A TCP stream that starts inside the container's network."""

    def send(self, data: bytes) -> None:
        """Send all of ``data``. Raises OSError (ConnectionError, TimeoutError) when the peer is gone."""

    def receive(self, size: int, timeout: float | None = None) -> bytes:
        """At most ``size`` bytes; ``b""`` at the end. Raises TimeoutError after ``timeout`` seconds."""

    def close_write(self) -> None:
        """Half-close: we will send no more, the peer still may."""

    def close(self) -> None:
        """Close both directions. Never raises."""


@dataclass(frozen=True, slots=True)
class PingReply:
    """``received`` of ``sent`` echo requests came back; ``seconds`` is the best round trip."""

    sent: int
    received: int
    seconds: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ResolverConfig:
    """What /etc/resolv.conf and /etc/hosts say inside that container."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...] = ()
    ndots: int = 1
    hosts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """``(address, names)`` in the file's order."""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListeningSocket:
    """One TCP socket in state LISTEN. ``backlog_waiting`` is rx_queue of its row: connections not accepted yet."""

    address: str
    port: int
    family: int
    """4 or 6. An IPv6 any-address socket normally takes IPv4 as well."""
    backlog_waiting: int = 0


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP socket that has a peer. ``state``: established, syn_sent (no answer yet)."""

    local: tuple[str, int]
    remote: tuple[str, int]
    state: str


@dataclass(frozen=True, slots=True)
class Route:
    destination: str
    """CIDR; ``0.0.0.0/0`` is the default route."""
    gateway: str | None
    interface: str


class Vantage(Protocol):
    """Thread-safe. One per source container and run."""

    @property
    def name(self) -> str:
        """``netns``, ``sidecar``, ``exec``, ``host`` or ``fake``."""

    def dial(self, address: str, port: int, timeout: float) -> Stream:
        """Connect from inside. ``address`` is an IP literal. Raises DialFailed or CannotAsk."""

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        """Send one UDP datagram and return the first answer. Raises DialFailed (timed_out, refused) or CannotAsk."""

    def ping(self, address: str, timeout: float) -> PingReply:
        """One ICMP echo. Lost is ``received=0``; not being able to send one is CannotAsk."""

    def resolver(self) -> ResolverConfig:
        """The container's own resolver configuration. Raises CannotAsk."""

    def listeners(self) -> tuple[ListeningSocket, ...]:
        """TCP listeners of that namespace, Docker's own DNS sockets (127.0.0.11) left out. Raises CannotAsk."""

    def connections(self) -> tuple[Connection, ...]:
        """TCP sockets of that namespace that are established or being opened. Raises CannotAsk."""

    def routes(self) -> tuple[Route, ...]:
        """IPv4 routes of that namespace. Raises CannotAsk."""

    def addresses(self) -> tuple[str, ...]:
        """IP addresses of that namespace, loopback included, without prefix length. Raises CannotAsk."""

    def mtus(self) -> tuple[tuple[str, str, int], ...]:
        """(interface, its address or "" where that is not known, its MTU in bytes). Raises CannotAsk, OSError."""

    def close(self) -> None:
        """Give everything back: helper containers, descriptors, threads. Never raises; may be called twice."""
