"""Whether two texts mean the same, though a program laid one of them out anew from the other."""

from __future__ import annotations

from contextlib import suppress

from .locate import locate
from .model import Mapping, Tagged, Value, read
from .refused import EditRefused
from .text import SourceText

_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n"})


def same_meaning(one: bytes, other: bytes) -> bool:
    """Whether two compose texts hold the same values, as far as any reader of YAML can tell.

    Comments, quotes, order of keys and layout do not count, nor does how a number is written (`0644` is 420 to some
    readers). An empty list and an empty mapping are one thing, as in languages that have one type for both. False
    when one of them cannot be read.
    """
    try:
        return _alike(_model(one), _model(other))
    except EditRefused:
        return one == other


def _model(source: bytes) -> Mapping:
    text = SourceText.decode(source)
    locate(text)  # refuses what is too deep to be read
    return read(text)


def _alike(one: Value, other: Value) -> bool:
    if isinstance(one, list | dict) and isinstance(other, list | dict) and not one and not other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, Tagged) and isinstance(other, Tagged):
        return one.tag == other.tag and _alike(one.value, other.value)
    if isinstance(one, str) and isinstance(other, str):
        return one == other or not _readings(one).isdisjoint(_readings(other))
    return one is None and other is None


def _readings(text: str) -> frozenset[object]:
    """What a plain scalar may stand for."""
    found: set[object] = {("text", text)}
    low = text.lower()
    if low in _TRUE or low in _FALSE:
        found.add(("boolean", low in _TRUE))
    plain = text.replace("_", "")
    for base in (10, 8, 0):
        try:
            found.add(("number", float(int(plain, base))))
        except (ValueError, OverflowError):
            continue
    with suppress(ValueError):
        found.add(("number", float(plain)))
    return frozenset(found)
