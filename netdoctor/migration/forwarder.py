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

from netdoctor.migration.pump import Pump
from netdoctor.vantage.interface import CannotAsk, DialFailed, Vantage
from netdoctor.vantage.joined import Joined
from netdoctor.vantage.sockets import SocketStream

_PREFIX = "netdoctor-forward-"


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
        self._pairs: set[Joined] = set()
        self._pump = Pump()
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
        with self._lock:
            self._pump.close()
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
                # Out of descriptors, or a client that went away before it was accepted: the next one may be served.
                self._closing.wait(0.1)
                continue
            threading.Thread(target=self._serve, args=(near,), name="netdoctor-dial", daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        try:
            far = self._vantage.dial(*self._to, self._timeout)
        except (CannotAsk, DialFailed) as failure:
            self.last_failure = failure
            near.close()
            return
        pair = Joined(near, far)
        with self._lock:
            if self._closing.is_set():
                pair.cut()
                return
            if isinstance(far, SocketStream) and self._pump.take(near, far):
                return
            self._pairs.add(pair)
            pair.start()
        pair.join()
        with self._lock:
            self._pairs.discard(pair)
