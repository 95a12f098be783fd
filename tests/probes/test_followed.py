"""Following an address that a server named: resolve it as the container would, dial it, say in one word what came."""

from __future__ import annotations

import time

import dns.message
import dns.rrset
import pytest

from netdoctor.model import HOST, Fact, Layer, Outcome, Topology
from netdoctor.probes.followed import PATIENCE, Followed, FollowedProbe, is_loopback, spelled
from netdoctor.probes.interface import World
from netdoctor.vantage.fake import FakeVantage, Peer
from netdoctor.vantage.interface import CannotAsk, ResolverConfig

NOTHING = Topology(frozenset({Fact.RUNTIME}), (), ())
PROBE = FollowedProbe()


def resolves(**names):
    """A nameserver that knows these and answers NXDOMAIN to the rest."""

    def answer(raw: bytes) -> bytes:
        query = dns.message.from_wire(raw)
        reply = dns.message.make_response(query)
        asked = query.question[0]
        name = str(asked.name).rstrip(".")
        if name not in names:
            reply.set_rcode(3)
        elif asked.rdtype == 1:
            reply.answer.append(dns.rrset.from_text(asked.name, 1, "IN", "A", *names[name]))
        return reply.to_wire()

    return answer


def follow(host: str, port: int, *, dials=None, names=None, timeout: float = 4.0, **vantage):
    given = {("127.0.0.11", 53): resolves(**names) if isinstance(names, dict) else names or Outcome.TIMED_OUT}
    stood = FakeVantage(dials=dials or {}, datagrams=given, resolver=ResolverConfig(("127.0.0.11",)), **vantage)
    world = World(NOTHING, lambda ref: stood, timeout, time.monotonic)
    return PROBE.ask(Followed(HOST, host, port), world), stood


def test_a_name_that_leads_somewhere_is_dialled_there():
    found, stood = follow("kafka", 9092, dials={("10.0.0.2", 9092): Peer()}, names={"kafka": ["10.0.0.2"]})
    assert found.outcome is Outcome.CONNECTED
    assert (found.evidence.answers, found.evidence.tried) == (("10.0.0.2",), (("10.0.0.2", "connected"),))
    assert all(stream.closed for stream in stood.streams)


def test_a_name_that_nobody_knows_is_not_dialled():
    found, stood = follow("gone", 9092, names={})
    assert found.outcome is Outcome.NAME_NOT_FOUND
    assert not [call for call in stood.asked if call[0] == "dial"]


def test_a_silent_nameserver_proves_nothing_about_the_name():
    assert follow("kafka", 9092)[0].outcome is Outcome.RESOLVER_FAILED


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.TIMED_OUT, Outcome.NO_ROUTE])
def test_an_address_is_dialled_as_it_is(outcome):
    found, stood = follow("10.9.0.3", 6379, dials={("10.9.0.3", 6379): outcome})
    assert found.outcome is outcome
    assert stood.asked == [("dial", "10.9.0.3", 6379)]


def test_localhost_is_asked_of_nobody_and_tried_in_both_families():
    refused = {("127.0.0.1", 9092): Outcome.REFUSED, ("::1", 9092): Outcome.NO_ROUTE}
    found, stood = follow("localhost", 9092, dials=refused)
    assert found.outcome is Outcome.REFUSED
    assert stood.asked == [("dial", "127.0.0.1", 9092), ("dial", "::1", 9092)]


def test_one_address_that_takes_it_is_enough():
    dials = {("10.0.0.2", 1): Outcome.REFUSED, ("10.0.0.3", 1): Peer()}
    found, _ = follow("kafka", 1, dials=dials, names={"kafka": ["10.0.0.2", "10.0.0.3"]})
    assert found.outcome is Outcome.CONNECTED


def test_silence_takes_little_time_whatever_the_run_allows():
    began = time.monotonic()
    found, _ = follow("k", 1, names={"k": [f"10.0.0.{n}" for n in range(2, 12)]}, timeout=60.0, patient=True)
    assert found.outcome is Outcome.TIMED_OUT
    assert len(found.evidence.tried) == 4
    assert time.monotonic() - began < PATIENCE * 5


def test_what_this_vantage_cannot_ask_is_no_answer():
    with pytest.raises(CannotAsk):
        follow("10.0.0.2", 1, dials={("10.0.0.2", 1): CannotAsk("no")})


def test_it_is_told_in_words():
    found, _ = follow("fd00::2", 1, dials={("fd00::2", 1): Outcome.NO_ROUTE})
    question = Followed(HOST, "fd00::2", 1)
    assert PROBE.layer is Layer.TCP
    assert PROBE.label(question, NOTHING) == "follow [fd00::2]:1"
    assert PROBE.describe(question, found) == "fd00::2 no route"
    assert spelled("kafka", 1) == "kafka:1"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_whoever_is_sent_to_loopback_is_sent_to_itself(host):
    assert is_loopback(host)
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost.example")
