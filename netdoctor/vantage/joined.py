"""A socket of this machine and a stream of a vantage, joined: what comes in at one goes out at the other."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from netdoctor.vantage.interface import CannotAsk, Stream

_PIECE = 1 << 18
_NAP = 0.5
"""How often a waiting thread looks whether it should end, in seconds."""


class Joined:
    """One connection: two threads, one for each direction; the end of one direction is passed on, not the other's.

    ``patient``: where the vantage cannot half-close, the peer may still talk after our side has ended; else both
    directions end then.
    """

    def __init__(self, near: socket.socket, far: Stream, *, patient: bool = False) -> None:
        self._near = near
        self._far = far
        self._patient = patient
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

    @property
    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

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
        except CannotAsk:
            if not self._patient:
                self.cut()
        except OSError:
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
        except ConnectionResetError:
            # Passed on as what it is: an orderly end would make half an answer look whole.
            with contextlib.suppress(OSError):
                self._near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._far.close()
            self._abort()
        except (OSError, CannotAsk):
            self.cut()
        finally:
            self._done()

    def _abort(self) -> None:
        """Wake the other thread without a word to our side, whose connection the last one closes with a reset."""
        self._cut.set()
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_RD)

    def _done(self) -> None:
        with self._lock:
            self._open -= 1
            last = self._open == 0
        if last:
            self._near.close()
            self._far.close()
