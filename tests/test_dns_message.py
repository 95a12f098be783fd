"""A question and its answer as bytes, held against a whole DNS library."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.dns_message import question, reply

LABELS = st.text("abcXYZ019-_", min_size=1, max_size=63)
NAMES = (
    st.lists(LABELS, min_size=1, max_size=5).map(lambda labels: ".".join(labels) + ".").filter(lambda n: len(n) < 255)
)
RECORDS = st.lists(
    st.one_of(
        st.tuples(st.just("A"), st.ip_addresses(v=4).map(str)),
        st.tuples(st.just("AAAA"), st.ip_addresses(v=6).map(str)),
        st.tuples(st.just("CNAME"), NAMES),
        st.tuples(st.just("TXT"), st.text("abc ", max_size=40).map(lambda text: f'"{text}"')),
    ),
    max_size=8,
)


def answer_to(wire: bytes, records=(), *, rcode="NOERROR", more=()) -> dns.message.Message:
    made = dns.message.make_response(dns.message.from_wire(wire))
    made.set_rcode(dns.rcode.from_text(rcode))
    for section, told in ((made.answer, records), (made.additional, more)):
        section += [dns.rrset.from_text(made.question[0].name, 60, "IN", kind, data) for kind, data in told]
    return made


def addresses(message: dns.message.Message, kind: str) -> set[str]:
    """As the library reads them."""
    wanted = (dns.rdataclass.IN, dns.rdatatype.from_text(kind))
    return {item.address for group in message.answer if (group.rdclass, group.rdtype) == wanted for item in group}


@given(NAMES, st.sampled_from(["A", "AAAA"]))
def test_a_question_is_the_librarys(name, kind):
    asked = dns.message.from_wire(question(name, kind))
    assert asked.to_wire()[2:] == dns.message.make_query(name, kind).to_wire()[2:]


def test_each_question_has_a_number_of_its_own():
    assert len({question("qdrant.", "A")[:2] for _ in range(50)}) > 40


def test_a_name_of_other_letters_is_asked_for_as_others_do():
    assert question("bücher.example", "A")[2:] == dns.message.make_query("bücher.example.", "A").to_wire()[2:]


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".a", ".".join(["a" * 60] * 5), "\udcff", "ü" * 64])
def test_a_name_that_no_message_can_carry(name):
    with pytest.raises(ValueError, match=r".+"):
        question(name, "A")


@given(NAMES, st.sampled_from(["A", "AAAA"]), RECORDS, RECORDS)
def test_the_addresses_are_those_that_the_library_reads(name, kind, records, more):
    asked = question(name, kind)
    wire = answer_to(asked, records, more=more).to_wire()
    told = reply(wire, to=asked)
    assert told is not None
    assert set(told.addresses) == addresses(dns.message.from_wire(wire), kind)
    assert (told.rcode, told.truncated, bool(told.records)) == ("NOERROR", False, bool(records))


@given(st.integers(0, 15))
def test_every_code_has_the_librarys_name(code):
    asked = question("qdrant.", "A")
    wire = bytearray(answer_to(asked).to_wire())
    wire[3] = wire[3] & 0xF0 | code
    told = reply(bytes(wire), to=asked)
    assert told is not None
    assert told.rcode == dns.rcode.to_text(dns.rcode.Rcode(code))


@given(NAMES, st.randoms(use_true_random=False))
def test_the_letters_case_of_an_echo_does_not_matter(name, dice):
    asked = question(name, "A")
    other = "".join(dice.choice((letter.lower(), letter.upper())) for letter in name)
    echo = asked[:2] + question(other, "A")[2:]
    assert reply(answer_to(echo, [("A", "10.0.0.2")]).to_wire(), to=asked).addresses == ("10.0.0.2",)


def test_an_answer_to_another_question_is_none():
    asked = question("qdrant.", "A")
    other = asked[:2] + question("other.", "A")[2:]
    number = bytes([asked[0] ^ 1]) + asked[1:]
    status = answer_to(asked)
    status.set_opcode(dns.opcode.STATUS)
    for wire in (
        asked,
        answer_to(other).to_wire(),
        answer_to(number).to_wire(),
        answer_to(asked[:2] + question("qdrant.", "AAAA")[2:]).to_wire(),
        status.to_wire(),
        answer_to(asked).to_wire()[:4] + bytes(8),
    ):
        assert reply(wire, to=asked) is None


def test_a_nameserver_that_fails_may_leave_the_question_out():
    asked = question("qdrant.", "A")
    wire = answer_to(asked, rcode="SERVFAIL").to_wire()[:4] + bytes(8)
    assert reply(wire, to=asked).rcode == "SERVFAIL"


def test_what_did_not_fit_is_said():
    asked = question("qdrant.", "A")
    made = answer_to(asked, [("A", "10.0.0.2")])
    made.flags |= dns.flags.TC
    assert reply(made.to_wire(), to=asked).truncated


def broken(damage) -> tuple[bytes, bytes]:
    asked = question("qdrant.", "A")
    wire = bytearray(answer_to(asked, [("A", "10.0.0.2")]).to_wire())
    return asked, bytes(damage(wire))


@pytest.mark.parametrize(
    "damage",
    [
        lambda wire: b"",
        lambda wire: b"hello",
        lambda wire: wire[:-1],
        lambda wire: wire + b"!",
        lambda wire: wire[:-6] + b"\0\3" + wire[-4:-1],  # an address of three bytes
        lambda wire: wire[:24] + b"\xc0\x18" + wire[26:],  # a name that points at itself
        lambda wire: wire[:24] + b"\x80" + wire[25:],  # neither a length nor a pointer
        lambda wire: wire[:12] + b"\xc0\x0c" + wire[14:],  # a question that points at itself
        lambda wire: wire[:6] + b"\xff\xff" + wire[8:],  # more records than there are
    ],
)
def test_a_broken_message_is_refused(damage):
    asked, wire = broken(damage)
    with pytest.raises(ValueError, match=r".+"):
        reply(wire, to=asked)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4), RECORDS)
def test_a_damaged_answer_is_read_as_the_library_reads_it_or_not_at_all(changes, records):
    asked = question("qdrant.example.", "A")
    wire = bytearray(answer_to(asked, records).to_wire())
    for place, byte in changes:
        wire[place % len(wire)] = byte
    try:
        told = reply(bytes(wire), to=asked)
        theirs = dns.message.from_wire(bytes(wire))
    except (ValueError, dns.exception.DNSException):
        return
    if told is not None and dns.message.from_wire(asked).is_response(theirs):
        assert set(told.addresses) == addresses(theirs, "A")


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_are_refused(raw):
    try:
        reply(raw, to=question("qdrant.", "A"))
    except ValueError:
        return
