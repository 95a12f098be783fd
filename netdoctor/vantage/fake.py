"""A vantage made of data: what each dial, datagram and ping answers is written down beforehand.

It ships with the package, so that probes and rules (ours and other people's) are tested without an engine.
An address that nobody wrote down behaves like a dropped packet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netdoctor.model import Outcome, Ref
from netdoctor.vantage.interface import (
    CannotAsk,
    Connection,
    DialFailed,
    ListeningSocket,
    PingReply,
    ResolverConfig,
    Route,
    Vantage,
)
from netdoctor.vantage.procnet import Neighbour

Answer = Callable[[bytes], bytes | None]
"""All bytes sent since the last answer, to what the peer says now; None: it waits for more."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that accepts. ``hangs_up``: it closes after its first answer, or after the greeting if it has none."""

    greeting: bytes = b""
    answer: Answer | None = None
    at_end: Callable[[bytes], bytes] | None = None
    """What it says once we half-close, given everything we sent; it hangs up then."""
    hangs_up: bool = False
    resets: bool = False
    """It resets the connection as soon as something is sent."""


Dialled = Peer | Outcome | DialFailed | CannotAsk
Datagram = bytes | Callable[[bytes], bytes] | Outcome | DialFailed | CannotAsk


class FakeStream:
    """The near end of a conversation with a :class:`Peer`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._changed = threading.Condition()
        self._incoming = bytearray(peer.greeting)
        self._unanswered = b""
        self._everything = b""
        self._ended = peer.hangs_up and peer.answer is None and peer.at_end is None
        self._reset = False
        self._write_closed = False
        self.closed = False

    def send(self, data: bytes) -> None:
        with self._changed:
            if self.closed or self._write_closed:
                raise BrokenPipeError("the stream is closed for writing")
            if self._peer.resets:
                self._reset = True
            else:
                self._everything += data
                self._hear(data)
            self._changed.notify_all()

    def receive(self, size: int, timeout: float | None = None) -> bytes:
        with self._changed:
            if not self._changed.wait_for(self._has_news, timeout):
                raise TimeoutError("timed out")
            if self.closed:
                raise OSError("the stream is closed")
            if self._reset:
                raise ConnectionResetError("connection reset by peer")
            taken = bytes(self._incoming[:size])
            del self._incoming[:size]
            return taken

    def close_write(self) -> None:
        with self._changed:
            if self._write_closed:
                return
            self._write_closed = True
            if self._peer.at_end is not None:
                self._incoming += self._peer.at_end(self._everything)
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return bool(self._incoming) or self._ended or self._reset or self.closed

    def _hear(self, data: bytes) -> None:
        if self._peer.answer is None or self._ended:
            return
        self._unanswered += data
        said = self._peer.answer(self._unanswered)
        if said is not None:
            self._unanswered = b""
            self._incoming += said
            self._ended = self._peer.hangs_up


class FakeVantage:
    """See :class:`netdoctor.vantage.interface.Vantage`. What is None cannot be asked here.

    ``asked`` records every call, in order: ``("dial", address, port)``, ``("ping", address)``, ``("resolver",)``.
    With ``patient`` a scripted timeout takes its time, as a real one does; else it is at once.
    """

    def __init__(
        self,
        *,
        name: str = "fake",
        dials: Mapping[tuple[str, int], Dialled] | None = None,
        datagrams: Mapping[tuple[str, int], Datagram] | None = None,
        pings: Mapping[str, bool | float | str | CannotAsk] | None = None,
        resolver: ResolverConfig | None = None,
        listeners: Sequence[ListeningSocket] | None = None,
        routes: Sequence[Route] | None = None,
        addresses: Sequence[str] | None = None,
        mtus: Sequence[tuple[str, str, int]] | None = None,
        neighbours: Sequence[Neighbour] | None = None,
        connections: Sequence[Connection] | None = (),
        patient: bool = False,
    ) -> None:
        """``pings``: True or a round trip in seconds is answered; False, or a text that says why, is lost."""
        self.name = name
        self.asked: list[tuple[object, ...]] = []
        self.streams: list[FakeStream] = []
        self.closed = False
        self._dials = dict(dials or {})
        self._datagrams = dict(datagrams or {})
        self._pings = dict(pings or {})
        self._resolver = resolver
        self._tables: dict[str, Sequence[object] | None] = {
            "listeners": listeners,
            "connections": connections,
            "routes": routes,
            "addresses": addresses,
            "mtus": mtus,
            "neighbours": neighbours,
        }
        self._patient = patient

    def dial(self, address: str, port: int, timeout: float) -> FakeStream:
        self._note("dial", address, port)
        answer = self._dials.get((address, port), Outcome.TIMED_OUT)
        if not isinstance(answer, Peer):
            raise self._refusal(answer, timeout)
        stream = FakeStream(answer)
        self.streams.append(stream)
        return stream

    def datagram(self, address: str, port: int, payload: bytes, timeout: float) -> bytes:
        self._note("datagram", address, port)
        answer = self._datagrams.get((address, port), Outcome.TIMED_OUT)
        if isinstance(answer, bytes):
            return answer
        if isinstance(answer, Outcome | DialFailed | CannotAsk):
            raise self._refusal(answer, timeout)
        return answer(payload)

    def ping(self, address: str, timeout: float) -> PingReply:
        self._note("ping", address)
        answer = self._pings.get(address, False)
        if isinstance(answer, CannotAsk):
            raise answer
        if isinstance(answer, str) or answer is False:
            return PingReply(1, 0, None, answer or f"no reply in {timeout:.1f} s")
        return PingReply(1, 1, 0.0001 if answer is True else answer)

    def resolver(self) -> ResolverConfig:
        self._note("resolver")
        if self._resolver is None:
            raise CannotAsk("this fake knows no resolver configuration")
        return self._resolver

    def listeners(self) -> tuple[ListeningSocket, ...]:
        return self._table("listeners")  # type: ignore[return-value]

    def connections(self) -> tuple[Connection, ...]:
        return self._table("connections")  # type: ignore[return-value]

    def routes(self) -> tuple[Route, ...]:
        return self._table("routes")  # type: ignore[return-value]

    def addresses(self) -> tuple[str, ...]:
        return self._table("addresses")  # type: ignore[return-value]

    def mtus(self) -> tuple[tuple[str, str, int], ...]:
        return self._table("mtus")  # type: ignore[return-value]

    def neighbours(self) -> tuple[Neighbour, ...]:
        return self._table("neighbours")  # type: ignore[return-value]

    def close(self) -> None:
        self.closed = True

    def _note(self, *call: object) -> None:
        if self.closed:
            raise CannotAsk("this vantage is closed")
        self.asked.append(call)

    def _table(self, what: str) -> tuple[object, ...]:
        self._note(what)
        found = self._tables[what]
        if found is None:
            raise CannotAsk(f"this fake knows no {what}")
        return tuple(found)

    def _refusal(self, answer: Outcome | DialFailed | CannotAsk, timeout: float) -> DialFailed | CannotAsk:
        if isinstance(answer, CannotAsk):
            return answer
        outcome = answer if isinstance(answer, Outcome) else answer.outcome
        waited = timeout if outcome is Outcome.TIMED_OUT else 0.0
        if self._patient:
            time.sleep(waited)
        return DialFailed(outcome, seconds=waited) if isinstance(answer, Outcome) else answer


class FakeVantages:
    """Stands in for :class:`netdoctor.vantage.choose.Vantages`: a vantage, or the exception to raise, by ref."""

    def __init__(
        self,
        by_ref: Mapping[Ref, Vantage | Exception],
        *,
        changed: Mapping[Ref, str] | None = None,
        used: Sequence[str] = (),
    ) -> None:
        self._by_ref = dict(by_ref)
        self._changed = dict(changed or {})
        self._used = tuple(used)
        self.closed = False

    def at(self, ref: Ref) -> Vantage:
        found = self._by_ref.get(ref.whole)
        if found is None:
            raise CannotAsk(f"nobody stands at {ref.id}")
        if isinstance(found, Exception):
            raise found
        return found

    def changed(self, ref: Ref) -> str | None:
        return self._changed.get(ref.whole)

    def used(self) -> tuple[str, ...]:
        return self._used

    def close(self) -> None:
        self.closed = True
        for vantage in self._by_ref.values():
            if not isinstance(vantage, Exception):
                vantage.close()

    def __enter__(self) -> FakeVantages:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
