"""Where does this server send its clients? Asked in its own protocol, without credentials.

Kafka's brokers, the members of a MongoDB replica set, the nodes of a Redis cluster and the masters of a Sentinel are
addresses that the server names, and that every client dials next.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes._advertised import ASKED, LONGEST, Demanded, Foreign, is_host
from netdoctor.probes.followed import spelled
from netdoctor.probes.http import TlsStream
from netdoctor.probes.interface import PROBES, World, could_not_ask
from netdoctor.vantage.interface import DialFailed, Stream

MOST = 64
"""Places kept of one answer."""
SENDS_ON = frozenset(ASKED)
"""Protocols (without TLS) whose servers name other addresses."""


@dataclass(frozen=True, slots=True)
class Announced:
    """One place that the server names. ``role``: ``broker 1``, ``primary``, ``member``, ``master NAME``, ..."""

    host: str
    port: int
    role: str = ""


@dataclass(frozen=True, slots=True)
class AdvertisedEvidence:
    """``sort``: ``brokers``, ``replica set NAME``, ``cluster``, ``sentinel``; "" when clients are sent nowhere."""

    address: str
    port: int
    protocol: str
    sort: str = ""
    announced: tuple[Announced, ...] = ()
    errno: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Advertised(Question[AdvertisedEvidence]):
    """``protocol`` is one of :data:`SENDS_ON`. ``host`` is the TLS server name."""

    address: str
    port: int
    protocol: str
    tls: bool = False
    host: str = ""
    brief: bool = field(default=False, compare=False)


class AdvertisedProbe:
    question = Advertised
    layer = Layer.GREETING

    def ask(self, question: Advertised, world: World) -> Observation[AdvertisedEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        patience = world.patience(question.brief)

        def answer(outcome: Outcome, **evidence: object) -> Observation[AdvertisedEvidence]:
            found = AdvertisedEvidence(question.address, question.port, question.protocol, **evidence)  # type: ignore[arg-type]
            return Observation(outcome, found, seconds=world.clock() - began, vantage=vantage.name)

        try:
            stream = vantage.dial(question.address, question.port, patience)
        except DialFailed as error:
            return answer(error.outcome, errno=error.errno, detail=error.detail)
        deadline = began + patience
        try:
            host = question.host or question.address
            wire = TlsStream(stream, host, lambda: deadline - world.clock()) if question.tls else stream
            talk = _Talk(wire, world.clock, deadline)
            found = ASKED[question.protocol](talk)
        except Demanded as error:
            return could_not_ask(f"{question.protocol} does not say: {error}")
        except Foreign:
            return answer(Outcome.WRONG_SERVICE, detail=f"what answered is no {question.protocol}")
        except ssl.SSLError as error:
            return answer(Outcome.TLS_MISMATCH, detail=str(error.reason or error))
        except TimeoutError:
            return answer(Outcome.TIMED_OUT, detail="connected, but no answer came in time")
        except OSError as error:
            return answer(Outcome.RESET, errno=error.errno, detail="connected, then the peer reset the connection")
        finally:
            stream.close()
        named = tuple(Announced(*each) for each in found.named[:MOST])
        return answer(Outcome.CONNECTED, sort=found.sort, announced=named)

    def label(self, question: Advertised, topology: Topology) -> str:
        shown = f"[{question.address}]" if ":" in question.address else question.address
        return f"where {question.protocol} {shown}:{question.port} sends its clients"

    def describe(self, question: Advertised, observation: Observation[AdvertisedEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        if not observation.good:
            return evidence.detail
        named = ", ".join(spelled(each.host, each.port) for each in evidence.announced)
        return f"{evidence.sort}: {named}" if evidence.sort else "nowhere"


class _Talk:
    """Question and answer over one stream, all of it within one deadline."""

    def __init__(self, wire: Stream | TlsStream, clock: Callable[[], float], deadline: float) -> None:
        self._wire, self._clock, self._deadline = wire, clock, deadline
        self._rest = b""

    def __call__(self, said: bytes, whole: Callable[[bytes], int | None]) -> bytes:
        """What came back, exactly as long as ``whole`` says; b"" from a peer that closes without a word."""
        self._wire.send(said)
        raw = self._rest
        while (length := whole(raw)) is None or len(raw) < length:
            if len(raw) > LONGEST or (length is not None and not 0 < length <= LONGEST):
                raise Foreign
            left = self._deadline - self._clock()
            if left <= 0:
                raise TimeoutError
            more = self._wire.receive(16384, left)
            if not more:
                if raw:
                    raise Foreign
                return b""
            raw += more
        self._rest = raw[length:]
        return raw[:length]


PROBES.add("advertised", AdvertisedProbe(), home=__name__)

__all__ = ["SENDS_ON", "Advertised", "AdvertisedEvidence", "AdvertisedProbe", "Announced", "is_host"]
