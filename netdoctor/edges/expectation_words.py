"""The short form of an expectation, ``web -x> db:5432 (isolated)``, and the words that the file knows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netdoctor.edges.address import parse_address
from netdoctor.edges.catalogue import SCHEME_PORTS, SERVICES, protocol_of
from netdoctor.errors import UsageError
from netdoctor.model import Apart, Expect
from netdoctor.terminal import plain

TOP = frozenset({"version", "expectations", "suppress"})
LONG = frozenset(
    {"from", "to", "port", "path", "protocol", "expect", "reason", "policy", "severity", "why", "timeout", "attempts",
     "suppress"}
)  # fmt: skip
SUPPRESSION = frozenset({"code", "reason", "until"})
PROTOCOLS = tuple(
    sorted({"tcp", *(each.protocol for known in SERVICES.values() for each in known), *map(protocol_of, SCHEME_PORTS)})
)

EXAMPLE = "Write SOURCE -> TARGET[:PORT][/PATH], or SOURCE -x> TARGET:PORT (isolated)."

_SHAPE = re.compile(r"^(?P<source>\S+)\s+(?P<arrow>->|-x>)\s+(?P<target>\S+?)(?:\s+\((?P<note>[^()]*)\))?$", re.DOTALL)
_SERVICE = re.compile(r"^(?P<service>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?P<rest>:\d.*)?$")


@dataclass(frozen=True, slots=True)
class Line:
    """One short form. ``target`` is the name alone: a container, ``project/service``, or a host outside Docker."""

    source: str
    target: str
    expect: Expect
    reason: Apart = Apart.ISOLATED
    policy: str = ""
    port: int | None = None
    path: str | None = None
    protocol: str | None = None


def short_form(text: str) -> Line:
    """Raises UsageError with what is wrong with it."""
    found = _SHAPE.match(text.strip())
    if found is None:
        raise UsageError(f"{plain(_bare(text))!r} is no expectation", hint=EXAMPLE)
    expect = Expect.REACHABLE if found["arrow"] == "->" else Expect.ISOLATED
    reason, policy = _note(found["note"], expect)
    target, port, path, protocol = _target(found["target"])
    return Line(found["source"], target, expect, reason, policy, port, path, protocol)


def _target(text: str) -> tuple[str, int | None, str | None, str | None]:
    """``project/service:port/path`` reads like a host with a path; only a port tells the two apart."""
    service = _SERVICE.match(text)
    if service is not None:
        rest = parse_address(f"x{service['rest'] or ''}")
        return service["service"], rest.port, rest.path, None
    typed = parse_address(text)
    return typed.host, typed.port, typed.path, protocol_of(typed.scheme) if typed.scheme else None


def _note(note: str | None, expect: Expect) -> tuple[Apart, str]:
    """What stands in the parentheses: the reason, or ``policy NAME`` (YAML would take a colon for its own)."""
    if note is None:
        return Apart.ISOLATED, ""
    if expect is Expect.REACHABLE:
        raise UsageError(f"({plain(note)}) says why two are apart, and belongs to -x>", hint=EXAMPLE)
    word, name = re.match(r"(\S*?)(?:[:\s]+(.*))?$", note.strip(), re.DOTALL).groups("")  # type: ignore[union-attr]
    if word == Apart.POLICY.value:
        if not name.strip():
            raise UsageError("(policy NAME) needs the policy's name", hint=EXAMPLE)
        return Apart.POLICY, name.strip()
    try:
        return Apart(note.strip()), ""
    except ValueError:
        listed = ", ".join(each.value for each in Apart if each is not Apart.POLICY)
        raise UsageError(
            f"({plain(note)}) is no reason why two are apart", hint=f"Known are: {listed}, policy NAME."
        ) from None


def _bare(text: str) -> str:
    """Without what may be a password in front of an @."""
    return re.sub(r"//[^/\s]*@", "//***@", text)
