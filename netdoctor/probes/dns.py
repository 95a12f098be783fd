"""Does the name resolve, the way the container itself would: hosts file, then its own nameserver with search and ndots?

Never the host's resolver: a helper like getaddrinfo reads the host's files even from inside another namespace.
"""

from __future__ import annotations

import importlib
import ipaddress
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World
from netdoctor.vantage.interface import CannotAsk, DialFailed, ResolverConfig, Vantage

if TYPE_CHECKING:
    from dns.message import Message

PORT = 53
MOST_ANSWERS = 256
"""Addresses of one name; a service of Swarm has one for each task."""
UDP_TRY = 1.0
"""Seconds before the same question is sent again over UDP; a datagram may be lost."""


@dataclass(frozen=True, slots=True)
class DnsEvidence:
    """``answers`` are IP literals, IPv4 first. ``source``: hosts, nameserver, literal. ``asked``: full names tried."""

    name: str
    answers: tuple[str, ...] = ()
    source: str = "nameserver"
    nameserver: str = ""
    asked: tuple[str, ...] = ()
    rcode: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Dns(Question[DnsEvidence]):
    name: str
    brief: bool = field(default=False, compare=False)


class DnsProbe:
    question = Dns
    layer = Layer.DNS

    def ask(self, question: Dns, world: World) -> Observation[DnsEvidence]:
        name = question.name
        if _literal(name):
            return Observation(Outcome.CONNECTED, DnsEvidence(name, (name,), "literal"))
        vantage = world.vantage_at(question.at)
        # Loading the library is our time, not the nameserver's.
        importlib.import_module("dns.message")
        began = world.clock()
        config = vantage.resolver()
        found = _from_hosts(name, config)
        if found:
            outcome, evidence = Outcome.CONNECTED, DnsEvidence(name, found, "hosts")
        else:
            outcome, evidence = _from_nameservers(name, config, vantage, world, began + world.patience(question.brief))
        return Observation(outcome, evidence, seconds=world.clock() - began, vantage=vantage.name)

    def label(self, question: Dns, topology: Topology) -> str:
        return f"dns {question.name}"

    def describe(self, question: Dns, observation: Observation[DnsEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        if not observation.good:
            return f"{evidence.name}: {evidence.detail}" if evidence.detail else evidence.name
        where = {"hosts": " (hosts file)", "literal": " (an address, no name)"}.get(evidence.source, "")
        return f"{evidence.name} is {', '.join(evidence.answers)}{where}"


def candidates(name: str, config: ResolverConfig) -> tuple[str, ...]:
    """The names a resolver library tries, in its order."""
    if name.endswith("."):
        return (name,)
    searched = tuple(f"{name}.{suffix.strip('.')}." for suffix in config.search if suffix.strip("."))
    return (f"{name}.", *searched) if name.count(".") >= config.ndots else (*searched, f"{name}.")


def _literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _from_hosts(name: str, config: ResolverConfig) -> tuple[str, ...]:
    wanted = name.rstrip(".").lower()
    found = [address for address, names in config.hosts if wanted in (each.lower() for each in names)]
    return tuple(sorted(dict.fromkeys(found), key=lambda address: ":" in address))


def _from_nameservers(
    name: str, config: ResolverConfig, vantage: Vantage, world: World, deadline: float
) -> tuple[Outcome, DnsEvidence]:
    names = candidates(name, config)
    if not config.nameservers:
        return Outcome.RESOLVER_FAILED, DnsEvidence(name, detail="/etc/resolv.conf names no nameserver")
    # Where nobody answers, the first is named: the others are there for when it does not.
    silent: tuple[Outcome, DnsEvidence] | None = None
    for waiting, server in enumerate(config.nameservers):
        # A silent nameserver must leave time for those after it.
        share = world.clock() + (deadline - world.clock()) / (len(config.nameservers) - waiting)
        for full in names:
            outcome, evidence = _ask(name, full, server, vantage, world, share, names)
            if outcome is Outcome.CONNECTED:
                return outcome, evidence
            if outcome is Outcome.RESOLVER_FAILED:
                silent = silent or (outcome, evidence)
                break
        else:
            # A nameserver that says "no such name" is believed; the next one is asked only when this one is silent.
            return outcome, evidence
        if world.clock() >= deadline:
            break
    return silent or (Outcome.RESOLVER_FAILED, DnsEvidence(name, asked=names))


def _ask(
    name: str, full: str, server: str, vantage: Vantage, world: World, deadline: float, names: tuple[str, ...]
) -> tuple[Outcome, DnsEvidence]:
    answers: list[str] = []
    rcode = ""
    for kind in ("A", "AAAA"):
        try:
            reply = _exchange(full, kind, server, vantage, world, deadline)
        except (DialFailed, TimeoutError, OSError) as error:
            if answers:
                break
            silent = isinstance(error, TimeoutError) or (
                isinstance(error, DialFailed) and error.outcome is Outcome.TIMED_OUT
            )
            detail = f"{server} gave no answer" if silent else f"{server} gave no answer ({error})"
            return Outcome.RESOLVER_FAILED, DnsEvidence(name, (), "nameserver", server, names, "", detail)
        rcode = _rcode(reply)
        # Resolver libraries do not read the answer of a refusal.
        answers += _addresses(reply, kind) if rcode == "NOERROR" else []
        if len(answers) > MOST_ANSWERS:
            # Not cut: that none of a name's addresses is reachable is only known when all are asked.
            detail = f"{server} answered with {len(answers)} addresses, more than any name here can have"
            return Outcome.RESOLVER_FAILED, DnsEvidence(name, (), "nameserver", server, names, rcode, detail)
        if rcode not in ("NOERROR",):
            break
    if answers:
        return Outcome.CONNECTED, DnsEvidence(name, tuple(answers), "nameserver", server, names, rcode)
    failed = rcode not in ("NOERROR", "NXDOMAIN")
    outcome = Outcome.RESOLVER_FAILED if failed else Outcome.NAME_NOT_FOUND
    detail = f"{server} answered {rcode}" + (" without an address" if rcode == "NOERROR" else "")
    return outcome, DnsEvidence(name, (), "nameserver", server, names, rcode, detail)


def _exchange(full: str, kind: str, server: str, vantage: Vantage, world: World, deadline: float) -> Message:
    import dns.exception
    import dns.message

    try:
        query = dns.message.make_query(full, kind)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise CannotAsk(f"{full.rstrip('.')!r} is no name that DNS can carry") from error
    wire = query.to_wire()
    # Bounded by count too: something that answers at once, and never this question, must not be flooded.
    for _ in range(max(1, math.ceil((deadline - world.clock()) / UDP_TRY))):
        left = deadline - world.clock()
        if left <= 0:
            raise TimeoutError
        try:
            raw = vantage.datagram(server, PORT, wire, min(UDP_TRY, left))
        except DialFailed as error:
            if error.outcome is Outcome.TIMED_OUT:
                continue
            raise
        except CannotAsk as cannot:
            try:
                raw = _over_tcp(wire, server, vantage, world, deadline)
            except DialFailed as error:
                if error.outcome is not Outcome.REFUSED:
                    raise
                # Podman 4's nameserver is one that answers datagrams only; of those nothing is known here.
                raise CannotAsk(f"{server} takes no DNS over TCP, and {cannot.reason}") from error
        reply = _read(raw)
        if query.is_response(reply):
            return _whole(reply, query, server, vantage, world, deadline)
    raise TimeoutError


def _read(raw: bytes) -> Message:
    import dns.exception
    import dns.message

    try:
        return dns.message.from_wire(raw)
    except (dns.exception.DNSException, ValueError) as error:
        raise OSError("an answer that is no DNS message") from error


def _whole(reply: Message, query: Message, server: str, vantage: Vantage, world: World, deadline: float) -> Message:
    """What did not fit into a datagram is asked for over TCP, as resolver libraries do."""
    import dns.flags

    if not reply.flags & dns.flags.TC:
        return reply
    try:
        whole = _read(_over_tcp(query.to_wire(), server, vantage, world, deadline))
    except (DialFailed, CannotAsk, OSError):
        if reply.answer:
            return reply
        raise
    if not query.is_response(whole):
        raise OSError("an answer to another question")
    return whole


def _over_tcp(wire: bytes, server: str, vantage: Vantage, world: World, deadline: float) -> bytes:
    """DNS with its two-byte length, through ``dial``: for vantages without datagrams."""
    stream = vantage.dial(server, PORT, max(0.05, deadline - world.clock()))
    try:
        stream.send(len(wire).to_bytes(2, "big") + wire)
        raw = b""
        while len(raw) < 2 or len(raw) < 2 + int.from_bytes(raw[:2], "big"):
            left = deadline - world.clock()
            if left <= 0:
                raise TimeoutError
            more = stream.receive(4096, left)
            if not more:
                # The engine's resolver closes an unanswerable TCP query empty.
                raise OSError("the nameserver closed the connection without an answer")
            raw += more
        return raw[2 : 2 + int.from_bytes(raw[:2], "big")]
    finally:
        stream.close()


def _rcode(reply: Message) -> str:
    import dns.rcode

    return dns.rcode.to_text(reply.rcode())


def _addresses(reply: Message, kind: str) -> list[str]:
    import dns.rdataclass
    import dns.rdatatype

    wanted = (dns.rdataclass.IN, dns.rdatatype.from_text(kind))
    return [item.address for group in reply.answer if (group.rdclass, group.rdtype) == wanted for item in group]


PROBES.add("dns", DnsProbe(), home=__name__)
