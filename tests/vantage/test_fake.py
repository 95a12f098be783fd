"""The fake keeps the same contract, as far as data can: what is scripted is what is seen."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest

from netdoctor.model import HOST, Outcome, Ref
from netdoctor.vantage.fake import FakeVantage, FakeVantages, Peer
from netdoctor.vantage.interface import CannotAsk, DialFailed, ListeningSocket, ResolverConfig, Route

from . import peer
from .contract import CHECKS, Stand, close_may_be_called_twice_and_ends_everything

PEER, SILENT, FREE = "10.9.0.2", "10.9.1.2", "10.9.0.200"


def _nameserver(query: bytes) -> bytes:
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked)
    answer.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", PEER))
    return answer.to_wire()


def _nameserver_stream(query: bytes) -> bytes | None:
    size = int.from_bytes(query[:2], "big")
    if len(query) < 2 + size:
        return None
    answer = _nameserver(query[2:])
    return len(answer).to_bytes(2, "big") + answer


def _tail(everything: bytes) -> bytes:
    import hashlib

    return b"%d %s" % (len(everything), hashlib.sha256(everything).hexdigest().encode())


def _count(data: bytes) -> bytes | None:
    head, _, body = data.partition(b"\n")
    return _tail(body) + b"\n" if len(body) >= int(head) else None


@pytest.fixture
def stand() -> Stand:
    vantage = FakeVantage(
        dials={
            (PEER, peer.ECHO): Peer(answer=lambda data: data),
            (PEER, peer.SILENT): Peer(),
            (PEER, peer.RUDE): Peer(resets=True),
            (PEER, peer.TAIL): Peer(at_end=_tail),
            (PEER, peer.COUNT): Peer(answer=_count),
            (PEER, peer.POUR): Peer(answer=lambda data: peer.pattern(int(data)), hangs_up=True),
            (PEER, peer.CLOSED): DialFailed(Outcome.REFUSED, errno=111),
            ("127.0.0.11", 53): Peer(answer=_nameserver_stream),
        },
        datagrams={
            ("127.0.0.11", 53): _nameserver,
            (PEER, peer.UDP_ECHO): lambda data: data,
            (PEER, peer.CLOSED): Outcome.REFUSED,
        },
        pings={PEER: True},
        resolver=ResolverConfig(("127.0.0.11",), ndots=0, hosts=(("127.0.0.1", ("localhost",)), ("10.9.0.3", ("me",)))),
        listeners=[ListeningSocket("0.0.0.0", 8080, 4)],
        routes=[Route("0.0.0.0/0", "10.9.0.1", "eth0")],
        addresses=["127.0.0.1", "10.9.0.3"],
        mtus=[("lo", "127.0.0.1", 65536), ("eth0", "10.9.0.3", 1500)],
        patient=True,
    )
    return Stand(vantage, PEER, SILENT, FREE, "peer", ("10.9.0.3",), (8080,))


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_contract(stand: Stand, name: str) -> None:
    CHECKS[name](stand)


def test_close(stand: Stand) -> None:
    close_may_be_called_twice_and_ends_everything(stand)


def test_what_nobody_wrote_down_is_a_dropped_packet_or_cannot_be_asked() -> None:
    vantage = FakeVantage()
    with pytest.raises(DialFailed) as failed:
        vantage.dial("10.0.0.1", 1, 4.0)
    assert (failed.value.outcome, failed.value.seconds) == (Outcome.TIMED_OUT, 4.0)
    assert vantage.ping("10.0.0.1", 1.0).received == 0
    for ask in (vantage.resolver, vantage.listeners, vantage.routes, vantage.addresses, vantage.neighbours):
        with pytest.raises(CannotAsk):
            ask()
    assert vantage.asked[:2] == [("dial", "10.0.0.1", 1), ("ping", "10.0.0.1")]


def test_a_set_of_fakes_stands_in_for_the_chooser() -> None:
    here, there = FakeVantage(), Ref("container", "b" * 64)
    refusal = CannotAsk("b is not running (exited)")
    with FakeVantages({HOST: here, there: refusal}, changed={there: "b was restarted"}) as vantages:
        assert vantages.at(HOST) is here
        with pytest.raises(CannotAsk, match="not running"):
            vantages.at(there.at("environment", "URL"))
        assert vantages.changed(there) == "b was restarted"
        assert vantages.changed(HOST) is None
    assert here.closed
