"""Connected sockets of a vantage, for a client that takes one.

A vantage that makes plain sockets can give them away: what then speaks on one is as fast as on a socket of its own,
and no byte passes through anybody else. A helper container or a tool inside the container has none to give
(:mod:`netdoctor.migration.forwarder` serves those, and clients that want a path).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from netdoctor.vantage.interface import CannotAsk, DialFailed, Stream, Vantage
from netdoctor.vantage.sockets import SocketStream

Connect = Callable[["float | None"], socket.socket]
"""Seconds that it may take (None: as long as it likes) to a connected socket, the caller's own. Raises OSError."""


def gives_sockets(stream: Stream) -> bool:
    """Whether the vantage that dialled ``stream`` makes sockets, so that :func:`dialled` works with it."""
    return isinstance(stream, SocketStream)


def dialled(vantage: Vantage, address: str, port: int, *, most: float) -> Connect:
    """Connections to ``address:port`` from where ``vantage`` stands, each given up after ``most`` seconds."""

    def connect(timeout: float | None) -> socket.socket:
        try:
            stream = vantage.dial(address, port, most if timeout is None else min(timeout, most))
        except (DialFailed, CannotAsk) as failure:
            raise OSError(_words(failure)) from failure
        if not isinstance(stream, SocketStream):
            stream.close()
            raise OSError("what was dialled is no socket")
        return _taken(stream)

    return connect


def _words(failure: DialFailed | CannotAsk) -> str:
    """What a retry says of it."""
    if isinstance(failure, CannotAsk):
        return failure.reason
    outcome = failure.outcome.value.replace("_", " ")
    return f"{outcome} ({failure.detail})" if failure.detail else outcome


def _taken(stream: SocketStream) -> socket.socket:
    """The stream's socket, which the vantage then no longer knows. Raises OSError where it has been closed."""
    try:
        # A copy, closed with its namesake in any case: the vantage may be closed by another thread just now.
        return socket.socket(fileno=os.dup(stream.descriptor))
    finally:
        stream.abandon()
