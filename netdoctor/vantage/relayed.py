"""What sidecar and exec share: a vantage whose questions travel through a relay."""

from __future__ import annotations

from collections.abc import Callable

from netdoctor.vantage.interface import CannotAsk, Connection, ListeningSocket, PingReply, ResolverConfig, Route
from netdoctor.vantage.interfaces import sizes_in
from netdoctor.vantage.procnet import NamespaceTables, Neighbour
from netdoctor.vantage.relay import Relay, RelayStream
from netdoctor.vantage.resolver_files import parse


class RelayedVantage:
    """See :class:`netdoctor.vantage.interface.Vantage`. Owns ``relay``; ``after`` runs once, when it is closed.

    ``check`` raises CannotAsk when the namespace is not the container's any more: a helper outlives a restart of its
    target, and the empty namespace it is left in would read as "nothing listens".
    """

    def __init__(
        self,
        name: str,
        relay: Relay,
        *,
        read_file: Callable[[str], str],
        detail: str = "",
        check: Callable[[], None] | None = None,
        after: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.detail = detail
        self._relay = relay
        self._read_file = read_file
        self._check = check
        self._after = after
        self._tables = NamespaceTables(self._net_table)

    def dial(self, address: str, port: int, timeout: float) -> RelayStream:
        return self._relay.dial(address, port, timeout)

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        return self._relay.datagram(address, port, payload, timeout)

    def ping(self, address: str, timeout: float) -> PingReply:
        return self._relay.ping(address, timeout)

    def resolver(self) -> ResolverConfig:
        return parse(self._file("/etc/resolv.conf"), self._file("/etc/hosts"))

    def listeners(self) -> tuple[ListeningSocket, ...]:
        return self._tables.listeners()

    def connections(self) -> tuple[Connection, ...]:
        return self._tables.connections()

    def routes(self) -> tuple[Route, ...]:
        return self._tables.routes()

    def addresses(self) -> tuple[str, ...]:
        return self._tables.addresses()

    def mtus(self) -> tuple[tuple[str, str, int], ...]:
        """(interface, "", MTU): a relay knows no address of an interface. Raises OSError, CannotAsk."""
        text = self._relay.packet_sizes()
        self._still_the_same()
        return tuple((name, "", size) for name, size in sizes_in(text))

    def neighbours(self) -> tuple[Neighbour, ...]:
        return self._tables.neighbours()

    def close(self) -> None:
        self._relay.close()
        after, self._after = self._after, None
        if after is not None:
            after()

    def _net_table(self, table: str) -> str:
        text = self._relay.net_table(table)
        self._still_the_same()
        return text

    def _still_the_same(self) -> None:
        if self._check is not None:
            self._check()

    def _file(self, path: str) -> str:
        # A container that borrows a namespace has its owner's two files, so the relay reads the right ones.
        try:
            return self._relay.etc_file(path)
        except (CannotAsk, FileNotFoundError):
            return self._read_file(path)
