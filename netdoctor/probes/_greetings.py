"""The first words of each protocol that is not HTTP: what we say, and how its answer is told from any other.

One protocol is one entry of ``GREETINGS``. Nothing here is a credential: an answer that asks for one is as good a
proof of the right service as a welcome.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass

SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""An empty HTTP/2 SETTINGS frame."""
_REQUEST = 0x6E64
_OP_MSG = 2013
_HELLO = b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00" + b"\x00"
_DOCUMENT = struct.pack("<i", len(_HELLO) + 4) + _HELLO
_MONGO = struct.pack("<iiiiiB", 21 + len(_DOCUMENT), _REQUEST, 0, _OP_MSG, 0, 0) + _DOCUMENT


@dataclass(frozen=True, slots=True)
class Heard:
    """``said``: what answered, in short. ``demands``: credentials it asks for. ``trouble``: why it cannot serve."""

    said: str
    demands: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Greeting:
    """``says`` b"": the server speaks first. ``hears``: None for bytes that are not (yet) this protocol's answer."""

    says: bytes
    hears: Callable[[bytes], Heard | None]


def _redis(raw: bytes) -> Heard | None:
    line, end, _ = raw.partition(b"\r\n")
    text = line.decode("utf-8", "replace")
    if not end or not text.startswith(("+PONG", "-", "$4")):
        return None
    if text.startswith("-LOADING"):
        return Heard("redis", trouble="it is still loading its data")
    if text.startswith("-DENIED"):
        return Heard("redis", trouble="it is in protected mode: no password is set, so it serves loopback only")
    if text.startswith(("-NOAUTH", "-ERR operation not permitted")):
        return Heard("redis", demands="a password")
    known = ("+PONG", "$4", "-ERR", "-NOPERM", "-MASTERDOWN", "-BUSY", "-MISCONF", "-READONLY", "-WRONGPASS")
    return Heard("redis") if text.startswith(known) else None


def _postgres(raw: bytes) -> Heard | None:
    if raw == b"S":
        return Heard("postgres, offers TLS")
    if raw == b"N":
        return Heard("postgres, without TLS")
    # An error: E, its length, then the severity's field.
    if raw[:1] == b"E" and raw[5:6] == b"S":
        return Heard("postgres", trouble=_text(raw[6:]))
    return None


def _mysql(raw: bytes) -> Heard | None:
    if len(raw) < 6 or raw[3] != 0:
        return None
    if raw[4] == 10:
        return Heard(f"mysql {_text(raw[5:].split(bytes(1), 1)[0])}")
    if raw[4] == 0xFF:
        code, said = int.from_bytes(raw[5:7], "little"), _text(raw[7:])
        denied = code in (1129, 1130)
        return Heard("mysql", demands=said if denied else "", trouble="" if denied else said)
    return None


def _mongo(raw: bytes) -> Heard | None:
    if len(raw) < 16:
        return None
    _, _, answers, operation = struct.unpack("<iiii", raw[:16])
    return Heard("mongo") if (answers, operation) == (_REQUEST, _OP_MSG) else None


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
    return Heard("smtp") if raw.startswith((b"220 ", b"220-")) and b"\n" in raw else None


GREETINGS: dict[str, Greeting] = {
    "redis": Greeting(b"PING\r\n", _redis),
    "postgres": Greeting(struct.pack(">ii", 8, 80877103), _postgres),
    "mysql": Greeting(b"", _mysql),
    "mongo": Greeting(_MONGO, _mongo),
    "amqp": Greeting(b"AMQP\x00\x00\x09\x01", _amqp),
    "memcached": Greeting(b"version\r\n", _memcached),
    "nats": Greeting(b"", _nats),
    "grpc": Greeting(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS, _http2),
    "smtp": Greeting(b"", _smtp),
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
