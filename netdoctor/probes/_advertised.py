"""How each protocol is asked where it sends its clients, and how its answer is read. No credential is ever sent.

What a server names is text of a stranger: only what can be a host and a port becomes one.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

LONGEST = 256 * 1024
"""Bytes of one answer; a cluster with a thousand ranges of slots has less."""
_HOST = re.compile(
    r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?\Z|[0-9A-Fa-f:]{2,39}(?:%[A-Za-z0-9_.-]{1,15})?\Z"
)
_DEEPEST = 6
_KAFKA_METADATA, _CORRELATION = 3, 0x6E64
_OP_MSG = 2013
_SIGN_IN = re.compile(r"-(?:NOAUTH|NOPERM|WRONGPASS|ERR operation not permitted|DENIED)")


class Foreign(Exception):
    """What answered is no answer of this protocol."""


class Demanded(Exception):
    """It says nothing before somebody signs in."""


@dataclass(frozen=True, slots=True)
class Found:
    """``sort``: ``brokers``, ``replica set NAME``, ``cluster``, ``sentinel``; "" where clients are sent nowhere.

    ``named``: (host, port, role), the most needed first.
    """

    sort: str = ""
    named: tuple[tuple[str, int, str], ...] = ()


Exchange = Callable[[bytes, Callable[[bytes], int | None]], bytes]
"""Send, and read until the second says how many bytes the answer has. Returns exactly those; b"" when the peer closed
without a word. Raises TimeoutError, OSError, Foreign for more than LONGEST."""


def is_host(text: str) -> bool:
    """Whether it can be a host name or an address at all."""
    return _HOST.match(text) is not None


def _names(found: Iterator[tuple[object, object, str]]) -> tuple[tuple[str, int, str], ...]:
    """Each place once, and only what can be one."""
    kept: dict[tuple[str, int], str] = {}
    for host, port, role in found:
        if isinstance(host, str) and isinstance(port, int) and is_host(host) and 0 < port < 65536:
            kept.setdefault((host, port), role)
    return tuple((host, port, role) for (host, port), role in kept.items())


# --- Kafka: metadata, of no topic -----------------------------------------------------------------------------------


def kafka_request() -> bytes:
    """Metadata, version 1: an empty list of topics means none of them. Kafka 0.10 to 4."""
    client = b"netdoctor"
    body = struct.pack(">hhih", _KAFKA_METADATA, 1, _CORRELATION, len(client)) + client + struct.pack(">i", 0)
    return struct.pack(">i", len(body)) + body


def _kafka(exchange: Exchange) -> Found:
    raw = exchange(kafka_request(), lambda seen: 4 + int.from_bytes(seen[:4], "big") if len(seen) >= 4 else None)
    if not raw:
        # Sign-in comes first on a SASL listener, and whoever begins with anything else is shut out.
        raise Demanded("it hangs up on whoever has not signed in (SASL)")
    if raw[4:8] != struct.pack(">i", _CORRELATION):
        raise Foreign
    return Found("brokers", _names(_brokers(raw)))


def _brokers(raw: bytes) -> Iterator[tuple[object, object, str]]:
    try:
        (count,), at = struct.unpack_from(">i", raw, 8), 12
        for _ in range(count):
            (number,) = struct.unpack_from(">i", raw, at)
            host, at = _kafka_text(raw, at + 4)
            (port,) = struct.unpack_from(">i", raw, at)
            _, at = _kafka_text(raw, at + 4)
            yield host, port, f"broker {number}"
    except struct.error:
        raise Foreign from None


def _kafka_text(raw: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", raw, at)
    end = at + 2 + max(0, length)
    if end > len(raw):
        raise Foreign
    return raw[at + 2 : end].decode("utf-8", "replace"), end


# --- MongoDB: hello --------------------------------------------------------------------------------------------------


def mongo_request(command: str) -> bytes:
    """One OP_MSG with that command to the database admin."""
    body = b"\x10" + command.encode() + b"\x00" + struct.pack("<i", 1)
    body += b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00" + b"\x00"
    document = struct.pack("<i", len(body) + 4) + body
    return struct.pack("<iiiiiB", 21 + len(document), _CORRELATION, 0, _OP_MSG, 0, 0) + document


def _mongo(exchange: Exchange) -> Found:
    said: dict[str, Any] = {}
    # Before 4.4.2 hello was isMaster.
    for command in ("hello", "isMaster"):
        raw = exchange(mongo_request(command), lambda seen: _little(seen) if len(seen) >= 4 else None)
        if len(raw) < 26 or struct.unpack_from("<ii", raw, 8) != (_CORRELATION, _OP_MSG) or raw[20] != 0:
            raise Foreign
        said = document(raw[21:])
        if said.get("ok") == 1:
            break
    name, primary = said.get("setName"), said.get("primary")
    if not isinstance(name, str) or not name:
        return Found()
    members = [each for key in ("hosts", "passives") for each in _values(said.get(key)) if isinstance(each, str)]
    ordered = sorted(members, key=lambda each: each != primary)
    places = ((*_split(each), "primary" if each == primary else "member") for each in ordered)
    return Found(f"replica set {name}" if is_host(name) else "replica set", _names(places))


def _little(seen: bytes) -> int:
    return int.from_bytes(seen[:4], "little")


def _values(array: object) -> list[object]:
    """A BSON array is a document whose keys are numbers."""
    return list(array.values()) if isinstance(array, dict) else []


def _split(text: str) -> tuple[str, int]:
    """``mongo:27017``, ``[fd00::2]:27017``"""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return text, 27017
    return host.strip("[]"), int(port)


_FIXED = {0x01: 8, 0x06: 0, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}
"""The sizes of BSON's values that have one."""


def document(raw: bytes, depth: int = 0) -> dict[str, Any]:
    """Texts, truths, numbers, lists and documents of a BSON document; other values as None. Raises Foreign."""
    try:
        (length,) = struct.unpack_from("<i", raw)
        if not 5 <= length <= len(raw) or depth > _DEEPEST:
            raise Foreign
        found: dict[str, Any] = {}
        at = 4
        while at < length - 1:
            kind = raw[at]
            end = raw.index(b"\x00", at + 1, length)
            name, at = raw[at + 1 : end].decode("utf-8", "replace"), end + 1
            size = _size(kind, raw, at)
            if size < 0 or at + size > length - 1:
                raise Foreign
            found[name] = _value(kind, raw[at : at + size], depth)
            at += size
    except (struct.error, ValueError, IndexError):
        raise Foreign from None
    return found


def _size(kind: int, raw: bytes, at: int) -> int:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind == 0x0B:
        return raw.index(b"\x00", raw.index(b"\x00", at) + 1) + 1 - at
    (length,) = struct.unpack_from("<i", raw, at)
    before = {0x02: 4, 0x0D: 4, 0x0E: 4, 0x05: 5, 0x0C: 16, 0x03: 0, 0x04: 0, 0x0F: 0}.get(kind)
    if before is None or length < 0:
        raise Foreign
    return before + int(length)


def _value(kind: int, raw: bytes, depth: int) -> Any:
    if kind == 0x02:
        return raw[4:-1].decode("utf-8", "replace")
    if kind in (0x03, 0x04):
        return document(raw, depth + 1)
    if kind == 0x08:
        return raw != b"\x00"
    if kind in (0x01, 0x10, 0x12):
        return struct.unpack({0x01: "<d", 0x10: "<i", 0x12: "<q"}[kind], raw)[0]
    return None


# --- Redis: the slots of a cluster, the masters that a Sentinel watches ----------------------------------------------


def _redis(exchange: Exchange) -> Found:
    slots = _asked(exchange, b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n")
    if isinstance(slots, list) and slots:
        return Found("cluster", _names(_slot_masters(slots)))
    masters = _asked(exchange, b"*2\r\n$8\r\nSENTINEL\r\n$7\r\nMASTERS\r\n") if isinstance(slots, str) else None
    if isinstance(masters, list) and masters:
        return Found("sentinel", _names(_watched(masters)))
    return Found()


def _asked(exchange: Exchange, command: bytes) -> object:
    """A list, or the text of a refusal. Raises Demanded, Foreign."""
    raw = exchange(command, _redis_length)
    reply = _reply(raw, 0)
    if reply is None:
        raise Foreign
    said = reply[0]
    if isinstance(said, str) and _SIGN_IN.match(said):
        raise Demanded("it asks for a password first")
    return said


def _redis_length(seen: bytes) -> int | None:
    found = _reply(seen, 0)
    return found[1] if found is not None else None


def _reply(raw: bytes, at: int, depth: int = 0) -> tuple[object, int] | None:
    """One reply of RESP2 and where it ends; None while it is not whole. An error keeps its dash. Raises Foreign."""
    end = raw.find(b"\r\n", at)
    if depth > _DEEPEST or (end < 0 and len(raw) - at > LONGEST):
        raise Foreign
    if end < 0:
        return None
    kind, line = raw[at : at + 1], raw[at + 1 : end].decode("utf-8", "replace")
    if kind in (b"+", b"-"):
        return (f"-{line}" if kind == b"-" else line), end + 2
    if kind not in (b":", b"$", b"*") or re.fullmatch(r"-?\d{1,9}", line, re.ASCII) is None:
        raise Foreign
    number = int(line)
    if kind == b":":
        return number, end + 2
    if number < 0:
        return (), end + 2
    if kind == b"$":
        stop = end + 2 + number
        return (raw[end + 2 : stop].decode("utf-8", "replace"), stop + 2) if len(raw) >= stop + 2 else None
    items: list[object] = []
    at = end + 2
    for _ in range(number):
        item = _reply(raw, at, depth + 1)
        if item is None:
            return None
        items.append(item[0])
        at = item[1]
    return items, at


def _slot_masters(slots: list[object]) -> Iterator[tuple[object, object, str]]:
    """The first node of each range. No endpoint (null, "", "?") means the address that was asked: nothing to follow."""
    for each in slots:
        if isinstance(each, list) and len(each) > 2 and isinstance(each[2], list) and len(each[2]) > 1:
            yield each[2][0], each[2][1], "node with slots"


def _watched(masters: list[object]) -> Iterator[tuple[object, object, str]]:
    for each in masters:
        if isinstance(each, list) and all(isinstance(word, str) for word in each):
            told = dict(zip(each[::2], each[1::2], strict=False))
            port = str(told.get("port", ""))
            name = str(told.get("name", ""))
            role = f"master {name}" if is_host(name) else "master"
            yield told.get("ip"), int(port) if re.fullmatch(r"\d{1,5}", port, re.ASCII) else 0, role


ASKED: dict[str, Callable[[Exchange], Found]] = {"kafka": _kafka, "mongo": _mongo, "redis": _redis}
"""The protocols whose servers send their clients on, by the words of ``greeting``."""
