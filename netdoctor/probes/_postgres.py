"""Two words with Postgres: whether it offers TLS, and whether it would let this caller begin a session.

The first is answered by a server that starts up, recovers, is full, or turns the caller away; only the second tells.
No password is sent: what is asked for one has got as far as is proven without. Sources: the manual's chapters on the
message flow, on error fields and on error codes; libpq for what ``sslmode`` does.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace

from netdoctor.model.login import Login
from netdoctor.probes._words import Heard, Opening, Word

OFFERS, PLAIN = Heard("postgres, offers TLS"), Heard("postgres, without TLS")
INSISTS = frozenset({"require", "verify-ca", "verify-full"})
TERMINATE = b"X\x00\x00\x00\x04"
_SSL_REQUEST = struct.pack(">ii", 8, 80877103)
_VERSION = 196608
_KINDS = frozenset(b"RESKZNv")
"""Messages that may come before the first query."""
_WANTS = {2: "a Kerberos ticket", 7: "a Kerberos ticket", 9: "a Kerberos ticket"}

_TROUBLE = frozenset({"57P01", "57P02", "57P03"})
"""Shutting down, crashed, cannot connect now: starting up, in recovery."""
_OF_A_NAME = frozenset({"InitializeSessionUserId", "CheckMyDatabase"})
"""Where the server counts the connections of one role, or of one database, alone."""
_POOLERS = ("no more connections allowed", "pgbouncer is shutting down")
"""PgBouncer's own words for the same; most of them under 08P01, and never translated."""
_BEHIND = "cached error: connect failed"
"""It does not reach the server of that database; another's may be well."""


def _first(raw: bytes) -> Heard | None:
    if raw in (b"S", b"N"):
        return OFFERS if raw == b"S" else PLAIN
    found = _error(raw)
    return None if found is None else Heard("postgres", trouble=_told(found))


def _after(heard: Heard, login: Login) -> Heard:
    if heard.said == OFFERS.said:
        plain = _startup(login, anew=True)
        if login.tls == "disable":
            return replace(heard, then=plain)
        return replace(heard, then=_startup(login, tls=True, plain=None if login.tls in INSISTS else plain))
    if heard.said == PLAIN.said and login.tls in INSISTS:
        return replace(heard, needs_tls=f"it offers no TLS, and sslmode={login.tls} insists on it")
    return replace(heard, then=_startup(login)) if heard.well else heard


def _startup(login: Login, *, tls: bool = False, anew: bool = False, plain: Word | None = None) -> Word:
    """``plain``: what such a client tries next when it is turned away inside TLS."""
    words = ("user", login.user, "database", login.database)
    said = b"".join(each.encode("utf-8") + b"\x00" for each in words) + b"\x00"
    start = OFFERS if tls or anew else PLAIN

    def hears(raw: bytes) -> Heard | None:
        found = _error(raw)
        if found is not None:
            heard = _judged(start, found, login)
            return replace(heard, then=plain) if heard.refusal and plain is not None else heard
        for kind, body in _messages(raw):
            if kind == b"R" and len(body) >= 4:
                asked = int.from_bytes(body[:4], "big")
                if asked:
                    return replace(start, demands=_WANTS.get(asked, "a password"))
                return replace(start, said=f"{start.said}, lets {login.user} in without a password", bye=TERMINATE)
        return None

    says = struct.pack(">ii", 8 + len(said), _VERSION) + said
    return Word(says, hears, _enough, tls=tls, anew=anew, otherwise=plain)


def _enough(raw: bytes) -> bool:
    """That it lets somebody in is said before it finds that there is no such database."""
    if _error(raw) is not None:
        return True
    return any(kind == b"Z" or (kind == b"R" and body[:4] != bytes(4)) for kind, body in _messages(raw))


def _messages(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Those that are whole."""
    while len(raw) >= 5 and raw[0] in _KINDS:
        length = int.from_bytes(raw[1:5], "big")
        if length < 4 or len(raw) < 1 + length:
            return
        yield raw[:1], raw[5 : 1 + length]
        raw = raw[1 + length :]


def _error(raw: bytes) -> dict[str, str] | None:
    """Its fields by their letters: C the SQLSTATE, M what a person reads, R where in the server."""
    for kind, body in _messages(raw):
        if kind == b"E":
            fields = [each for each in body.split(b"\x00") if each]
            return {chr(each[0]): _text(each[1:]) for each in fields}
    # The postmaster that cannot even start a process says so in the old way: text, a newline, a zero byte.
    if raw[:1] == b"E" and raw[1:2].isalpha() and raw.endswith(b"\n\x00"):
        return {"M": _text(raw[1:-2]), "C": "53000"}
    return None


def _judged(start: Heard, found: dict[str, str], login: Login) -> Heard:
    code, said, told = found.get("C", ""), found.get("M", ""), _told(found)
    counted, named = found.get("R", "") in _OF_A_NAME, _speaks_of(said, login)
    if code in _TROUBLE or any(word in said for word in _POOLERS) or (login.own and _BEHIND in said):
        return replace(start, trouble=told)
    # A pooler says of a name that it does not know what others say of a disk that is full.
    if code[:2] == "53" and (login.own or not (counted or named)):
        return replace(start, trouble=told)
    if code[:2] == "58" and not named:
        return replace(start, trouble=told)
    if login.own and named:
        return replace(start, refusal=told)
    if login.own and code[:2] != "28" and "certificate" not in said.lower():
        # It did not come to a password, and the caller would say what was said: what is wrong lies with the server.
        return replace(start, trouble=told)
    who = login.user if login.own else f"the user {login.user}, netdoctor's guess,"
    return replace(start, remark=f"to {who} it says: {told}")


def _speaks_of(said: str, login: Login) -> bool:
    """Whether it is the name that is refused, in whatever language: a certificate, say, the caller may have."""
    if "certificate" in said.lower():
        return False
    return any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", said) for each in (login.user, login.database))


def _told(found: dict[str, str]) -> str:
    code = found.get("C", "")
    return f"{found.get('M', '') or 'an error'}{f' ({code})' if code else ''}"


def _text(raw: bytes) -> str:
    """Printable, short."""
    text = raw[:200].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text).strip()


POSTGRES = Opening(_SSL_REQUEST, _first, after=_after, port=5432, owner=("POSTGRES_USER", "postgres"))
