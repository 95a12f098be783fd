"""A name that is not known, one nobody answers for, one nobody may answer for, and nobody to ask: four things."""

from __future__ import annotations

from collections.abc import Callable

import dns.message
import dns.rcode
import dns.rrset
import pytest

from netdoctor.exits import Exit
from netdoctor.model import Outcome
from netdoctor.vantage.fake import Datagram, FakeVantage
from netdoctor.vantage.interface import CannotAsk, DialFailed, ResolverConfig
from netdoctor.vantage.lookup import LookupFailed, ResolverRefused, ResolverSilent, ResolverUnread, look_up

ONE, OTHER = "127.0.0.11", "10.0.0.53"
HOSTS = (("10.1.1.1", ("pinned", "Pinned.lan")),)


def answering(rcode: dns.rcode.Rcode = dns.rcode.NOERROR, **records: str) -> Callable[[bytes], bytes]:
    """``A="10.0.0.1"``"""

    def answer(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        if rcode == dns.rcode.NOERROR and kind in records:
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, records[kind]))
        return reply.to_wire()

    return answer


NXDOMAIN = answering(dns.rcode.NXDOMAIN)
SERVFAIL, REFUSED = answering(dns.rcode.SERVFAIL), answering(dns.rcode.REFUSED)


def inside(*servers: Datagram, search: tuple[str, ...] = ()) -> FakeVantage:
    names = (ONE, OTHER)[: len(servers)]
    config = ResolverConfig(names, search=search, hosts=HOSTS)
    return FakeVantage(resolver=config, datagrams={(name, 53): each for name, each in zip(names, servers, strict=True)})


@pytest.mark.parametrize(
    ("vantage", "name", "found"),
    [
        (inside(), "pinned.LAN", "10.1.1.1"),
        (inside(answering(A="10.0.0.1")), "qdrant", "10.0.0.1"),
        (inside(answering(AAAA="fd00::1")), "qdrant", "fd00::1"),
        (inside(Outcome.TIMED_OUT, answering(A="10.0.0.1")), "qdrant", "10.0.0.1"),
        (inside(SERVFAIL, answering(A="10.0.0.1")), "qdrant", "10.0.0.1"),
        (inside(NXDOMAIN), "qdrant", None),
        (inside(), "qdrant", None),
        (inside(answering()), "qdrant", None),
        (inside(Outcome.TIMED_OUT, NXDOMAIN), "qdrant", None),
        (inside(SERVFAIL, NXDOMAIN, search=("lan",)), "qdrant", None),
        (inside(NXDOMAIN, Outcome.TIMED_OUT), "qdrant", None),
    ],
)
def test_what_somebody_answers_is_the_answer(vantage: FakeVantage, name: str, found: str | None) -> None:
    assert look_up(vantage, name) == found


@pytest.mark.parametrize(
    ("vantage", "kind", "words"),
    [
        (FakeVantage(), ResolverUnread, "its resolv.conf cannot be read: this fake knows no resolver configuration"),
        (inside(Outcome.TIMED_OUT), ResolverSilent, "no nameserver answers (127.0.0.11: timed out)"),
        (inside(Outcome.REFUSED), ResolverSilent, "no nameserver answers (127.0.0.11: refused)"),
        (inside(CannotAsk("no datagrams here")), ResolverSilent, "no nameserver answers (127.0.0.11: timed out)"),
        (inside(b"junk"), ResolverSilent, "no nameserver answers (127.0.0.11: not a DNS message)"),
        (inside(SERVFAIL), ResolverRefused, "the nameserver refuses to say (127.0.0.11: SERVFAIL)"),
        (inside(REFUSED), ResolverRefused, "the nameserver refuses to say (127.0.0.11: REFUSED)"),
        (inside(Outcome.TIMED_OUT, SERVFAIL), ResolverRefused, "the nameserver refuses to say (10.0.0.53: SERVFAIL)"),
        (
            inside(Outcome.TIMED_OUT, DialFailed(Outcome.NO_ROUTE)),
            ResolverSilent,
            "no nameserver answers (127.0.0.11: timed out, 10.0.0.53: no route)",
        ),
    ],
)
def test_what_nobody_answers_is_not_an_unknown_name(vantage: FakeVantage, kind: type, words: str) -> None:
    with pytest.raises(LookupFailed) as caught:
        look_up(vantage, "qdrant", who="app")
    assert type(caught.value) is kind
    assert caught.value.message == f"qdrant cannot be looked up from inside app: {words}."
    assert caught.value.status is Exit.UNKNOWN
    assert caught.value.hint


def test_the_three_have_hints_of_their_own() -> None:
    hints = set()
    for vantage in (FakeVantage(), inside(Outcome.TIMED_OUT), inside(SERVFAIL)):
        with pytest.raises(LookupFailed) as caught:
            look_up(vantage, "qdrant")
        assert "the container" in caught.value.message
        hints.add(caught.value.hint)
    assert len(hints) == 3


def test_who_is_silent_once_is_not_waited_for_again() -> None:
    vantage = inside(Outcome.TIMED_OUT, NXDOMAIN, search=("lan", "corp"))
    assert look_up(vantage, "qdrant") is None
    assert sum(call[1] == ONE for call in vantage.asked if call[0] == "datagram") == 1


def test_a_name_from_outside_stays_on_its_line() -> None:
    with pytest.raises(LookupFailed) as caught:
        look_up(FakeVantage(), "a\x1b[31m\nb", who="x\x1b[0m")
    assert "\x1b" not in caught.value.message
    assert "\n" not in caught.value.message
