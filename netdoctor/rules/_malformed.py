"""What is wrong with the text of an address, in words that give none of it away. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netdoctor.model.placeholders import SCHEME, host_of

_MANGLED = re.compile(r"^(?:https?|wss?|rediss?|postgres(?:ql)?|mysql|mongodb|amqps?)(?::/(?!/)|//|;//|:\\\\)", re.I)
_TWICE = re.compile(r"^[a-z][a-z0-9+.-]*://[a-z][a-z0-9+.-]*:?//", re.IGNORECASE)
_BARE = re.compile(r"^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?:\d{1,5}(?:/\S*)?$")
_LEGAL_HOST = re.compile(r"^(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.%A-Za-z]+\])$")
_LOCAL = re.compile(r"^(?:file|unix|sqlite3?|npipe|data|fd):", re.IGNORECASE)
_LISTED = re.compile(r"[\s,;|][A-Za-z][A-Za-z0-9+.-]{0,40}://")
_URL_NAME = re.compile(r"(?:^|_)UR[LI]S?$", re.IGNORECASE)
_HOST_NAME = re.compile(r"(?:^|_|^PG|^MYSQL|^REDIS|^MONGO)(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS)$", re.IGNORECASE)
_HOST_LATER = re.compile(r"^/[^?#]*[^/?#]@[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9])?:\d{1,5}(?:[/?#]|$)")
"""In the path: a second host with a port, as it stands where a password with a slash cut the first one off."""
_TAKES_BARE = ("kafka", "nats", "memcached", "etcd", "zookeeper", "redis", "valkey", "broker", "amqp", "grpc", "otlp")
"""Words in a variable's name for what is often given as host:port, whatever the variable is called."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """``fatal``: every client fails on it; else some do. ``host``: what a client takes for the host, where it is safe
    to say."""

    what: str
    cure: str
    fatal: bool = True


def malformed(variable: str, value: str, *, port_beside: bool = False) -> Malformed | None:
    """``port_beside``: a ``*_PORT`` goes with it. None for a well-formed address, and for what is none at all."""
    text = value.strip()
    if not text or re.search(r"\$\{|<[^>]*>|\{\{", text) or _LOCAL.match(text):
        return None
    if _LISTED.search(text) and not re.search(r"\s#", text):
        return None
    return _wrapped(value) or _mangled(text) or _in_host_field(variable, text, port_beside) or _parts(variable, text)


def _wrapped(value: str) -> Malformed | None:
    """Around or after the address."""
    text = value.strip()
    if text[0] in "\"'" and (SCHEME.match(text[1:]) or _BARE.match(text.strip("\"'"))):
        return Malformed("has quotation marks as part of its value", "Leave the quotation marks out")
    found = SCHEME.match(text)
    if found is None:
        return None
    if re.search(r"\s", text):
        return Malformed("has text after the address", "Leave out everything after the address")
    if text[-1] in "\"';,>)":
        return Malformed("ends with a character that does not belong to an address", "Leave out its last character")
    if value != text:
        return Malformed("has blanks around the address", "Leave the blanks out", fatal=False)
    return None


def _mangled(text: str) -> Malformed | None:
    if _TWICE.match(text) and not text.lower().startswith("jdbc:"):
        return Malformed("has a scheme twice", "Write the scheme once, like http://host:port")
    if _MANGLED.match(text):
        return Malformed("has a broken scheme", "Write the scheme with :// after it, like http://host:port")
    return None


def _in_host_field(variable: str, text: str, port_beside: bool) -> Malformed | None:
    """A variable that wants a bare host, which its own port says."""
    if not _HOST_NAME.search(variable) or not port_beside:
        return None
    # tls:// and ssl:// before a bare host are ways to ask for encryption.
    if re.match(r"https?://", text, re.IGNORECASE):
        return Malformed("has a scheme, where a bare host is wanted (its port is beside it)", "Give the host alone")
    if _BARE.match(text):
        return Malformed("has a port, although its port is beside it", "Give the host alone")
    return None


def _parts(variable: str, text: str) -> Malformed | None:
    scheme = SCHEME.match(text)
    if scheme is None:
        takes_bare = any(word in variable.lower() for word in _TAKES_BARE)
        if _URL_NAME.search(variable) and _BARE.match(text):
            return Malformed("has no scheme", "Begin it with the scheme, like http://", fatal=not takes_bare)
        return None
    rest = text[scheme.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    after = rest[len(authority) :]
    if "@" not in authority and ":" in authority and "@" in after and not _port_ok(authority):
        cut = after[0]
        return Malformed(
            f"has a password with an unescaped {cut}, so that everything before it is taken for host and port",
            f"Write {cut} in the password as %{ord(cut):02X}",
        )
    if (
        ":" in authority.partition("@")[0]
        and _HOST_LATER.match(after)
        and not _BARE.match(authority.rpartition("@")[2])
    ):
        return Malformed(
            "has a password with an unescaped @ and /, so that a part of it is taken for the host",
            "Write @ in the password as %40 and / as %2F",
        )
    userinfo, at, hosts = authority.rpartition("@")
    if at and "@" in userinfo:
        return Malformed(
            "has a password with an unescaped @, so that some clients look for the host inside it",
            "Write @ in the password as %40",
            fatal=False,
        )
    if any(not _host_ok(each) for each in hosts.split(",")) and (hosts or scheme[0].lower().startswith("http")):
        return Malformed("has no legal host name and port", "Write it as scheme://host:port/path")
    return None


def _port_ok(authority: str) -> bool:
    """``host:6333``, of each of a list."""
    return all(_host_ok(each) for each in authority.split(","))


def _host_ok(text: str) -> bool:
    """``host``, ``host:6333``, ``[::1]:80``; Go's ``tcp(host:3306)``."""
    wrapped = re.fullmatch(r"[a-z0-9]+\((.*)\)", text)
    text = wrapped[1] if wrapped else text
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    if colon and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        return False
    # By + and * a server says that it listens on every address.
    return host in ("", "+", "*") or _LEGAL_HOST.match(host) is not None


__all__ = ["Malformed", "host_of", "malformed"]
