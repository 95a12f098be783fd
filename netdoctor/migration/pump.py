"""A process of its own that carries the bytes of joined connections.

While points are read and converted, this process' interpreter is never free: a thread that only passes bytes on
would wait for it after every piece, up to five milliseconds. Both ends of a connection are sockets here, and a socket
can be given away. Where that is not so (a helper container, a tool inside the container) nothing is given, and the
caller carries the bytes itself.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from netdoctor.vantage.joined import Joined
from netdoctor.vantage.sockets import SocketStream

_HOME = str(Path(__file__).parents[2])
# Not ``-m``: that would look for a package of our name in the user's folder first. What is needed needs no other.
_PROGRAM = f"import sys; sys.path.insert(0, sys.argv[1]); from {__name__} import main; main(int(sys.argv[2]))"
_WAIT = 5.0
"""Seconds that the process gets to end."""


class Pump:
    """Started with the first :meth:`take`. Thread-compatible: the caller takes care that one thread gives at a time."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._broken = False

    def start(self) -> None:
        """Begin; it gets ready while the caller goes on. Never raises: without it the caller does the work."""
        if self._process is not None or self._broken or not sys.executable:  # some hosts of Python have none
            return
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _PROGRAM, _HOME, str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is ours to answer: what is under way is finished first
                )
            except OSError:
                ours.close()
                self._broken = True
                return
        self._control = ours

    def take(self, near: socket.socket, far: SocketStream) -> bool:
        """Whether both are in its hands now, and closed here."""
        self.start()
        if self._control is None or self._broken:
            return False
        given = far.descriptor
        try:
            socket.send_fds(self._control, [b"+"], [near.fileno(), given])
        except OSError:
            self._broken = True
            return False
        near.close()
        far.abandon()
        return True

    def close(self) -> None:
        """Break every connection that it has, and end it. Never raises."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_WAIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._broken = True


def serve(control: socket.socket) -> None:
    """Join every pair of sockets that comes in, until the one who gives them goes away."""
    pairs: list[Joined] = []
    while True:
        data, given, _, _ = socket.recv_fds(control, 1, 2)
        if not data:
            break
        if len(given) == 2:
            near, far = (socket.socket(fileno=number) for number in given)
            near.setblocking(True)
            pairs = [pair for pair in pairs if pair.alive]
            pairs.append(Joined(near, SocketStream(far)))
            pairs[-1].start()
    for pair in pairs:
        pair.cut()


def main(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as control:
        serve(control)
