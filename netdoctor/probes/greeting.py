"""Is it the right service that takes the connection? Asked in the protocol's own first words, without credentials."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes._greetings import GREETINGS, OVER_TLS, recognise
from netdoctor.probes.http import TLS_RECORD, TlsStream
from netdoctor.probes.interface import PROBES, World
from netdoctor.redact import redact_text
from netdoctor.vantage.interface import DialFailed, Stream

LIMIT = 4096
"""Bytes; a greeting is shorter."""
PAUSE = 0.3
"""Seconds for the rest of an answer whose first bytes are no greeting of this protocol (yet)."""
SHOWN = 80


@dataclass(frozen=True, slots=True)
class GreetingEvidence:
    """``service``: what answered, where that is known. ``demands``: credentials it asks for; ``trouble``: why it
    cannot serve. ``start``: the first bytes, as text, redacted."""

    address: str
    port: int
    protocol: str
    service: str = ""
    demands: str = ""
    trouble: str = ""
    start: str = ""
    errno: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Greeting(Question[GreetingEvidence]):
    """``protocol`` is one of :data:`PROTOCOLS`. ``host`` is the TLS server name."""

    address: str
    port: int
    protocol: str
    tls: bool = False
    host: str = ""
    brief: bool = field(default=False, compare=False)


PROTOCOLS = frozenset({*GREETINGS, *OVER_TLS})
"""What an edge may say its protocol is, for a greeting to be its highest layer."""


def spoken(protocol: str) -> tuple[str, bool]:
    """``rediss`` -> (``redis``, inside TLS)."""
    return OVER_TLS.get(protocol, protocol), protocol in OVER_TLS


class GreetingProbe:
    question = Greeting
    layer = Layer.GREETING

    def ask(self, question: Greeting, world: World) -> Observation[GreetingEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        patience = world.patience(question.brief)

        def answer(outcome: Outcome, **evidence: object) -> Observation[GreetingEvidence]:
            found = GreetingEvidence(question.address, question.port, question.protocol, **evidence)  # type: ignore[arg-type]
            return Observation(outcome, found, seconds=world.clock() - began, vantage=vantage.name)

        try:
            stream = vantage.dial(question.address, question.port, patience)
        except DialFailed as error:
            return answer(error.outcome, errno=error.errno, detail=error.detail)
        greeting = GREETINGS[question.protocol]
        deadline = began + patience
        try:
            host = question.host or question.address
            wire = TlsStream(stream, host, lambda: deadline - world.clock()) if question.tls else stream
            if greeting.says:
                wire.send(greeting.says)
            raw = _listen(wire, question.protocol, world, deadline)
        except ssl.SSLError as error:
            return answer(Outcome.TLS_MISMATCH, detail=str(error.reason or error))
        except TimeoutError:
            return answer(Outcome.TIMED_OUT, detail=f"connected, but no {question.protocol} answer came in time")
        except OSError as error:
            return answer(Outcome.RESET, errno=error.errno, detail="connected, then the peer reset the connection")
        finally:
            stream.close()
        heard = greeting.hears(raw)
        start = redact_text(raw[:SHOWN].decode("utf-8", "replace"))
        if heard is not None:
            outcome = Outcome.HTTP_ERROR if heard.trouble else Outcome.CONNECTED
            said = redact_text(heard.trouble or heard.said)
            told = {"demands": heard.demands, "trouble": heard.trouble, "start": start, "detail": said}
            return answer(outcome, service=question.protocol, **told)
        if not raw:
            return answer(Outcome.RESET, detail="connected, then the peer closed without a word")
        if raw.startswith(TLS_RECORD):
            return answer(Outcome.TLS_MISMATCH, detail=f"plain {question.protocol} was asked, and the port speaks TLS")
        service = recognise(raw)
        detail = f"what answered is {service}" if service else f"what answered is no {question.protocol}"
        return answer(Outcome.WRONG_SERVICE, service=service, start=start, detail=detail)

    def label(self, question: Greeting, topology: Topology) -> str:
        shown = f"[{question.address}]" if ":" in question.address else question.address
        return f"{question.protocol} {shown}:{question.port}{' (TLS)' if question.tls else ''}"

    def describe(self, question: Greeting, observation: Observation[GreetingEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        wants = f", asks for {evidence.demands}" if evidence.demands else ""
        return f"{evidence.detail}{wants}"


def _listen(wire: Stream | TlsStream, protocol: str, world: World, deadline: float) -> bytes:
    """All that was said until it is clear what it is. Raises TimeoutError when nothing was."""
    raw = b""
    until = deadline
    while len(raw) < LIMIT and GREETINGS[protocol].hears(raw) is None:
        left = until - world.clock()
        try:
            more = wire.receive(LIMIT, left) if left > 0 else b""
        except TimeoutError:
            more = b""
        except OSError:
            # A server that answers and then resets has answered.
            if raw:
                return raw
            raise
        if not more:
            if not raw and world.clock() >= deadline:
                raise TimeoutError
            return raw
        raw += more
        until = min(deadline, world.clock() + PAUSE)
    return raw


PROBES.add("greeting", GreetingProbe(), home=__name__)
