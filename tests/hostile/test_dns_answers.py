"""A nameserver that answers with an attack: in time, one outcome, nothing made up, no control characters."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset
import pytest

from netdoctor.model import Outcome, Ref, Topology
from netdoctor.probes import dns as probe
from netdoctor.probes.interface import World
from netdoctor.vantage import lookup
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import CannotAsk, ResolverConfig

from .attack import raw

NAME = "qdrant.example."
Answer = Callable[[dns.message.Message], bytes]


@contextmanager
def nameserver(udp: Answer, tcp: Answer | None = None, drip: float = 0.0) -> Iterator[int]:
    """On one port of 127.0.0.1, datagrams and streams. ``drip``: seconds between two bytes of a stream."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        port = stream.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
        stream.settimeout(0.1)
        datagrams.settimeout(0.1)

        def answer_datagrams() -> None:
            while not ended.is_set():
                try:
                    asked, who = datagrams.recvfrom(4096)
                    datagrams.sendto(udp(dns.message.from_wire(asked)), who)
                except OSError:
                    continue

        def answer_streams() -> None:
            while not ended.is_set():
                try:
                    one, _ = stream.accept()
                except OSError:
                    continue
                with one:
                    one.settimeout(2)
                    try:
                        told = (tcp or udp)(dns.message.from_wire(one.recv(4096)[2:]))
                        for byte in struct.pack("!H", len(told)) + told if drip else b"":
                            one.sendall(bytes([byte]))
                            if ended.wait(drip):
                                return
                        if not drip:
                            one.sendall(struct.pack("!H", len(told)) + told)
                    except OSError:
                        continue

        threads = [threading.Thread(target=each) for each in (answer_datagrams, answer_streams)]
        for each in threads:
            each.start()
        try:
            yield port
        finally:
            ended.set()
            for each in threads:
                each.join(5)


class Here(HostVantage):
    """This machine, with another nameserver; ``datagrams`` False: as vantages that have streams only."""

    def __init__(self, datagrams: bool = True) -> None:
        super().__init__()
        self._datagrams = datagrams

    def resolver(self) -> ResolverConfig:
        return ResolverConfig(nameservers=("127.0.0.1",), search=(), ndots=0, hosts=())

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        if not self._datagrams:
            raise CannotAsk("it has streams only")
        return super().datagram(address, port, payload, timeout)


def reply(asked: dns.message.Message, *answers: str, kind: str = "A", where: str = "IN") -> dns.message.Message:
    made = dns.message.make_response(asked)
    if answers:
        made.answer.append(dns.rrset.from_text(asked.question[0].name, 1, where, kind, *answers))
    return made


def good(asked: dns.message.Message) -> bytes:
    kind = asked.question[0].rdtype
    return (reply(asked, "127.0.0.9") if kind == 1 else reply(asked)).to_wire()


def loops(asked: dns.message.Message) -> bytes:
    """A name that is a pointer to itself, and one that points at the next, which points back."""
    head = reply(asked).to_wire()
    return head[:6] + struct.pack("!H", 2) + head[8:] + struct.pack("!HHHIHH", 0xC000 | len(head), 1, 1, 1, 2, 0xC000)


def cut(asked: dns.message.Message) -> bytes:
    made = reply(asked)
    made.flags |= dns.flags.TC
    return made.to_wire()


def chaos(asked: dns.message.Message) -> bytes:
    return reply(asked, f"{NAME} 7", where="CH").to_wire() if asked.question[0].rdtype == 1 else reply(asked).to_wire()


def steering(asked: dns.message.Message) -> bytes:
    told = r"\027[31m\226\128\174.example."
    return reply(asked, told, kind="CNAME").to_wire()


def crowd(asked: dns.message.Message) -> bytes:
    return reply(asked, *(f"10.9.{n // 250}.{n % 250}" for n in range(3000))).to_wire(max_size=65535)


def other_id(asked: dns.message.Message) -> bytes:
    wire = bytearray(good(asked))
    wire[0] ^= 0xFF
    return bytes(wire)


def other_name(asked: dns.message.Message) -> bytes:
    made = dns.message.make_response(dns.message.make_query("else.example.", "A", id=asked.id))
    made.answer.append(dns.rrset.from_text("else.example.", 1, "IN", "A", "127.0.0.9"))
    return made.to_wire()


ATTACKS: dict[str, Answer] = {
    "junk": lambda _: b"\x1b[31m\0\xff" * 50,
    "empty": lambda _: b"",
    "head": lambda asked: good(asked)[:12],
    "half": lambda asked: good(asked)[:-3],
    "counts": lambda asked: good(asked)[:4] + b"\xff" * 8 + good(asked)[12:],
    "loops": loops,
    "pointers": lambda asked: good(asked)[:12] + b"\xc0\x0c" * 500,
    "other id": other_id,
    "other name": other_name,
    "question": lambda asked: asked.to_wire(),
    "chaos": chaos,
    "steering": steering,
    "refused": lambda asked: dns.message.make_response(asked).to_wire()[:3] + b"\x85" + good(asked)[4:],
    "tail": lambda asked: good(asked) + b"A" * 60_000,
}


def ask(port: int, monkeypatch: pytest.MonkeyPatch, vantage: Here, timeout: float = 1.0):
    monkeypatch.setattr(probe, "PORT", port)
    monkeypatch.setattr(lookup, "_PORT", port)
    monkeypatch.setattr(lookup, "_TIMEOUT", timeout)
    world = World(Topology(frozenset(), (), ()), lambda _: vantage, timeout, time.monotonic)
    question = probe.Dns(Ref("host", "host"), NAME)
    began = time.monotonic()
    found = probe.DnsProbe().ask(question, world)
    try:
        looked = lookup.look_up(vantage, NAME)
    except lookup.LookupFailed as failed:
        assert raw(failed.message) == []
        looked = None
    assert time.monotonic() - began < 15
    assert raw(probe.DnsProbe().describe(question, found)) == []
    assert all(isinstance(each, str) for each in found.evidence.answers)
    return found, looked


@pytest.mark.parametrize("how", ["datagrams", "streams"])
@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_no_attack_is_an_address(monkeypatch, attack, how):
    with nameserver(ATTACKS[attack]) as port:
        found, looked = ask(port, monkeypatch, Here(how == "datagrams"), 0.5)
    assert found.outcome in (Outcome.RESOLVER_FAILED, Outcome.NAME_NOT_FOUND), found
    assert found.evidence.answers == ()
    assert looked is None


def test_a_crowd_of_addresses_is_not_dialled(monkeypatch):
    with nameserver(crowd) as port:
        found, _ = ask(port, monkeypatch, Here(datagrams=False))
    assert found.outcome is Outcome.RESOLVER_FAILED
    assert "3000 addresses" in found.evidence.detail
    assert len(found.evidence.detail) < 200


def test_what_does_not_fit_into_a_datagram_is_asked_for_over_a_stream(monkeypatch):
    with nameserver(cut, good) as port:
        found, looked = ask(port, monkeypatch, Here())
    assert (found.outcome, found.evidence.answers, looked) == (Outcome.CONNECTED, ("127.0.0.9",), "127.0.0.9")


def test_what_stays_cut_is_no_proof_that_there_is_no_such_name(monkeypatch):
    with nameserver(cut, lambda _: b"junk") as port:
        found, looked = ask(port, monkeypatch, Here())
    assert (found.outcome, looked) == (Outcome.RESOLVER_FAILED, None)


def test_an_answer_that_comes_byte_by_byte_is_not_waited_for_with_each(monkeypatch):
    with nameserver(good, drip=0.3) as port:
        found, looked = ask(port, monkeypatch, Here(datagrams=False), 0.5)
    assert (found.outcome, looked) == (Outcome.RESOLVER_FAILED, None)
