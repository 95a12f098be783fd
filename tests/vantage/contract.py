"""The contract of a vantage: one suite, run against every kind, for every kind of target, as root and as a member.

Plain functions over a :class:`Stand`, so that a process with fewer rights can run them without pytest. ``cannot``
names what a kind may refuse; there the contract is that it says so with a reason, and guesses nothing.
"""

from __future__ import annotations

import errno
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from netdoctor.model import Outcome
from netdoctor.vantage.interface import CannotAsk, DialFailed, Stream, Vantage

from . import peer

MEGABYTE = 1 << 20
EMBEDDED = "127.0.0.11"
"""Docker's own nameserver, in each container."""


@dataclass(frozen=True)
class Stand:
    """A vantage and what is known about where it stands; None: not true of this place, so not asked."""

    vantage: Vantage
    peer: str
    """Address of a container that runs peer.py."""
    silent: str | None
    """An address whose packets are dropped."""
    free: str | None
    """An address of the own network that nobody has."""
    peer_name: str | None
    """A name of the peer that ``nameserver`` knows."""
    own: tuple[str, ...]
    listens_on: tuple[int, ...]
    cannot: frozenset[str] = field(default_factory=frozenset)
    streams: int = 40
    """How many at once are asked of it."""
    nameserver: str = EMBEDDED
    """Podman has one at each network's gateway instead."""


Check = Callable[[Stand], None]
"""Raises AssertionError where the contract is broken."""
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


@contextmanager
def dialled(stand: Stand, port: int, timeout: float = 5.0) -> Iterator[Stream]:
    stream = stand.vantage.dial(stand.peer, port, timeout)
    try:
        yield stream
    finally:
        stream.close()


def exactly(stream: Stream, size: int, timeout: float = 20.0) -> bytes:
    found = bytearray()
    while len(found) < size:
        data = stream.receive(min(65536, size - len(found)), timeout)
        assert data, f"the stream ended after {len(found)} of {size} bytes"
        found += data
    return bytes(found)


def to_the_end(stream: Stream, timeout: float = 20.0) -> bytes:
    found = bytearray()
    while data := stream.receive(65536, timeout):
        found += data
    return bytes(found)


def refuses(call: Callable[[], object]) -> None:
    """The honest refusal: CannotAsk with a sentence."""
    try:
        answer = call()
    except CannotAsk as refusal:
        assert len(refusal.reason) > 10, refusal.reason
    else:
        raise AssertionError(f"answered {answer!r} where it cannot know")


def fails(stand: Stand, address: str, port: int, timeout: float) -> DialFailed:
    try:
        stand.vantage.dial(address, port, timeout).close()
    except DialFailed as failure:
        return failure
    raise AssertionError(f"{address}:{port} was said to be connected")


@check
def an_open_port_connects_and_carries_bytes_both_ways(stand: Stand) -> None:
    with dialled(stand, peer.ECHO) as stream:
        for message in (b"hello", b"\x00\xff" * 500, b"x"):
            stream.send(message)
            assert exactly(stream, len(message)) == message


@check
def a_silent_open_port_is_connected_not_timed_out(stand: Stand) -> None:
    with dialled(stand, peer.SILENT) as stream:
        began = time.monotonic()
        try:
            stream.receive(1, 0.3)
        except TimeoutError:
            assert 0.2 < time.monotonic() - began < 3
        else:
            raise AssertionError("a peer that says nothing was heard")


@check
def a_closed_port_is_refused_at_once_with_its_errno(stand: Stand) -> None:
    failure = fails(stand, stand.peer, peer.CLOSED, 5.0)
    assert failure.outcome is Outcome.REFUSED
    assert failure.errno == errno.ECONNREFUSED
    assert failure.seconds < 4, "that long is a timeout, not a refusal"


@check
def dropped_packets_are_timed_out_after_the_time_that_was_given(stand: Stand) -> None:
    if stand.silent is None:
        return
    began = time.monotonic()
    failure = fails(stand, stand.silent, peer.ECHO, 1.0)
    assert failure.outcome is Outcome.TIMED_OUT, failure
    assert 0.9 < time.monotonic() - began < 4, time.monotonic() - began


@check
def a_half_closed_stream_still_brings_the_answer(stand: Stand) -> None:
    """The peer reads our end, and only then answers."""
    with dialled(stand, peer.TAIL) as stream:
        if "half-close" in stand.cannot:
            refuses(stream.close_write)
            return
        stream.send(b"abc")
        stream.close_write()
        assert to_the_end(stream) == b"3 " + hashlib.sha256(b"abc").hexdigest().encode()


@check
def megabytes_arrive_whole_in_both_directions(stand: Stand) -> None:
    size = 3 * MEGABYTE
    sent = peer.pattern(size)
    with dialled(stand, peer.COUNT) as stream:
        stream.send(b"%d\n" % size + sent)
        wanted = b"%d %s\n" % (size, hashlib.sha256(sent).hexdigest().encode())
        assert exactly(stream, len(wanted)) == wanted
    with dialled(stand, peer.POUR) as stream:
        stream.send(b"%d\n" % size)
        assert to_the_end(stream) == sent


@check
def both_directions_flow_at_the_same_time(stand: Stand) -> None:
    """Neither side may wait for the other to stop: the echo of 2 MB comes while it is still being sent."""
    sent = peer.pattern(2 * MEGABYTE)
    with dialled(stand, peer.ECHO) as stream, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(stream.send, sent)
        assert exactly(stream, len(sent)) == sent
        sending.result(timeout=20)


@check
def many_streams_at_once_keep_their_bytes_apart(stand: Stand) -> None:
    def one(number: int) -> None:
        message = f"stream {number} ".encode() * 1000
        with dialled(stand, peer.ECHO, 20.0) as stream:
            stream.send(message)
            assert exactly(stream, len(message)) == message

    with ThreadPoolExecutor(stand.streams) as pool:
        for done in [pool.submit(one, number) for number in range(stand.streams)]:
            done.result(timeout=60)


@check
def a_stream_that_nobody_reads_does_not_stall_the_others(stand: Stand) -> None:
    with dialled(stand, peer.POUR) as unread:
        unread.send(b"%d\n" % (8 * MEGABYTE))
        with dialled(stand, peer.ECHO) as stream:
            stream.send(b"still there?")
            assert exactly(stream, 12, 5.0) == b"still there?"
        assert exactly(unread, 8 * MEGABYTE) == peer.pattern(8 * MEGABYTE)


@check
def a_reset_is_an_error_and_not_an_orderly_end(stand: Stand) -> None:
    with dialled(stand, peer.RUDE) as stream:
        stream.send(b"!")
        if "reset" in stand.cannot:
            return
        try:
            got = stream.receive(1, 5.0)
        except ConnectionResetError:
            return
        raise AssertionError(f"a reset looked like {got!r}")


@check
def the_nameserver_answers_a_datagram(stand: Stand) -> None:
    import dns.message
    import dns.rdatatype

    if stand.peer_name is None:
        return
    query = dns.message.make_query(f"{stand.peer_name}.", dns.rdatatype.A)
    if "datagram" in stand.cannot:
        refuses(lambda: stand.vantage.datagram(stand.nameserver, 53, query.to_wire(), 3.0))
        return
    answer = dns.message.from_wire(stand.vantage.datagram(stand.nameserver, 53, query.to_wire(), 3.0))
    assert answer.id == query.id
    assert [record.address for record in answer.answer[0]] == [stand.peer]


@check
def the_nameserver_answers_over_a_stream(stand: Stand) -> None:
    """What is left where no datagram can be sent."""
    import dns.message
    import dns.rdatatype

    if stand.peer_name is None or stand.nameserver != EMBEDDED:
        return  # Podman 4's nameserver listens on UDP only
    query = dns.message.make_query(f"{stand.peer_name}.", dns.rdatatype.A)
    wire = query.to_wire()
    stream = stand.vantage.dial(stand.nameserver, 53, 5.0)
    try:
        stream.send(len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(exactly(stream, 2), "big")
        answer = dns.message.from_wire(exactly(stream, size))
    finally:
        stream.close()
    assert [record.address for record in answer.answer[0]] == [stand.peer]


@check
def a_datagram_to_a_closed_port_is_refused_and_a_lost_one_times_out(stand: Stand) -> None:
    if "datagram" in stand.cannot:
        refuses(lambda: stand.vantage.datagram(stand.peer, peer.UDP_ECHO, b"?", 2.0))
        return
    assert stand.vantage.datagram(stand.peer, peer.UDP_ECHO, b"\x00ping\n\n", 3.0) == b"\x00ping\n\n"
    for address, wanted in ((stand.peer, Outcome.REFUSED), (stand.silent, Outcome.TIMED_OUT)):
        if address is None:
            continue
        try:
            stand.vantage.datagram(address, peer.CLOSED, b"?", 1.0)
        except DialFailed as failure:
            assert failure.outcome is wanted, (address, failure)
        else:
            raise AssertionError(f"{address} answered")


@check
def an_echo_comes_back_or_is_lost(stand: Stand) -> None:
    if "ping" in stand.cannot:
        refuses(lambda: stand.vantage.ping(stand.peer, 2.0))
        return
    reply = stand.vantage.ping(stand.peer, 3.0)
    assert (reply.sent, reply.received) == (1, 1), reply
    assert reply.seconds is not None
    assert 0 < reply.seconds < 3
    for address in (stand.silent, stand.free):
        if address is not None:
            lost = stand.vantage.ping(address, 1.0)
            assert (lost.sent, lost.received, lost.seconds) == (1, 0, None), lost
            assert lost.detail


@check
def the_resolver_is_the_containers_own(stand: Stand) -> None:
    config = stand.vantage.resolver()
    if stand.peer_name is not None:
        assert stand.nameserver in config.nameservers
        if stand.nameserver == EMBEDDED:
            assert config.nameservers == (EMBEDDED,)
            assert config.ndots == 0
    addresses = {address for address, _ in config.hosts}
    assert "127.0.0.1" in addresses
    assert addresses & set(stand.own)


@check
def listeners_are_listed_without_dockers_own(stand: Stand) -> None:
    if "tables" in stand.cannot:
        refuses(stand.vantage.listeners)
        return
    found = stand.vantage.listeners()
    assert set(stand.listens_on) <= {each.port for each in found}, found
    assert not [each for each in found if each.address == EMBEDDED]


@check
def routes_and_addresses_are_that_namespaces(stand: Stand) -> None:
    if "tables" in stand.cannot:
        refuses(stand.vantage.routes)
        return
    assert "0.0.0.0/0" in {route.destination for route in stand.vantage.routes() if route.gateway}
    addresses = stand.vantage.addresses()
    assert "127.0.0.1" in addresses
    assert set(stand.own) <= set(addresses), addresses


@check
def the_size_of_packets_is_told_for_every_interface(stand: Stand) -> None:
    told = {name: size for name, _, size in stand.vantage.mtus()}
    assert told["lo"] == 65536
    if "tables" not in stand.cannot:
        assert {route.interface for route in stand.vantage.routes()} <= set(told)
    assert all(size >= 576 for size in told.values())


@check
def a_waiting_reader_is_woken_by_close(stand: Stand) -> None:
    with dialled(stand, peer.SILENT) as stream:
        ended = threading.Event()

        def read() -> None:
            try:
                stream.receive(1, 30.0)
            except OSError:
                pass
            finally:
                ended.set()

        threading.Thread(target=read, daemon=True).start()
        time.sleep(0.1)
        stream.close()
        assert ended.wait(5), "a reader still waits on a closed stream"
        stream.close()


def close_may_be_called_twice_and_ends_everything(stand: Stand) -> None:
    """Not one of CHECKS: the vantage is of no use afterwards."""
    stand.vantage.dial(stand.peer, peer.ECHO, 5.0)  # left open on purpose
    stand.vantage.close()
    stand.vantage.close()
    if "closing" not in stand.cannot:
        refuses(lambda: stand.vantage.dial(stand.peer, peer.ECHO, 2.0))
