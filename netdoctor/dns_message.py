"""A DNS question for the addresses of a name, and what was answered to it: RFC 1035, section 4, as bytes.

Of a library's messages this needs the header, one question, and two kinds of record; loading all of one took a twelfth
of a run. The tests hold it against that library.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_IN = 1
_KINDS = {"A": (1, socket.AF_INET, 4), "AAAA": (28, socket.AF_INET6, 16)}
"""The number of each kind of record, and what its data is."""
_RESPONSE, _TRUNCATED, _RECURSION_WANTED = 0x8000, 0x0200, 0x0100
_OPCODE, _RCODE = 0x7800, 0x000F
_RCODES = (
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
    "NOTZONE", "DSOTYPENI",
)  # fmt: skip
_MAY_LACK_THE_QUESTION = frozenset({"FORMERR", "SERVFAIL", "NOTIMP", "REFUSED"})
_POINTER = 0xC0
_LONGEST_LABEL, _LONGEST_NAME = 63, 255


@dataclass(frozen=True, slots=True)
class Reply:
    """``addresses`` are IP literals of the kind that was asked for; ``records``: of any kind, in the answer."""

    rcode: str
    truncated: bool
    records: int
    addresses: tuple[str, ...]


def question(name: str, kind: str) -> bytes:
    """The message that asks for the ``A`` or ``AAAA`` records of a name. Raises ValueError for one DNS cannot carry."""
    asked = _written(name) + _QUESTION.pack(_KINDS[kind][0], _IN)
    return os.urandom(2) + _HEADER.pack(0, _RECURSION_WANTED, 1, 0, 0, 0)[2:] + asked


def reply(raw: bytes, to: bytes) -> Reply | None:
    """What was answered; None where it is no answer to that question. Raises ValueError where it is no DNS message."""
    try:
        return _reply(raw, to)
    except (IndexError, struct.error):
        raise ValueError("it ends too early") from None


def _reply(raw: bytes, to: bytes) -> Reply | None:
    number, flags, questions, answers, authorities, more = _HEADER.unpack_from(raw)
    wanted_number, wanted_flags, *_ = _HEADER.unpack_from(to)
    at = _HEADER.size
    asked = []
    for _ in range(questions):
        name, at = _name(raw, at)
        asked.append((name, _QUESTION.unpack_from(raw, at)))
        at += _QUESTION.size
    wanted_name, end = _name(to, _HEADER.size)
    wanted = (wanted_name, _QUESTION.unpack_from(to, end))
    addresses: dict[str, None] = {}
    for place in range(answers + authorities + more):
        address, at = _address(raw, at, wanted[1])
        if address is not None and place < answers:
            addresses[address] = None
    if at != len(raw):
        raise ValueError("something comes after it")
    code = flags & _RCODE
    rcode = _RCODES[code] if code < len(_RCODES) else str(code)
    same = asked == [wanted] or (not asked and rcode in _MAY_LACK_THE_QUESTION)
    if not (same and flags & _RESPONSE and number == wanted_number and flags & _OPCODE == wanted_flags & _OPCODE):
        return None
    return Reply(rcode, bool(flags & _TRUNCATED), answers, tuple(addresses))


def _written(name: str) -> bytes:
    """A dot at the end or not: it is the whole name."""
    text = name.removesuffix(".")
    labels = (text.encode("ascii") if text.isascii() else text.encode("idna")).split(b".") if text else []
    if any(not 0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise ValueError("a part of it is empty or too long")
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > _LONGEST_NAME:
        raise ValueError("it is too long")
    return wire


def _name(raw: bytes, at: int) -> tuple[bytes, int]:
    """A question's name in lower case, and where it ends. There is nothing before it that it could point at."""
    start = at
    while raw[at]:
        if raw[at] > _LONGEST_LABEL:
            raise ValueError("a name of a kind that nobody uses")
        at += 1 + raw[at]
    # Of the bytes that are lengths none is a capital letter: those are 65 and more.
    return raw[start : at + 1].lower(), at + 1


def _address(raw: bytes, at: int, wanted: tuple[int, ...]) -> tuple[str | None, int]:
    """The address in one record, if it is of the kind and class that is wanted; and where the record ends."""
    start = at
    while raw[at] and raw[at] <= _LONGEST_LABEL:
        at += 1 + raw[at]
    if raw[at] >= _POINTER:
        # Whose record it is does not matter here, as in resolver libraries: it is not followed, and cannot lead astray.
        if int.from_bytes(raw[at : at + 2], "big") & 0x3FFF >= start:
            raise ValueError("a name that points ahead")
        at += 1
    elif raw[at]:
        raise ValueError("a name of a kind that nobody uses")
    at += 1
    kind, where, _, size = _RECORD.unpack_from(raw, at)
    at += _RECORD.size
    data = raw[at : at + size]
    if len(data) < size:
        raise ValueError("a record is cut off")
    for number, family, length in _KINDS.values():
        if (kind, where) == (number, _IN):
            if size != length:
                raise ValueError("an address of another length")
            return (socket.inet_ntop(family, data) if (kind, where) == wanted else None), at + size
    return None, at + size
