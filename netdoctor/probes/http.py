"""Does an HTTP server answer at this address, as the caller would ask it?"""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes._greetings import recognise
from netdoctor.probes.interface import PROBES, World
from netdoctor.redact import redact_text
from netdoctor.vantage.interface import DialFailed, Stream

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 512
BODY_PATIENCE = 0.3
"""Seconds for the body of a refusal that did not come with its head."""
_STATUS = re.compile(r"[1-9]\d\d", re.ASCII)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ELSEWHERE = re.compile(
    r"(?:(?P<scheme>https?):)?//(?:[^/?#@\\\s]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))"
    r"(?::(?P<port>\d{1,5}))?(?=[/?#]|\Z)",
    re.IGNORECASE | re.ASCII,
)
"""The start of a Location that names a host; its path and its query may hold a secret, and are not kept."""
HTTP = b"HTTP/"
TLS_RECORD = b"\x15\x03"
"""How a TLS server's alert to plain text begins."""


@dataclass(frozen=True, slots=True)
class HttpEvidence:
    """``status`` None: what came back is no HTTP. ``start``: the first bytes, as text, redacted."""

    address: str
    port: int
    path: str
    status: int | None = None
    phrase: str = ""
    server: str = ""
    start: str = ""
    errno: int | None = None
    detail: str = ""
    service: str = ""
    """What answered instead of HTTP, where that is known."""
    sends_to: str = ""
    """``https://shop:8443``: where a redirect leads, when that is another place than the one that was asked."""


@dataclass(frozen=True, slots=True)
class Http(Question[HttpEvidence]):
    """``host`` is the Host header. ``strict``: a status of 400 or more is a failure, not just an answer."""

    address: str
    port: int
    host: str
    path: str = "/"
    tls: bool = False
    strict: bool = False
    brief: bool = field(default=False, compare=False)


class HttpProbe:
    question = Http
    layer = Layer.HTTP

    def ask(self, question: Http, world: World) -> Observation[HttpEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        patience = world.patience(question.brief)

        def answer(outcome: Outcome, **evidence: object) -> Observation[HttpEvidence]:
            found = HttpEvidence(question.address, question.port, question.path, **evidence)  # type: ignore[arg-type]
            return Observation(outcome, found, seconds=world.clock() - began, vantage=vantage.name)

        try:
            stream = vantage.dial(question.address, question.port, patience)
        except DialFailed as error:
            return answer(error.outcome, errno=error.errno, detail=error.detail)
        try:
            deadline = began + patience
            wire = TlsStream(stream, question.host, lambda: deadline - world.clock()) if question.tls else stream
            wire.send(_request(question))
            raw = _read_head(wire, world, deadline)
        except ssl.SSLError as error:
            return answer(Outcome.TLS_MISMATCH, detail=str(error.reason or error))
        except TimeoutError:
            return answer(Outcome.TIMED_OUT, detail="connected, but no HTTP answer came in time")
        except ConnectionResetError as error:
            return answer(Outcome.RESET, errno=error.errno, detail="connected, then the peer reset the connection")
        except OSError as error:
            return answer(Outcome.RESET, errno=error.errno, detail=str(error))
        finally:
            stream.close()
        return _judge(raw, question, answer)

    def label(self, question: Http, topology: Topology) -> str:
        shown = f"[{question.host}]" if ":" in question.host else question.host
        return f"http{'s' if question.tls else ''}://{shown}:{question.port}{question.path}"

    def describe(self, question: Http, observation: Observation[HttpEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        said = f"{evidence.status} {evidence.phrase}".strip() if evidence.status else evidence.detail
        return f"{question.path}: {said}"


def _request(question: Http) -> bytes:
    default = 443 if question.tls else 80
    name = f"[{question.host}]" if ":" in question.host else question.host
    host = name if question.port == default else f"{name}:{question.port}"
    lines = (
        f"GET {question.path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: netdoctor",
        "Accept: */*",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _read_head(wire: Stream | TlsStream, world: World, deadline: float) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw and len(raw) < HEAD_LIMIT:
        if len(raw) >= len(HTTP) and not raw.startswith(HTTP):
            # Another service's greeting: nothing more will come until it is spoken to.
            return raw
        left = deadline - world.clock()
        if left <= 0:
            raise TimeoutError
        more = wire.receive(16384, left)
        if not more:
            return raw
        raw += more
    return raw + _rest(raw, wire, min(deadline, world.clock() + BODY_PATIENCE), world)


def _rest(raw: bytes, wire: Stream | TlsStream, deadline: float, world: World) -> bytes:
    """The start of the body of a refusal, which often says why; of nothing else."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if head.split(b"\r\n", 1)[0].split(b" ")[1:2] < [b"400"]:
        return b""
    rest = b""
    with contextlib.suppress(OSError, ssl.SSLError):
        while len(body) + len(rest) < BODY_LIMIT and (left := deadline - world.clock()) > 0:
            more = wire.receive(BODY_LIMIT, left)
            if not more:
                break
            rest += more
    return rest


def _judge(raw: bytes, question: Http, answer: Callable[..., Observation[HttpEvidence]]) -> Observation[HttpEvidence]:
    start = redact_text(raw[:BODY_LIMIT].decode("utf-8", "replace"))
    if not raw:
        return answer(Outcome.RESET, detail="connected, then the peer closed without a word")
    if raw.startswith(TLS_RECORD):
        return answer(Outcome.TLS_MISMATCH, start=start, detail="plain HTTP was asked, and the port speaks TLS")
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not _STATUS.fullmatch(words[1]):
        service = recognise(raw)
        detail = f"what answered is {service}" if service else "what answered speaks no HTTP"
        return answer(Outcome.WRONG_SERVICE, start=start, service=service, detail=detail)
    status = int(words[1])
    headers = {key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    said = redact_text(body[:BODY_LIMIT].decode("utf-8", "replace"))
    # A TLS server that speaks HTTP well enough to complain: nginx and Go say so in the body of a 400.
    if status == 400 and not question.tls and "https" in said.lower() and "http" in said.lower():
        return answer(Outcome.TLS_MISMATCH, status=status, start=said, detail="the port expects HTTPS")
    outcome = Outcome.HTTP_ERROR if question.strict and status >= 400 else Outcome.CONNECTED
    phrase = words[2] if len(words) > 2 else ""
    sends_to = elsewhere(question, headers.get("location", "")) if status in _REDIRECTS else ""
    return answer(
        outcome, status=status, phrase=phrase, server=headers.get("server", ""), start=said, sends_to=sends_to
    )


def elsewhere(question: Http, location: str) -> str:
    """Scheme, host and port of a Location that leads to another place than the one that was asked; else ""."""
    found = _ELSEWHERE.match(location)
    if found is None:
        return ""
    scheme = (found["scheme"] or ("https" if question.tls else "http")).lower()
    port = int(found["port"] or (443 if scheme == "https" else 80))
    host = found["host"].strip("[]")
    if not 0 < port < 65536 or (host.lower(), port) == (question.host.lower(), question.port):
        return ""
    return f"{scheme}://{found['host']}:{port}"


class TlsStream:
    """TLS over a vantage's stream, in memory: the stream is no socket. Certificates are not judged here."""

    def __init__(self, stream: Stream, host: str, left: Callable[[], float]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._stream = stream
        self._left = left
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill(max(0.0, left()))
        self._flush()

    def _flush(self) -> None:
        pending = self._out.read()
        if pending:
            self._stream.send(pending)

    def _fill(self, patience: float | None) -> None:
        data = self._stream.receive(16384, patience)
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def leave(self) -> None:
        """Says that no more will come: else some servers write a connection that was cut into their logs."""
        with contextlib.suppress(OSError):
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()

    def receive(self, size: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush()
                # A peer that sends a record byte by byte is not waited for anew with each of them.
                left = self._left()
                if left <= 0:
                    raise TimeoutError from None
                self._fill(left if timeout is None else min(timeout, left))
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""


PROBES.add("http", HttpProbe(), home=__name__)
