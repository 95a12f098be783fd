"""A unix socket whose connections come out inside a container's network.

HTTP and gRPC clients connect to the socket as if the server were local; each connection is dialled from the
vantage. The socket lies in a folder that only we may enter, and both are gone after ``close``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

from netdoctor.vantage.interface import CannotAsk, DialFailed, Stream, Vantage

_PREFIX = "netdoctor-forward-"
_PIECE = 1 << 18
_NAP = 0.5
"""How often a waiting thread looks whether it should end, in seconds."""


def _parent() -> str:
    """The temporary folder, unless its path leaves no room: the kernel takes 107 bytes for a socket's path."""
    usual = tempfile.gettempdir()
    return usual if len(usual.encode()) <= 80 else "/tmp"  # noqa: S108  # mkdtemp makes a private folder in it


def sweep(older: float = 60.0) -> None:
    """Remove the folders of our own runs that were killed: nobody listens on their socket any more."""
    for folder in Path(_parent()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            state = folder.lstat()
            if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or time.time() - state.st_mtime < older:
                continue
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
                try:
                    knock.connect(str(folder / "s"))
                except (ConnectionRefusedError, FileNotFoundError):
                    shutil.rmtree(folder, ignore_errors=True)


class Forwarder:
    """``path`` leads to ``address:port`` as dialled by ``vantage``; ``last_failure`` says why a dial failed."""

    def __init__(self, vantage: Vantage, address: str, port: int, *, timeout: float = 4.0) -> None:
        self._vantage = vantage
        self._to = (address, port)
        self._timeout = timeout
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self.last_failure: CannotAsk | DialFailed | None = None
        sweep()
        # mkdtemp makes the folder 0700: nobody else can reach the socket inside.
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent()))
        self.path = str(self._folder / "s")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(self.path)
            self._listener.listen(64)
        except OSError:
            self._listener.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._acceptor = threading.Thread(target=self._accept, name="netdoctor-forward", daemon=True)
        self._acceptor.start()

    def __enter__(self) -> Forwarder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every connection and thread, remove the socket. Never raises; may be called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(5)
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.cut()
        for pair in pairs:
            pair.join(5)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), name="netdoctor-dial", daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        try:
            far = self._vantage.dial(*self._to, self._timeout)
        except (CannotAsk, DialFailed) as failure:
            self.last_failure = failure
            near.close()
            return
        pair = _Pair(near, far)
        with self._lock:
            if self._closing.is_set():
                pair.cut()
                return
            self._pairs.add(pair)
            pair.start()
        pair.join()
        with self._lock:
            self._pairs.discard(pair)


class _Pair:
    """One connection: two threads, one for each direction; the end of one direction is passed on, not the other's."""

    def __init__(self, near: socket.socket, far: Stream) -> None:
        self._near = near
        self._far = far
        self._cut = threading.Event()
        self._threads = (
            threading.Thread(target=self._out, name="netdoctor-out", daemon=True),
            threading.Thread(target=self._in, name="netdoctor-in", daemon=True),
        )
        self._open = len(self._threads)
        self._lock = threading.Lock()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, timeout: float | None = None) -> None:
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout)

    def cut(self) -> None:
        """Break both directions now."""
        self._cut.set()
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_RDWR)
        self._far.close()

    def _out(self) -> None:
        try:
            while data := self._near.recv(_PIECE):
                self._far.send(data)
            self._far.close_write()
        except (OSError, CannotAsk):
            # Some vantages cannot half-close. HTTP and gRPC clients end both directions at once anyway.
            self.cut()
        finally:
            self._done()

    def _in(self) -> None:
        try:
            while not self._cut.is_set():
                try:
                    data = self._far.receive(_PIECE, _NAP)
                except TimeoutError:
                    continue
                if not data:
                    self._near.shutdown(socket.SHUT_WR)
                    break
                self._near.sendall(data)
        except (OSError, CannotAsk):
            self.cut()
        finally:
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._open -= 1
            last = self._open == 0
        if last:
            self._near.close()
            self._far.close()
