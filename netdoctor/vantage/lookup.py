"""A host name looked up as a container would: its hosts file, then its own nameservers."""

from __future__ import annotations

import time
from collections.abc import Iterator

from netdoctor.errors import NetdoctorError
from netdoctor.terminal import plain
from netdoctor.vantage.interface import CannotAsk, DialFailed, ResolverConfig, Stream, Vantage

_PORT = 53
_TIMEOUT = 2.0
"""Seconds for one exchange with a nameserver."""


class LookupFailed(NetdoctorError):
    """Nobody could say whether the name is known there, let alone whose it is."""


class ResolverUnread(LookupFailed):
    """What that container would ask is not known."""


class ResolverSilent(LookupFailed):
    """Its nameservers gave no answer."""


class ResolverRefused(LookupFailed):
    """They answered that they will not, or cannot, say."""


def look_up(vantage: Vantage, host: str, *, who: str = "") -> str | None:
    """The first IPv4 address (else IPv6), or None when the name is not known there.

    ``who``: the container's name, for the errors. Raises ResolverUnread, ResolverSilent, ResolverRefused: a name of
    which nobody answered anything is not an unknown one. Where no nameserver is named, all that is known is in hosts.
    """
    try:
        config = vantage.resolver()
    except CannotAsk as refused:
        raise _unread(host, who, refused.reason) from refused
    wanted = host.lower().rstrip(".")
    for address, names in config.hosts:
        if wanted in (name.lower() for name in names):
            return address
    if not config.nameservers:
        return None
    asking = _Asking(vantage, config.nameservers)
    for kind in ("A", "AAAA"):
        for name in _candidates(host, config):
            found = asking.ask(name, kind)
            if found:
                return found
    if asking.open:
        raise asking.failure(host, who)
    return None


class _Asking:
    """One look-up. ``open``: a question of it was answered by nobody."""

    def __init__(self, vantage: Vantage, servers: tuple[str, ...]) -> None:
        self.open = False
        self._vantage = vantage
        self._servers = servers
        self._silent: dict[str, str] = {}
        self._refused: dict[str, str] = {}

    def ask(self, name: str, kind: str) -> str | None:
        for server in self._servers:
            # Who said nothing in its time will not for the next name either, and each costs that time.
            if server in self._silent:
                continue
            try:
                return _ask(self._vantage, server, name, kind)
            except _Refused as refused:
                self._refused.setdefault(server, str(refused))
            except CannotAsk as cannot:
                self._silent[server] = cannot.reason
            except DialFailed as failed:
                self._silent[server] = failed.outcome.value.replace("_", " ")
            except OSError as error:
                self._silent[server] = "timed out" if isinstance(error, TimeoutError) else str(error)
        self.open = True
        return None

    def failure(self, host: str, who: str) -> LookupFailed:
        """Refusals are told first: they are answers."""
        told = self._refused or self._silent
        servers = ", ".join(f"{plain(server)}: {plain(why)}" for server, why in told.items())
        again = f" Ask all there is: netdoctor check {plain(who)} NAME:PORT" if who else ""
        if self._refused:
            return ResolverRefused(
                f"{_cannot(host, who)}: the nameserver refuses to say ({servers}).",
                hint="The fault is behind it: its own upstream, or what it may answer (dns: in the compose file, "
                f'"dns" in daemon.json).{again}',
            )
        return ResolverSilent(
            f"{_cannot(host, who)}: no nameserver answers ({servers}).",
            hint="127.0.0.11 is the engine's own, and answers while the engine runs; another one has to be reachable "
            f"from the container's networks.{again}",
        )


def _unread(host: str, who: str, why: str) -> ResolverUnread:
    cat = f"docker exec {plain(who)} cat /etc/resolv.conf" if who else "docker exec CONTAINER cat /etc/resolv.conf"
    return ResolverUnread(
        f"{_cannot(host, who)}: its resolv.conf cannot be read: {plain(why)}.",
        hint=f"Look at it with: {cat}. Or use an address instead of the name.",
    )


def _cannot(host: str, who: str) -> str:
    return f"{plain(host)} cannot be looked up from inside {plain(who) if who else 'the container'}"


class _Refused(Exception):
    """The nameserver's own word for it."""


def _candidates(host: str, config: ResolverConfig) -> Iterator[str]:
    """The names to ask for, as the search list and ndots order them."""
    with_search = [f"{host}.{domain}" for domain in config.search]
    if host.endswith("."):
        yield host
    elif host.count(".") >= config.ndots:
        yield from [host, *with_search]
    else:
        yield from [*with_search, host]


def _ask(vantage: Vantage, server: str, name: str, kind: str, *, again: bool = False) -> str | None:
    """``again``: over TCP, as the answer did not fit into a datagram."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode
    import dns.rdataclass
    import dns.rdatatype

    try:
        query = dns.message.make_query(name, kind)
    except (dns.exception.DNSException, UnicodeError):
        return None
    wire = query.to_wire()
    try:
        reply = _over_tcp(vantage, server, wire) if again else vantage.datagram(server, _PORT, wire, _TIMEOUT)
    except CannotAsk:
        reply = _over_tcp(vantage, server, wire)
    try:
        answer = dns.message.from_wire(reply)
    except (dns.exception.DNSException, ValueError) as error:
        raise OSError("not a DNS message") from error
    if not query.is_response(answer):
        raise OSError("an answer to another question")
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _Refused(dns.rcode.to_text(answer.rcode()))
    if answer.rcode() != dns.rcode.NOERROR:
        return None
    if answer.flags & dns.flags.TC and not answer.answer and not again:
        return _ask(vantage, server, name, kind, again=True)
    wanted = (dns.rdataclass.IN, dns.rdatatype.from_text(kind))
    for rrset in answer.answer:
        if (rrset.rdclass, rrset.rdtype) == wanted:
            return str(rrset[0])
    return None


def _over_tcp(vantage: Vantage, server: str, wire: bytes) -> bytes:
    stream = vantage.dial(server, _PORT, _TIMEOUT)
    deadline = time.monotonic() + _TIMEOUT
    try:
        stream.send(len(wire).to_bytes(2, "big") + wire)
        length = int.from_bytes(_exactly(stream, 2, deadline), "big")
        return _exactly(stream, length, deadline)
    finally:
        stream.close()


def _exactly(stream: Stream, size: int, deadline: float) -> bytes:
    data = b""
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        piece = stream.receive(size - len(data), left)
        if not piece:
            raise OSError("the nameserver closed the connection")
        data += piece
    return data
