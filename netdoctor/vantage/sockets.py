"""Dial, datagram and ping with plain sockets.

A socket belongs to the namespace of the thread that created it, for good. So the only thing a vantage
passes in is ``make``, which creates one; everything here runs in the caller's thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable

from netdoctor.vantage.interface import CannotAsk, DialFailed, PingReply
from netdoctor.vantage.outcomes import failure, timed_out

MakeSocket = Callable[[int, int, int], socket.socket]
"""``(family, type, protocol)`` to a new socket; raises OSError as ``socket.socket`` does."""

SEND_TIMEOUT = 120.0
"""Seconds without one byte of progress after which a peer that does not read counts as gone."""
MAX_DATAGRAM = 65535
PING_PAYLOAD = b"netdoctor-echo--" * 2


class SocketStream:
    """A connected TCP socket. One thread may send while another receives; any thread may close."""

    def __init__(self, connected: socket.socket, closed: Callable[[SocketStream], object] | None = None) -> None:
        """``closed`` is told when it is."""
        # Non-blocking with a poll of our own: a socket's timeout is shared by both directions.
        connected.setblocking(False)
        self._socket = connected
        self._on_close = closed

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, SEND_TIMEOUT)

    def receive(self, size: int, timeout: float | None = None) -> bytes:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return self._socket.recv(size)
            except BlockingIOError:
                self._wait(select.POLLIN, None if deadline is None else deadline - time.monotonic())

    def close_write(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        # The shutdown wakes a thread that waits in receive; close alone would leave it there.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._on_close is not None:
            self._on_close(self)

    @property
    def descriptor(self) -> int:
        return self._socket.fileno()

    def abandon(self) -> None:
        """Let go of it here, without a word to the peer: another process has it now."""
        self._socket.close()
        if self._on_close is not None:
            self._on_close(self)

    def _wait(self, event: int, seconds: float | None) -> None:
        descriptor = self._socket.fileno()
        if descriptor < 0:
            raise OSError(errno.EBADF, "the stream is closed")
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(None if seconds is None else max(0.0, seconds) * 1000):
            raise TimeoutError("timed out")


def dial(
    make: MakeSocket,
    address: str,
    port: int,
    timeout: float,
    closed: Callable[[SocketStream], object] | None = None,
) -> SocketStream:
    """Connect. Raises DialFailed, or CannotAsk when no connection could be tried."""
    start = time.monotonic()
    made = _made(make, address, socket.SOCK_STREAM, 0)
    try:
        made.settimeout(timeout)
        made.connect((address, port))
        if made.getsockname()[:2] == made.getpeername()[:2]:
            # TCP may connect a socket to itself when the closed port asked for is its own ephemeral one.
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        made.close()
        raise _failed(error, address, time.monotonic() - start) from error
    except BaseException:
        made.close()
        raise
    return SocketStream(made, closed)


def datagram(make: MakeSocket, address: str, port: int, payload: bytes, timeout: float) -> bytes:
    """One UDP datagram and its first answer, from that address and port only."""
    start = time.monotonic()
    with _made(make, address, socket.SOCK_DGRAM, 0) as made:
        try:
            made.settimeout(timeout)
            made.connect((address, port))  # so that "port unreachable" comes back as an error
            made.send(payload)
            return made.recv(MAX_DATAGRAM)
        except OSError as error:
            raise _failed(error, address, time.monotonic() - start) from error


def ping(make: MakeSocket, address: str, timeout: float) -> PingReply:
    """One echo, through an ICMP datagram socket, else a raw one. CannotAsk when neither may be had."""
    version6 = ":" in address
    with _icmp_socket(make, version6) as made:
        raw = made.type == socket.SOCK_RAW
        identifier = int.from_bytes(os.urandom(2), "big")
        sequence = int.from_bytes(os.urandom(2), "big")
        start = time.monotonic()
        try:
            made.sendto(_echo_request(identifier, sequence, version6), (address, 0))
            while (left := start + timeout - time.monotonic()) > 0:
                made.settimeout(left)
                packet, sender = made.recvfrom(2048)
                if _is_reply(packet, identifier if raw else None, sequence, version6, header=raw and not version6):
                    return PingReply(1, 1, time.monotonic() - start, f"reply from {sender[0]}")
        except TimeoutError:
            pass
        except OSError as error:
            return PingReply(1, 0, None, os.strerror(error.errno) if error.errno else str(error))
    return PingReply(1, 0, None, f"no reply in {timeout:.1f} s")


def _made(make: MakeSocket, address: str, kind: int, protocol: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return make(family, kind, protocol)
    except OSError as error:
        raise failure(error.errno, address=address, seconds=0.0) from error


def _failed(error: OSError, address: str, seconds: float) -> DialFailed | CannotAsk:
    if isinstance(error, TimeoutError) and error.errno is None:
        return timed_out(seconds)
    return failure(error.errno, address=address, seconds=seconds, text="" if error.errno else str(error))


def _icmp_socket(make: MakeSocket, version6: bool) -> socket.socket:
    family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if version6 else (socket.AF_INET, socket.IPPROTO_ICMP)
    refused: OSError | None = None
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return make(family, kind, protocol)
        except OSError as error:
            refused = error
    raise CannotAsk(f"no ICMP socket may be opened here: {refused}")


def _echo_request(identifier: int, sequence: int, version6: bool) -> bytes:
    kind = 128 if version6 else 8
    head = struct.pack("!BBHHH", kind, 0, 0, identifier, sequence)
    # For ICMPv6 the kernel fills in the checksum, which covers a header that we do not see.
    checksum = 0 if version6 else _checksum(head + PING_PAYLOAD)
    return struct.pack("!BBHHH", kind, 0, checksum, identifier, sequence) + PING_PAYLOAD


def _is_reply(packet: bytes, identifier: int | None, sequence: int, version6: bool, *, header: bool) -> bool:
    """``identifier`` None: a datagram socket, whose kernel chose its own and filters by it."""
    if header:
        packet = packet[(packet[0] & 0x0F) * 4 :] if packet else b""
    if len(packet) < 8:
        return False
    kind, _, _, its_identifier, its_sequence = struct.unpack("!BBHHH", packet[:8])
    return (
        kind == (129 if version6 else 0)
        and its_sequence == sequence
        and identifier in (None, its_identifier)
        and packet[8:] == PING_PAYLOAD
    )


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
