"""One word with MongoDB: ``hello``, whose answer says whether the server is part of anything that serves.

Source: the manual's pages on ``hello``, on OP_MSG and on its error codes, and the BSON specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from netdoctor.probes._words import Heard, Opening

REQUEST = 0x6E64
_OP_MSG = 2013
_HELLO = b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00" + b"\x00"
_DOCUMENT = struct.pack("<i", len(_HELLO) + 4) + _HELLO
SAYS = struct.pack("<iiiiiB", 21 + len(_DOCUMENT), REQUEST, 0, _OP_MSG, 0, 0) + _DOCUMENT

_CANNOT = {91: "it is shutting down", 11600: "it is shutting down", 94: "its replica set is not initialised"}
_SIZES = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0xFF: 0, 0x7F: 0}
_TEXT, _WITHIN, _BINARY = frozenset({0x02, 0x0D, 0x0E}), frozenset({0x03, 0x04}), 0x05
MOST = 1 << 20
"""Bytes of an answer that is believed."""


def _hears(raw: bytes) -> Heard | None:
    if len(raw) < 26:
        return None
    length, _, answers, operation = struct.unpack("<iiii", raw[:16])
    if (answers, operation) != (REQUEST, _OP_MSG) or not 26 <= length <= MOST:
        return None
    if len(raw) < length:
        # It speaks the protocol; what is missing may say the contrary of what is there.
        return Heard("mongo")
    told = dict(_fields(raw[21:length]))
    if not told.get("ok"):
        # Only what is understood is held against it: an old server does not know the command.
        code = told.get("code")
        return Heard("mongo", trouble=_CANNOT.get(code, "") if isinstance(code, int) else "")
    if told.get("isreplicaset") is True and "setName" not in told:
        return Heard("mongo", trouble="it belongs to a replica set that is not initialised (rs.initiate)")
    if "setName" not in told or told.get("isWritablePrimary", told.get("ismaster")) is True:
        return Heard("mongo")
    if told.get("secondary") is True:
        return Heard("mongo, a secondary")
    if told.get("arbiterOnly") is True:
        return Heard("mongo, an arbiter")
    return Heard("mongo", trouble="it is neither primary nor secondary of its replica set: it starts, or recovers")


def _fields(document: bytes) -> Iterator[tuple[str, object]]:
    """Names and plain values of the outermost level, as far as they are whole and known."""
    at = 4
    while at < len(document) and (kind := document[at]):
        end = document.find(b"\x00", at + 1)
        if end < 0:
            return
        name, at = document[at + 1 : end].decode("utf-8", "replace"), end + 1
        size = _size(kind, document, at)
        if size is None or at + size > len(document):
            return
        yield name, _value(kind, document[at : at + size])
        at += size


def _size(kind: int, document: bytes, at: int) -> int | None:
    if kind in _SIZES:
        return _SIZES[kind]
    length = int.from_bytes(document[at : at + 4], "little")
    if kind in _TEXT:
        return 4 + length
    if kind in _WITHIN:
        return length if length >= 5 else None
    return 5 + length if kind == _BINARY else None


def _value(kind: int, raw: bytes) -> object:
    if kind == 0x08:
        return raw == b"\x01"
    if kind == 0x01:
        return struct.unpack("<d", raw)[0]
    if kind in (0x10, 0x12):
        return int.from_bytes(raw, "little", signed=True)
    return raw if kind in _TEXT else None


def _whole(raw: bytes) -> bool:
    """What the server is stands anywhere in its answer."""
    if len(raw) < 4:
        return False
    length = int.from_bytes(raw[:4], "little")
    return length > MOST or len(raw) >= length


MONGO = Opening(SAYS, _hears, _whole)
