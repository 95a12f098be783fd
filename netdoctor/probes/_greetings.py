"""The first words of each protocol that is not HTTP: what we say, and how its answer is told from any other.

One protocol is one entry of ``GREETINGS``; what needs more than one word has a file of its own. Nothing here is a
password: an answer that asks for one is as good a proof of the right service as a welcome.
"""

from __future__ import annotations

import json
import struct

from netdoctor.probes._mongo import MONGO
from netdoctor.probes._mongo import REQUEST as _REQUEST
from netdoctor.probes._postgres import POSTGRES
from netdoctor.probes._words import Heard, Opening

SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""An empty HTTP/2 SETTINGS frame."""
_REDIS_TROUBLE = {
    "-LOADING": "it is still loading its data",
    "-DENIED": "it is in protected mode: no password is set, so it serves loopback only",
    "-MASTERDOWN": "it is a replica that lost its master, and serves no old data",
    "-BUSY": "a script keeps it busy, and it answers nothing else",
    "-MISCONF": "it cannot write its snapshots to disk, and takes no writes",
    "-ERR max number of clients": "it has as many clients as it may have",
}
"""PING is refused for these on purpose: that is how Redis says that it is not well."""
_REDIS_KNOWN = ("+PONG", "$4", "-ERR", "-NOPERM", "-READONLY", "-WRONGPASS", "-NOREPLICAS", "-CLUSTERDOWN")


def _redis(raw: bytes) -> Heard | None:
    line, end, _ = raw.partition(b"\r\n")
    text = line.decode("utf-8", "replace")
    if not end or not text.startswith(("+PONG", "-", "$4")):
        return None
    for start, trouble in _REDIS_TROUBLE.items():
        if text.startswith(start):
            return Heard("redis", trouble=trouble)
    if text.startswith(("-NOAUTH", "-ERR operation not permitted")):
        return Heard("redis", demands="a password")
    return Heard("redis") if text.startswith(_REDIS_KNOWN) else None


_MYSQL_REFUSES = (1129, 1130)
"""The caller's address is blocked, or no account may come from there: said before anybody names a user."""


def _mysql(raw: bytes) -> Heard | None:
    if len(raw) < 6 or raw[3] != 0:
        return None
    if raw[4] == 10:
        # MariaDB puts a version of old before its own, for replicas of old.
        return Heard(f"mysql {_text(raw[5:].split(bytes(1), 1)[0]).removeprefix('5.5.5-')}")
    if raw[4] == 0xFF:
        # The SQLSTATE stands before the words, or does not: nobody has said yet what he understands.
        said = _text(raw[13:] if raw[7:8] == b"#" else raw[7:])
        code = int.from_bytes(raw[5:7], "little")
        return Heard("mysql", refusal=said) if code in _MYSQL_REFUSES else Heard("mysql", trouble=said)
    return None


def _amqp(raw: bytes) -> Heard | None:
    if raw.startswith(b"AMQP"):
        return Heard("amqp, of another version")
    return Heard("amqp") if raw[:3] == b"\x01\x00\x00" and raw[7:11] == b"\x00\x0a\x00\x0a" else None


def _memcached(raw: bytes) -> Heard | None:
    line, end, _ = raw.partition(b"\r\n")
    return Heard(f"memcached {_text(line[8:])}") if end and line.startswith(b"VERSION ") else None


def _nats(raw: bytes) -> Heard | None:
    line, end, _ = raw.partition(b"\r\n")
    if not end or not line.startswith(b"INFO "):
        return None
    try:
        info = json.loads(line[5:])
    except ValueError:
        return None
    asks = isinstance(info, dict) and bool(info.get("auth_required"))
    return Heard("nats", demands="a user or a token" if asks else "")


def _http2(raw: bytes) -> Heard | None:
    """The server's SETTINGS frame comes first, whatever else it has to say."""
    length = int.from_bytes(raw[:3], "big")
    settings = len(raw) >= 9 and raw[3] == 4 and raw[5:9] == bytes(4) and length % 6 == 0
    return Heard("grpc (HTTP/2)") if settings else None


def _smtp(raw: bytes) -> Heard | None:
    line, end, _ = raw.partition(b"\n")
    if not end or line[3:4] not in (b" ", b"-"):
        return None
    if line[:3] in (b"421", b"554"):
        return Heard("smtp", trouble=_text(line))
    return Heard("smtp") if line[:3] == b"220" else None


_KAFKA = struct.pack(">ihhih9s", 19, 18, 0, _REQUEST, 9, b"netdoctor")
"""ApiVersions, version 0, which every broker since 0.10 answers to whoever asks, before any sign-in."""


def _kafka(raw: bytes) -> Heard | None:
    if raw.startswith(b"\x15\x03"):
        # No URL says whether a listener of Kafka's speaks TLS: that is each client's own setting.
        return Heard("TLS, inside of which a broker answers")
    known = len(raw) >= 10 and struct.unpack(">ih", raw[4:10])[0] == _REQUEST
    return Heard("kafka") if known else None


GREETINGS: dict[str, Opening] = {
    "redis": Opening(b"PING\r\n", _redis),
    "postgres": POSTGRES,
    "mysql": Opening(b"", _mysql),
    "mongo": MONGO,
    "amqp": Opening(b"AMQP\x00\x00\x09\x01", _amqp),
    "memcached": Opening(b"version\r\n", _memcached),
    "nats": Opening(b"", _nats),
    "grpc": Opening(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS, _http2),
    "smtp": Opening(b"", _smtp),
    "kafka": Opening(_KAFKA, _kafka),
}

OVER_TLS = {"rediss": "redis", "amqps": "amqp", "grpcs": "grpc", "smtps": "smtp"}
"""Schemes that mean a protocol inside TLS from the first byte."""


def recognise(raw: bytes) -> str:
    """Which known service says such a thing, unasked or asked wrongly; "" for none that we know."""
    if raw.startswith(b"HTTP/"):
        return "http"
    if raw.startswith(b"SSH-"):
        return "ssh"
    if raw[:2] in (b"\x15\x03", b"\x16\x03"):
        return "TLS"
    if raw.startswith((b"ERROR\r\n", b"CLIENT_ERROR")):
        return "memcached"
    for name in ("redis", "mysql", "nats", "smtp", "grpc", "amqp", "memcached"):
        if GREETINGS[name].hears(raw) is not None:
            return name
    return ""


def _text(raw: bytes) -> str:
    """Printable, short."""
    text = raw[:120].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text).strip()
