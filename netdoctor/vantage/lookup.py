"""A host name looked up as a container would: its hosts file, then its own nameservers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from netdoctor.vantage.interface import CannotAsk, DialFailed, ResolverConfig, Stream, Vantage

_PORT = 53
_TIMEOUT = 2.0
"""Seconds for one exchange with a nameserver."""


def look_up(vantage: Vantage, host: str) -> str | None:
    """The first IPv4 address (else IPv6), or None when the name is not known there."""
    try:
        config = vantage.resolver()
    except CannotAsk:
        return None
    wanted = host.lower().rstrip(".")
    for address, names in config.hosts:
        if wanted in (name.lower() for name in names):
            return address
    for kind in ("A", "AAAA"):
        for name in _candidates(host, config):
            for server in config.nameservers:
                with contextlib.suppress(CannotAsk, DialFailed, OSError):
                    found = _ask(vantage, server, name, kind)
                    if found:
                        return found
                    break  # that nameserver answered: the name has no such record
    return None


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
        raise OSError("refused")
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
            raise TimeoutError
        piece = stream.receive(size - len(data), left)
        if not piece:
            raise OSError("the nameserver closed the connection")
        data += piece
    return data
