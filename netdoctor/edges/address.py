"""``qdrant:6333/healthz``, ``http://qdrant:6333``, ``[fd00::2]:80``: one parser for all that people and files write."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netdoctor.edges.catalogue import SCHEME_PORTS
from netdoctor.errors import UsageError
from netdoctor.terminal import plain

_SHAPE = re.compile(
    r"^(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?:[^/\s]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]|[^:/?#\s\[\]@]+)"
    r"(?::(?P<port>[^/?#@]*))?"
    r"(?P<path>[/?][^\s#]*)?(?:#\S*)?$"
)

_PORT_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Address:
    """``port`` falls back to the scheme's own; ``path`` None: none was given. Userinfo is dropped, never kept."""

    host: str
    port: int | None = None
    path: str | None = None
    scheme: str | None = None
    port_given: bool = False


def parse_address(text: str) -> Address:
    """Raises UsageError with what is wrong with it."""
    found = _SHAPE.match(text)
    if found is None:
        raise UsageError(
            f"{plain(_without_userinfo(text))!r} is no address.",
            hint="Use NAME, NAME:PORT, NAME:PORT/PATH or a URL, like qdrant:6333/healthz.",
        )
    scheme = found["scheme"].lower() if found["scheme"] else None
    port = _port(found["port"], text) if found["port"] is not None else None
    path = found["path"]
    if path is not None and path.startswith("?"):
        path = f"/{path}"
    return Address(
        host=found["host"].strip("[]"),
        port=port if port is not None else SCHEME_PORTS.get((scheme or "").partition("+")[0]),
        path=path,
        scheme=scheme,
        port_given=port is not None,
    )


def _port(text: str, whole: str) -> int:
    number = port_number(text)
    if number is not None:
        return number
    raise UsageError(
        f"{plain(text)!r} in {plain(_without_userinfo(whole))!r} is no port.",
        hint="A port is a number from 1 to 65535, like qdrant:6333.",
    )


def port_number(text: str) -> int | None:
    """``6333``; None for what is no port."""
    if text.isascii() and text.isdigit() and len(text) <= _PORT_DIGITS and 0 < int(text) < 65536:
        return int(text)
    return None


def _without_userinfo(text: str) -> str:
    return re.sub(r"^([^/]*//)?[^/\s]*@", r"\1***@", text)
