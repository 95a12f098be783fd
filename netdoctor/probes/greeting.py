"""Is it the right service that takes the connection, and would it serve this caller?

Asked in the protocol's own first words, without a password; as the caller, where its environment says who that is.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass, field, replace

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.model.login import Login, login_of, owner_of
from netdoctor.probes._greetings import GREETINGS, OVER_TLS, recognise
from netdoctor.probes._words import Heard, Opening, Word
from netdoctor.probes.http import TLS_RECORD, TlsStream
from netdoctor.probes.interface import PROBES, World
from netdoctor.redact import redact_text
from netdoctor.vantage.interface import DialFailed, Stream, Vantage

LIMIT = 4096
"""Bytes; a greeting is shorter."""
PAUSE = 0.3
"""Seconds for the rest of an answer whose first bytes are no greeting of this protocol (yet)."""
SHOWN = 80


@dataclass(frozen=True, slots=True)
class GreetingEvidence:
    """``service``: what answered, where that is known. ``demands``: credentials it asks for; ``trouble``: why it
    cannot serve; ``refusal``: why it turns this caller away before any password; ``needs_tls``: the caller insists on
    TLS and gets none; ``variable``: the caller's, that says whom it comes as. ``start``: the first bytes, as text,
    redacted."""

    address: str
    port: int
    protocol: str
    service: str = ""
    demands: str = ""
    trouble: str = ""
    refusal: str = ""
    needs_tls: str = ""
    variable: str = ""
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

        opening = GREETINGS[question.protocol]
        login = _login(question, opening, world)
        talk = Talk(question, vantage, world, began + patience)
        try:
            with talk:
                heard, raw = _converse(talk, opening, None if question.brief else login)
        except DialFailed as error:
            return answer(error.outcome, errno=error.errno, detail=error.detail)
        except ssl.SSLError as error:
            return answer(Outcome.TLS_MISMATCH, detail=str(error.reason or error))
        except TimeoutError:
            return answer(Outcome.TIMED_OUT, detail=f"{talk.so_far}, but no {question.protocol} answer came in time")
        except OSError as error:
            return answer(Outcome.RESET, errno=error.errno, detail=f"{talk.so_far}, then the peer reset the connection")
        start = redact_text(raw[:SHOWN].decode("utf-8", "replace"))
        if heard is not None:
            outcome = Outcome.CONNECTED if heard.well else Outcome.HTTP_ERROR
            return answer(outcome, **_told(heard), service=question.protocol, start=start, variable=login.variable)
        if not raw:
            return answer(Outcome.RESET, detail=f"{talk.so_far}, then the peer closed without a word")
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


class Talk:
    """One conversation: a connection, the next one where a word wants its own, and when it has to be over.

    ``so_far``: how far it got, in words.
    """

    def __init__(self, question: Greeting, vantage: Vantage, world: World, deadline: float) -> None:
        self._question, self._vantage, self._clock, self._deadline = question, vantage, world.clock, deadline
        self._stream: Stream | None = None
        self._wire: Stream | TlsStream | None = None
        self.so_far = "connected"

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def _hang_up(self) -> None:
        if isinstance(self._wire, TlsStream):
            self._wire.leave()
        if self._stream is not None:
            self._stream.close()
        self._stream = self._wire = None

    def say(self, word: Word) -> bytes:
        """What comes back. Raises DialFailed, ssl.SSLError, TimeoutError, OSError."""
        wire = self._connected(word)
        if word.says:
            wire.send(word.says)
        return self._listen(wire, word)

    def leave(self, bye: bytes) -> None:
        """Whatever becomes of it: the answer is there."""
        if bye and self._wire is not None:
            with contextlib.suppress(OSError, ssl.SSLError):
                self._wire.send(bye)

    def _left(self) -> float:
        return self._deadline - self._clock()

    def _connected(self, word: Word) -> Stream | TlsStream:
        question = self._question
        if word.anew:
            self._hang_up()
        if self._stream is None or self._wire is None:
            left = self._left()
            if left <= 0:
                raise TimeoutError
            self._stream = self._wire = self._vantage.dial(question.address, question.port, left)
            if question.tls:
                self._wire = self._inside_tls(self._stream)
        if word.tls and not question.tls:
            self._wire = self._inside_tls(self._stream)
        return self._wire

    def _inside_tls(self, stream: Stream) -> TlsStream:
        return TlsStream(stream, self._question.host or self._question.address, self._left)

    def _listen(self, wire: Stream | TlsStream, word: Word) -> bytes:
        """All that was said until it is clear what it is. Raises TimeoutError when nothing was."""
        raw = b""
        until = self._deadline
        while len(raw) < LIMIT and not word.done(raw):
            left = until - self._clock()
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
                if not raw and self._left() <= 0:
                    raise TimeoutError
                return raw
            raw += more
            until = min(self._deadline, self._clock() + PAUSE)
        return raw


def _converse(talk: Talk, opening: Opening, login: Login | None) -> tuple[Heard | None, bytes]:
    """What was heard last, and the bytes. ``login`` None: the first word is enough."""
    raw = talk.say(opening)
    heard = opening.hears(raw)
    if heard is not None and login is not None and opening.after is not None:
        talk.so_far = f"{talk.so_far} ({heard.said})"
        heard = opening.after(heard, login)
    while heard is not None and login is not None and heard.then is not None:
        word = heard.then
        try:
            raw = talk.say(word)
        except ssl.SSLError as error:
            # Ours may be what is missing: a certificate, or a cipher of old.
            remark = f"TLS with it did not come about ({error.reason or error})"
            heard = replace(heard, then=word.otherwise, remark=remark)
            continue
        heard = word.hears(raw)
    if heard is not None:
        talk.leave(heard.bye)
    return heard, raw


def _login(question: Greeting, opening: Opening, world: World) -> Login:
    """The caller's own, else a guess: what is heard as one proves nothing about it."""
    if opening.after is None:
        return Login("", "")
    variable, default = opening.owner
    found = login_of(world.topology.container(question.at), question.host, question.port, opening.port)
    if found is not None:
        return found if found.database else replace(found, database=default)
    owners = [
        each
        for each in world.topology.containers
        if any(question.address in endpoint.addresses for endpoint in each.endpoints)
    ]
    return Login(owner_of(owners[0] if len(owners) == 1 else None, variable, default), default)


def _told(heard: Heard) -> dict[str, str]:
    """Redacted: a server may say again what somebody sent it."""
    short = {"trouble": heard.trouble, "refusal": heard.refusal, "needs_tls": heard.needs_tls}
    said = next((each for each in short.values() if each), "") or "; ".join(
        each for each in (heard.said, heard.remark) if each
    )
    return {key: redact_text(text) for key, text in {**short, "demands": heard.demands, "detail": said}.items()}


PROBES.add("greeting", GreetingProbe(), home=__name__)
