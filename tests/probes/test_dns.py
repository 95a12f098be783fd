"""A name, as the container itself would resolve it: literal, hosts file, its own nameservers with search and ndots."""

from __future__ import annotations

import os
import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import HOST, Outcome
from netdoctor.probes.dns import Dns, candidates
from netdoctor.probes.interface import PROBES, CannotAsk, World
from netdoctor.vantage.fake import FakeVantage, Peer
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import DialFailed, ResolverConfig

from .site import AT, NET, Clock, ask, topology

PROBE = PROBES.get("dns")
DOCKER = "127.0.0.11"


def nameserver(records=None, *, rcode="NXDOMAIN", heard=None):
    """Answers from ``records`` (full name, type) -> addresses; others get ``rcode``."""

    def answer(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        if heard is not None:
            heard.append((name, kind))
        reply = dns.message.make_response(query)
        found = (records or {}).get((name, kind), ())
        if found:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in records or {}):
            reply.set_rcode(dns.rcode.from_text(rcode))
        return reply.to_wire()

    return answer


def resolving(answer, *, config=None, servers=(DOCKER,)):
    return FakeVantage(
        resolver=config or ResolverConfig(servers, (), 0),
        datagrams={(server, 53): answer for server in servers},
    )


def test_an_address_is_no_name():
    for literal in ("10.0.0.2", "fd00::2"):
        vantage = FakeVantage()
        observation = ask(PROBE, Dns(AT, literal), vantage)
        assert (observation.outcome, observation.evidence.answers) == (Outcome.CONNECTED, (literal,))
        assert (observation.evidence.source, vantage.asked) == ("literal", [])


def test_the_hosts_file_comes_first_and_is_not_asked_further():
    config = ResolverConfig((DOCKER,), hosts=(("fd00::9", ("Qdrant",)), ("10.0.0.9", ("x", "qdrant"))))
    vantage = FakeVantage(resolver=config)
    observation = ask(PROBE, Dns(AT, "QDRANT."), vantage)
    assert observation.evidence.answers == ("10.0.0.9", "fd00::9")
    assert observation.evidence.source == "hosts"
    assert vantage.asked == [("resolver",)]


def test_a_name_with_both_families_ipv4_first():
    records = {("qdrant.", "A"): ["10.0.0.2", "10.0.0.3"], ("qdrant.", "AAAA"): ["fd00::2"]}
    observation = ask(PROBE, Dns(AT, "qdrant"), resolving(nameserver(records)))
    assert observation.outcome is Outcome.CONNECTED
    assert sorted(observation.evidence.answers[:2]) == ["10.0.0.2", "10.0.0.3"]
    assert observation.evidence.answers[2:] == ("fd00::2",)
    assert (observation.evidence.nameserver, observation.evidence.rcode) == (DOCKER, "NOERROR")


def test_no_such_name():
    observation = ask(PROBE, Dns(AT, "qdrant"), resolving(nameserver()))
    assert observation.outcome is Outcome.NAME_NOT_FOUND
    assert observation.evidence.rcode == "NXDOMAIN"


def test_a_name_without_an_address_is_not_found_either():
    observation = ask(PROBE, Dns(AT, "qdrant"), resolving(nameserver(rcode="NOERROR")))
    assert observation.outcome is Outcome.NAME_NOT_FOUND
    assert "without an address" in observation.evidence.detail


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_a_nameserver_that_fails_is_no_missing_name(rcode):
    observation = ask(PROBE, Dns(AT, "qdrant"), resolving(nameserver(rcode=rcode)))
    assert (observation.outcome, observation.evidence.rcode) == (Outcome.RESOLVER_FAILED, rcode)


@pytest.mark.parametrize("trouble", [Outcome.TIMED_OUT, Outcome.REFUSED, DialFailed(Outcome.NO_ROUTE, "no route")])
def test_a_nameserver_that_cannot_be_reached(trouble):
    observation = ask(PROBE, Dns(AT, "qdrant"), resolving(trouble), timeout=0.3)
    assert observation.outcome is Outcome.RESOLVER_FAILED
    assert DOCKER in observation.evidence.detail


def test_a_silent_nameserver_is_not_asked_for_ever_by_a_clock_that_stands():
    vantage = resolving(Outcome.TIMED_OUT)
    observation = ask(PROBE, Dns(AT, "qdrant"), vantage, timeout=4, clock=Clock())
    assert observation.outcome is Outcome.RESOLVER_FAILED
    assert 1 <= len([call for call in vantage.asked if call[0] == "datagram"]) <= 8


def test_a_nameserver_that_answers_something_else_is_not_flooded():
    other = dns.message.make_response(dns.message.make_query("other.", "A")).to_wire()
    vantage = resolving(other)
    observation = ask(PROBE, Dns(AT, "qdrant"), vantage, timeout=3)
    assert observation.outcome is Outcome.RESOLVER_FAILED
    assert len([call for call in vantage.asked if call[0] == "datagram"]) <= 8


def test_an_answer_that_is_no_dns_message():
    observation = ask(PROBE, Dns(AT, "qdrant"), resolving(b"hello"), timeout=0.3)
    assert observation.outcome is Outcome.RESOLVER_FAILED


def test_a_second_nameserver_gets_its_turn_when_the_first_is_silent():
    vantage = FakeVantage(
        resolver=ResolverConfig(("10.0.0.53", "10.0.0.54"), (), 0),
        datagrams={("10.0.0.54", 53): nameserver({("qdrant.", "A"): ["10.0.0.2"]})},
        patient=True,
    )
    observation = ask(PROBE, Dns(AT, "qdrant"), vantage, timeout=0.4)
    assert (observation.outcome, observation.evidence.nameserver) == (Outcome.CONNECTED, "10.0.0.54")


def test_where_no_nameserver_answers_the_first_is_named():
    vantage = FakeVantage(resolver=ResolverConfig(("10.0.0.53", "10.0.0.54"), (), 0), patient=True)
    observation = ask(PROBE, Dns(AT, "qdrant"), vantage, timeout=0.4)
    assert (observation.outcome, observation.evidence.nameserver) == (Outcome.RESOLVER_FAILED, "10.0.0.53")


def test_a_nameserver_that_says_no_is_believed():
    heard = []
    vantage = FakeVantage(
        resolver=ResolverConfig(("10.0.0.53", "10.0.0.54"), (), 0),
        datagrams={("10.0.0.53", 53): nameserver(), ("10.0.0.54", 53): nameserver(heard=heard)},
    )
    assert ask(PROBE, Dns(AT, "qdrant"), vantage).outcome is Outcome.NAME_NOT_FOUND
    assert heard == []


def test_no_nameserver_at_all():
    observation = ask(PROBE, Dns(AT, "qdrant"), FakeVantage(resolver=ResolverConfig(())))
    assert observation.outcome is Outcome.RESOLVER_FAILED
    assert "resolv.conf" in observation.evidence.detail


@pytest.mark.parametrize(
    ("name", "search", "ndots", "tried"),
    [
        ("qdrant", (), 0, ("qdrant.",)),
        ("qdrant", ("lan",), 0, ("qdrant.", "qdrant.lan.")),
        ("qdrant", ("lan", "corp."), 1, ("qdrant.lan.", "qdrant.corp.", "qdrant.")),
        ("a.b", ("lan",), 1, ("a.b.", "a.b.lan.")),
        ("a.b", ("lan",), 2, ("a.b.lan.", "a.b.")),
        ("qdrant.", ("lan",), 1, ("qdrant.",)),
        ("qdrant", (".", ""), 1, ("qdrant.",)),
    ],
)
def test_search_and_ndots_are_the_containers(name, search, ndots, tried):
    config = ResolverConfig((DOCKER,), search, ndots)
    assert candidates(name, config) == tried
    heard = []
    observation = ask(PROBE, Dns(AT, name), resolving(nameserver(heard=heard), config=config))
    assert tuple(dict.fromkeys(each for each, _ in heard)) == tried
    assert observation.evidence.asked == tried


def test_a_name_that_resolves_through_the_search_list():
    config = ResolverConfig((DOCKER,), ("lan",), 1)
    vantage = resolving(nameserver({("qdrant.lan.", "A"): ["10.0.0.2"]}), config=config)
    assert ask(PROBE, Dns(AT, "qdrant"), vantage).evidence.answers == ("10.0.0.2",)


def test_without_datagrams_the_question_goes_over_tcp():
    inner = nameserver({("qdrant.", "A"): ["10.0.0.2"]})

    def over_tcp(data: bytes) -> bytes | None:
        if len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
            return None
        said = inner(data[2:])
        return len(said).to_bytes(2, "big") + said

    vantage = FakeVantage(
        resolver=ResolverConfig((DOCKER,), (), 0),
        datagrams={(DOCKER, 53): CannotAsk("streams only")},
        dials={(DOCKER, 53): Peer(answer=over_tcp)},
    )
    observation = ask(PROBE, Dns(AT, "qdrant"), vantage)
    assert observation.evidence.answers == ("10.0.0.2",)
    assert all(stream.closed for stream in vantage.streams)


def test_a_nameserver_that_takes_datagrams_only_is_not_known_to_be_broken():
    """Podman's; an exec without datagrams learns nothing of it."""
    vantage = FakeVantage(
        resolver=ResolverConfig((DOCKER,), (), 0),
        datagrams={(DOCKER, 53): CannotAsk("streams only")},
        dials={(DOCKER, 53): DialFailed(Outcome.REFUSED, "Connection refused", errno=111, seconds=0.0)},
    )
    with pytest.raises(CannotAsk, match="no DNS over TCP"):
        ask(PROBE, Dns(AT, "qdrant"), vantage)


@pytest.mark.parametrize("peer", [Peer(hangs_up=True), Peer(answer=lambda _: b"\x00\x10abc", hangs_up=True), Peer()])
def test_dns_over_tcp_that_breaks_off_or_stays_silent(peer):
    vantage = FakeVantage(
        resolver=ResolverConfig((DOCKER,), (), 0),
        datagrams={(DOCKER, 53): CannotAsk("streams only")},
        dials={(DOCKER, 53): peer},
    )
    observation = ask(PROBE, Dns(AT, "qdrant"), vantage, timeout=0.2)
    assert observation.outcome is Outcome.RESOLVER_FAILED
    assert all(stream.closed for stream in vantage.streams)


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".".join(["a" * 60] * 5), ".", "\udcff", "xn--\x00"])
def test_a_name_that_dns_cannot_carry_is_not_asked(name):
    try:
        observation = ask(PROBE, Dns(AT, name), resolving(nameserver()))
    except CannotAsk as error:
        assert "no name that DNS can carry" in error.reason
    else:
        assert not observation.good


def test_a_vantage_that_does_not_know_the_resolver_cannot_ask():
    with pytest.raises(CannotAsk):
        ask(PROBE, Dns(AT, "qdrant"), FakeVantage())


@given(st.text(max_size=80))
def test_any_name_is_answered_or_refused(name):
    try:
        observation = ask(PROBE, Dns(AT, name), resolving(nameserver()), timeout=0.2)
    except CannotAsk:
        return
    assert observation.known


@given(st.binary(max_size=120))
def test_any_bytes_of_a_nameserver_are_some_outcome(raw):
    assert ask(PROBE, Dns(AT, "qdrant"), resolving(raw), timeout=0.2).known


# --- a real nameserver on loopback ------------------------------------------------------------------------------------


class Here(HostVantage):
    """This machine, with a resolver configuration of the test's own."""

    def __init__(self, *servers: str) -> None:
        super().__init__()
        self._config = ResolverConfig(servers, (), 0)

    def resolver(self) -> ResolverConfig:
        return self._config


@pytest.fixture
def port_53():
    """A UDP socket on port 53 of a loopback address that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind(("127.53.53.53", 53))
        except OSError as error:
            pytest.skip(f"port 53 of loopback is not ours: {error.strerror}")
        server.settimeout(5)
        yield server


@pytest.mark.skipif(os.geteuid() != 0, reason="port 53 needs root")
@pytest.mark.parametrize("lost", [0, 1])
def test_a_real_nameserver_answers_even_when_a_datagram_is_lost(port_53, lost):
    answer = nameserver({("qdrant.", "A"): ["10.0.0.2"]})

    def serve() -> None:
        for turn in range(lost + 2):
            wire, peer = port_53.recvfrom(4096)
            if turn >= lost:
                port_53.sendto(answer(wire), peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    world = World(topology(NET), lambda _: Here("127.53.53.53"), 4.0, time.monotonic)
    observation = PROBE.ask(Dns(HOST, "qdrant"), world)
    assert observation.evidence.answers == ("10.0.0.2",)
    thread.join(5)


@pytest.mark.skipif(os.geteuid() != 0, reason="port 53 needs root")
def test_a_real_silent_nameserver_takes_no_longer_than_it_may(port_53):
    world = World(topology(NET), lambda _: Here("127.53.53.53"), 0.5, time.monotonic)
    began = time.monotonic()
    observation = PROBE.ask(Dns(HOST, "qdrant"), world)
    assert observation.outcome is Outcome.RESOLVER_FAILED
    assert "gave no answer" in observation.evidence.detail
    assert time.monotonic() - began < 1.5
    began = time.monotonic()
    PROBE.ask(Dns(HOST, "qdrant", brief=True), world)
    assert time.monotonic() - began < 1
