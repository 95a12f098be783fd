"""A tunnel is loopback unless told, keeps a half-close and a reset, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from netdoctor.errors import UsageError
from netdoctor.live.tunnel import Place, Tunnel, parse_place
from netdoctor.live.way import NoWay
from netdoctor.vantage.host import HostVantage
from netdoctor.vantage.interface import CannotAsk, Stream


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("127.0.0.1:0", Place("127.0.0.1", 0)),
        ("8080", Place("127.0.0.1", 8080)),
        (":8080", Place("127.0.0.1", 8080)),
        ("localhost:8080", Place("127.0.0.1", 8080)),
        ("[::1]:8080", Place("::1", 8080)),
        ("0.0.0.0:8080", Place("0.0.0.0", 8080)),
    ],
)
def test_without_an_address_it_is_loopback(typed, meant):
    assert parse_place(typed) == meant


@pytest.mark.parametrize("typed", ["", "here:80", "1.2.3:80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1"])
def test_what_is_no_place_is_refused_with_an_example(typed):
    with pytest.raises(UsageError) as refused:
        parse_place(typed)
    assert "127.0.0.1:0" in refused.value.hint


def test_only_loopback_addresses_are_loopback():
    assert [Place(a).loopback for a in ("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::")] == [True] * 3 + [False] * 2


@contextlib.contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on loopback that gives each connection to ``talk``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = []

        def one(peer: socket.socket) -> None:
            with peer, contextlib.suppress(OSError):
                talk(peer)

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=one, args=(peer,)))
                threads[-1].start()

        acceptor = threading.Thread(target=serve)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (acceptor, *threads):
                thread.join(5)


def whole_then_length(peer: socket.socket) -> None:
    size = 0
    while data := peer.recv(65536):
        size += len(data)
    peer.sendall(f"got {size}".encode())


def to_the_end(near: socket.socket) -> bytes:
    said = b""
    while data := near.recv(65536):
        said += data
    return said


@contextlib.contextmanager
def tunnelled(port: int, wrap: Callable[[Stream], Stream] = lambda stream: stream) -> Iterator[tuple[str, int]]:
    with contextlib.closing(HostVantage()) as vantage:
        with Tunnel(Place(), lambda: wrap(vantage.dial("127.0.0.1", port, 4.0)), pytest.fail) as tunnel:
            yield (tunnel.place.address, tunnel.place.port)
        assert [thread for thread in threading.enumerate() if thread.name.startswith("netdoctor-tunnel")] == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((tunnel.place.address, tunnel.place.port), 2).close()


def test_the_answer_comes_after_our_end_has_said_all():
    with serving(whole_then_length) as port, tunnelled(port) as at, socket.create_connection(at, 5) as near:
        near.sendall(b"x" * 300_000)
        near.shutdown(socket.SHUT_WR)
        assert to_the_end(near) == b"got 300000"


def test_a_reset_stays_a_reset():
    def rude(peer: socket.socket) -> None:
        peer.recv(1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(rude) as port, tunnelled(port) as at, socket.create_connection(at, 5) as near:
        near.sendall(b"!")
        with pytest.raises(ConnectionResetError):
            near.recv(10)


def test_many_connections_at_once_keep_their_bytes_apart():
    def echo(peer: socket.socket) -> None:
        while data := peer.recv(65536):
            peer.sendall(data)

    with serving(echo) as port, tunnelled(port) as at:
        open_ = [socket.create_connection(at, 5) for _ in range(60)]
        try:
            for number, near in enumerate(open_):
                near.sendall(b"%03d" % number)
            for number, near in enumerate(open_):
                assert near.recv(3, socket.MSG_WAITALL) == b"%03d" % number
        finally:
            for near in open_:
                near.close()


class Whole:
    """A stream that cannot half-close, as through bash or nc."""

    def __init__(self, stream: Stream) -> None:
        self.send, self.receive, self.close = stream.send, stream.receive, stream.close

    def close_write(self) -> None:
        raise CannotAsk("bash cannot half-close a connection")


def test_where_half_closing_is_impossible_what_the_target_still_says_is_not_lost():
    asked = threading.Event()

    def slow(peer: socket.socket) -> None:
        peer.recv(3, socket.MSG_WAITALL)
        asked.wait(5)
        peer.sendall(b"late answer")

    with serving(slow) as port, tunnelled(port, Whole) as at, socket.create_connection(at, 5) as near:
        near.sendall(b"now")
        near.shutdown(socket.SHUT_WR)
        asked.set()
        assert to_the_end(near) == b"late answer"


def test_a_target_that_cannot_be_reached_is_told_and_the_tunnel_stays():
    told: list[str] = []

    def dial() -> Stream:
        raise NoWay("app cannot connect to qdrant: refused.")

    with Tunnel(Place(), dial, told.append) as tunnel:
        for _ in range(2):
            with socket.create_connection((tunnel.place.address, tunnel.place.port), 5) as near:
                assert near.recv(1) == b""
    assert told == ["app cannot connect to qdrant: refused."] * 2


def test_a_port_that_is_taken_is_said_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = Place("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(UsageError, match="in use") as refused:
            Tunnel(place, lambda: pytest.fail("dialled"), pytest.fail)
    assert "--listen" in refused.value.hint
