"""Small values of a compose file: ports, durations, commands, numbers."""

from __future__ import annotations

import re
import shlex

from netdoctor.model import HealthCheck, Place, PortBinding
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.tree import Node

_SHORT = re.compile(
    r"^(?:(?:(?P<ip>\[[0-9A-Fa-f:.%]+\]|[0-9A-Za-z.]*):(?=[^:]*:))?(?P<host>\d*(?:-\d+)?):)?"
    r"(?P<inner>\d+(?:-\d+)?)(?:/(?P<protocol>[A-Za-z]+))?$"
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|ns|s|m|h|d|w)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_HEX = re.compile(r"0x[0-9a-fA-F]{1,15}\Z|0o[0-7]{1,20}\Z")
_FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d{1,2})?\Z")
_MOST_PORTS = 4096
"""Of one range: a wider one says nothing about which port is meant."""
ANY = "0.0.0.0"


def bindings(entry: Node) -> tuple[PortBinding, ...]:
    """One entry of ``ports``, short or long. Raises Unreadable."""
    if entry.fields:
        return _long(entry)
    text = entry.text or ""
    found = _SHORT.match(text)
    if found is None:
        raise _no_port(text, entry.place)
    inner = _range(found["inner"], text, entry.place)
    outer = _range(found["host"], text, entry.place) if found["host"] else []
    address = (found["ip"] or "").strip("[]") or ANY
    return _paired(inner, outer, address, (found["protocol"] or "tcp").lower(), text, entry.place)


def _long(entry: Node) -> tuple[PortBinding, ...]:
    target, published = entry.string("target") or "", entry.string("published") or ""
    inner = _range(target, target, entry.place)
    outer = _range(published, published, entry.place) if published else []
    address = entry.string("host_ip") or ANY
    return _paired(inner, outer, address, (entry.string("protocol") or "tcp").lower(), published, entry.place)


def _paired(
    inner: list[int], outer: list[int], address: str, protocol: str, text: str, place: Place
) -> tuple[PortBinding, ...]:
    if not outer:
        return tuple(PortBinding(port, None, address, protocol) for port in inner)
    if len(inner) == 1:
        # The engine takes one of the range.
        return tuple(PortBinding(inner[0], port, address, protocol) for port in outer)
    if len(inner) != len(outer):
        raise Unreadable(f"{plain(text)!r}: the two ranges of ports differ in length", place)
    return tuple(PortBinding(inside, outside, address, protocol) for inside, outside in zip(inner, outer, strict=True))


def _range(text: str, whole: str, place: Place) -> list[int]:
    first, _, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()) or max(len(first), len(last)) > 9:
        raise _no_port(whole, place)
    low, high = int(first), int(last or first)
    if not 0 <= low <= high <= 65535 or high - low >= _MOST_PORTS:
        raise _no_port(whole, place)
    return list(range(low, high + 1))


def _no_port(text: str, place: Place) -> Unreadable:
    return Unreadable(f"{plain(text)!r} is no port", place, hint="Like 8080:80, 127.0.0.1:8080:80 or 53:53/udp.")


def exposed(entry: Node) -> tuple[tuple[int, str], ...]:
    """One entry of ``expose``: ``3000``, ``3000-3002/udp``."""
    text, _, protocol = (entry.text or "").partition("/")
    return tuple((port, protocol or "tcp") for port in _range(text, entry.text or "", entry.place))


def seconds(text: str | None) -> float | None:
    """``1m30s``; None for nothing, and for what is no duration."""
    if not text:
        return None
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def words(node: Node | None) -> tuple[str, ...] | None:
    """``command`` or ``entrypoint`` as the engine gets it: a text is split as Compose splits it. None: the image's."""
    if node is None:
        return None
    if node.text is None:
        return tuple(item.text or "" for item in node.items)
    try:
        return tuple(shlex.split(node.text))
    except ValueError:
        return tuple(node.text.split())


def written(node: Node) -> str | None:
    """A value as Compose hands it on: what YAML reads as a number comes back in its usual form."""
    text = node.text
    if text is None or not node.plain:
        return text
    if _HEX.match(text) and len(text) < 1000:
        return str(int(text, 0))
    if not _FLOAT.match(text):
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() and abs(number) < 1e21 else repr(number)


def whole_number(node: Node | None) -> int | None:
    text = node.text if node is not None else None
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else None


def healthcheck(node: Node | None) -> HealthCheck | None:
    """The ``healthcheck`` of a service. Raises Unreadable."""
    if node is None:
        return None
    if not isinstance(node.value, dict):
        raise Unreadable("healthcheck is not a mapping", node.place)
    test = node.get("test")
    if node.truth("disable"):
        return HealthCheck(("NONE",))
    said: tuple[str, ...] = ()
    if test is not None:
        said = ("CMD-SHELL", test.text) if test.text is not None else tuple(item.text or "" for item in test.items)
        if said[:1] not in (("CMD",), ("CMD-SHELL",), ("NONE",), ()):
            raise Unreadable("the test of a healthcheck begins with CMD, CMD-SHELL or NONE", test.place)
    return HealthCheck(
        said,
        interval=seconds(node.string("interval")),
        timeout=seconds(node.string("timeout")),
        start_period=seconds(node.string("start_period")),
        retries=whole_number(node.get("retries")),
    )
