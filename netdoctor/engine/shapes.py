"""Words to say what an answer has to look like, and a check that says where it does not.

A shape is a function of a value and of where it stands; it raises :class:`Unusable`. In a record null counts as
missing: engines write null for an empty list. What a record does not name is nobody's business.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any, str], None]


class Unusable(ValueError):
    """An answer that nothing may be concluded from. ``why``: "" for one that is no JSON at all."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why or "no JSON")
        self.why = why


def anything(value: Any, where: str) -> None:
    """Not read by us."""


def text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise _other(value, where, "a text")


def flag(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        raise _other(value, where, "true or false")


def whole(value: Any, where: str) -> None:
    # To Python true is a number.
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**64:
        raise _other(value, where, "a whole number")


def address(value: Any, where: str) -> None:
    """An IP address, with or without its prefix length; "" for none."""
    text(value, where)
    if value:
        _parsed(ipaddress.ip_interface, value, where, "an IP address")


def subnet(value: Any, where: str) -> None:
    """In CIDR notation; "" for none."""
    text(value, where)
    if value:
        _parsed(lambda told: ipaddress.ip_network(told, strict=False), value, where, "a subnet")


def word(pattern: str, meaning: str) -> Shape:
    """A text that matches as a whole."""
    compiled = re.compile(pattern)

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise _other(value, where, meaning)

    return check


identity = word(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}", "an id")
"""It becomes a part of the next request's path: no slash, no dots alone, no control character."""


def listing(of: Shape, *, most: int = 100_000) -> Shape:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise _other(value, where, "a list")
        if len(value) > most:
            raise Unusable(f"{where or 'it'} has {len(value)} entries")
        for number, entry in enumerate(value):
            of(entry, f"{where}[{number}]")

    return check


def mapping(of: Shape) -> Shape:
    """Keys that somebody chose; null where a value may be missing is for ``of`` to allow."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _other(value, where, "an object")
        for key, entry in value.items():
            of(entry, _below(where, key[:80]))

    return check


def maybe(of: Shape) -> Shape:
    """Or null."""

    def check(value: Any, where: str) -> None:
        if value is not None:
            of(value, where)

    return check


def record(required: Mapping[str, Shape] | None = None, /, **optional: Shape) -> Shape:
    """An object with these keys. ``required``: neither missing nor null."""
    needed = required or {}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _other(value, where, "an object")
        for key, of in needed.items():
            if value.get(key) is None:
                raise Unusable(f"{where or 'it'} has no {key}")
            of(value[key], _below(where, key))
        for key, of in optional.items():
            if value.get(key) is not None:
                of(value[key], _below(where, key))

    return check


def _parsed(parse: Callable[[str], object], value: str, where: str, meaning: str) -> None:
    try:
        parse(value)
    except ValueError:
        raise _other(value, where, meaning) from None
    if not value.isprintable():  # the name of a zone may hold anything
        raise _other(value, where, meaning)


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def _other(value: Any, where: str, wanted: str) -> Unusable:
    found = "null" if value is None else _NAMES.get(type(value), "something else")
    shown = f" ({ascii(value)[:60]})" if isinstance(value, (str, int, float)) else ""
    return Unusable(f"{where or 'it'} is {found}{shown} and not {wanted}")
