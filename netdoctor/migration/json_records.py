"""One JSON object becomes a record, or is told by its byte: the same for every source that is written in JSON."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from netdoctor.migration.fast import SAFE, Fast, Many, fast_many, fast_parser
from netdoctor.migration.framing import BrokenFrame, Frame
from netdoctor.migration.lines import Fault
from netdoctor.migration.points import default_namespace
from netdoctor.migration.records import BadRecord, Record, Sparse, sparse_of

if TYPE_CHECKING:
    from netdoctor.migration.fast import Numbers
    from netdoctor.migration.records import Vector

_KNOWN = frozenset({"id", "values", "metadata", "namespace"})
_GROUP, _GROUP_BYTES = 64, 256 << 10
"""So many records, or bytes of them, are parsed in one step. Long ones gain nothing by it: one is a step worth."""
_SPARSE = ("sparse_values", "sparseValues")
_OTHER_NAMES = {"values": ("vector", "embedding"), "metadata": ("payload",)}
"""What exporters other than Pinecone's call the same."""
_DEEPEST = 100
"""Levels of metadata. Qdrant's own readers give up a little above it."""


_tuple = tuple.__new__


class Wrong(Exception):
    """What is wrong with one record, as a clause about "it"; ``at`` is a byte offset inside it."""

    def __init__(self, reason: str, at: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


def _no_constant(name: str) -> float:
    raise Wrong(f"{name} is not JSON; every value must be a finite number")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def read_framed(framer: Iterable[Frame | Fault], number: int = 0) -> Iterator[Record | BadRecord]:
    """The records in these frames, counted on from ``number``; a fatal BadRecord comes last when they break off."""
    size = 0
    group: list[Frame | Fault] = []
    fast, many = fast_parser(), fast_many()
    fatal = None
    frames = iter(framer)
    while fatal is None:
        try:
            frame = next(frames, None)
        except BrokenFrame as broken:
            frame, fatal = None, broken
        if frame is not None:
            group.append(frame)
            size += len(frame.raw)
            if len(group) < _GROUP and size < _GROUP_BYTES:
                continue
        yield from _parse(number + 1, group, fast, many)
        number += len(group)
        group, size = [], 0
        if frame is None:
            break
    if fatal is not None:
        yield BadRecord(number + 1, fatal.offset, fatal.reason, fatal=True)


def _parse(
    number: int, group: list[Frame | Fault], fast: Fast | None, many: Many | None
) -> Iterator[Record | BadRecord]:
    """The group's records, of which the first has that number. All in one step, unless something is odd."""
    found = None
    if many is not None and group and len(group[0].raw) * _GROUP <= _GROUP_BYTES:
        whole = [frame for frame in group if isinstance(frame, Frame)]
        found = many(whole) if len(whole) == len(group) else None
    if found is None:
        for index, frame in enumerate(group):
            yield parse_record(number + index, frame, fast)
        return
    for index, (frame, (thing, vector)) in enumerate(zip(group, found, strict=True)):
        try:
            yield _record(number + index, frame, thing, vector)
        except Wrong:
            yield parse_record(number + index, frame)  # the strict way, which names the fault


def parse_record(number: int, frame: Frame | Fault, fast: Fast | None = None) -> Record | BadRecord:
    """The record in ``frame``, or what is wrong with it. What ``fast`` cannot read is read again, strictly."""
    if isinstance(frame, Fault):
        return BadRecord(number, frame.offset, frame.reason)
    try:
        quick = fast(frame) if fast is not None else None
        if quick is not None:
            with contextlib.suppress(Wrong):
                return _record(number, frame, quick[0], _narrow(quick[1]))
        thing = load_object(frame.raw)
        return _record(number, frame, thing, None)
    except Wrong as wrong:
        return BadRecord(number, frame.offset + wrong.at, wrong.reason)


def _record(number: int, frame: Frame | Fault, thing: dict[str, Any], vector: Vector | None) -> Record:
    """``vector``: the values, where they are read already; else they are in ``thing``."""
    usual = thing.keys() <= _KNOWN
    if not usual:
        _rename(thing, vector)
    identity = thing.get("id")
    if not isinstance(identity, str):
        raise Wrong("it has no id" if identity is None else f"its id is {_kind(identity)}, not a string")
    namespace = thing.get("namespace")
    if namespace is not None and not isinstance(namespace, str):
        raise Wrong(f"its namespace is {_kind(namespace)}, not a string")
    metadata = thing.get("metadata")
    if metadata is None:
        metadata = {}
    elif not isinstance(metadata, dict):
        raise Wrong(f"its metadata is {_kind(metadata)}, not an object")
    elif vector is None and frame.raw.count(b"{") + frame.raw.count(b"[") > _DEEPEST and too_deep(metadata):
        raise Wrong(f"its metadata is nested too deeply (more than {_DEEPEST} levels)")
    if vector is None:  # the fast parsers read neither what is deep nor what is no text
        escape = frame.raw.find(b"\\")
        if escape >= 0 and (frame.raw.find(b"\\ud", escape) >= 0 or frame.raw.find(b"\\uD", escape) >= 0):
            refuse_surrogates(identity, namespace, metadata)
    left_out: tuple[str, ...] = ()
    sparse = None
    if not usual:
        sparse = _sparse(next((thing[key] for key in _SPARSE if thing.get(key) is not None), None))
        left_out = tuple(key for key in thing if key not in _KNOWN and key not in _SPARSE)
    values = vector
    if values is None:
        given = thing.get("values")
        values = _nothing() if sparse is not None and not given else _vector(given, "values" in thing)
    size = len(frame.raw)
    name = default_namespace(namespace)
    # The quick way to make a tuple: one is made for every record.
    return _tuple(Record, (number, frame.offset, size, identity, values, metadata, name, left_out, sparse))


def _sparse(given: object) -> Sparse | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Wrong(f"its sparse values are {_kind(given)}, not an object")
    try:
        return sparse_of(given.get("indices") or [], given.get("values") or [])
    except ValueError as error:
        raise Wrong(str(error)) from error


def _nothing() -> Vector:
    import numpy as np

    return np.empty(0, dtype=np.float32)


def _rename(thing: dict[str, Any], vector: Vector | None) -> None:
    """What has another name gets its own, where that is not taken."""
    for name, others in _OTHER_NAMES.items():
        if name in thing or (name == "values" and vector is not None):
            continue
        other = next((other for other in others if other in thing), None)
        if other is not None:
            thing[name] = thing.pop(other)


def too_deep(thing: object) -> bool:
    """Whether it has more than ``_DEEPEST`` levels. No recursion: that is what it protects from."""
    level = [thing]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def load_object(raw: bytes, what: str = "it") -> dict[str, Any]:
    """JSON text as an object, strictly; ``what`` the text is, for the sentence. Raises Wrong."""
    try:
        text = raw.decode("utf-8")
        thing = _decode(text)
    except UnicodeDecodeError as error:
        raise Wrong(f"{what} is not UTF-8", error.start) from error
    except json.JSONDecodeError as error:
        # The parser counts characters; files are counted in bytes.
        raise Wrong(f"{what} is not JSON ({error.msg.lower()})", len(text[: error.pos].encode("utf-8"))) from error
    except RecursionError as error:
        raise Wrong(f"{what} is nested too deeply") from error
    except ValueError as error:  # an integer of more digits than Python reads
        raise Wrong(f"{what} holds a number that cannot be read ({error})") from error
    if not isinstance(thing, dict):
        raise Wrong(f"{what} is {_kind(thing)}, not an object")
    return thing


def _vector(values: object, present: bool) -> Vector:
    import numpy as np

    if not isinstance(values, list):
        raise Wrong(f"its values are {_kind(values)}, not an array" if present else "it has no values")
    for kind in set(map(type, values)) - {float, int}:
        place = next(index for index, value in enumerate(values) if type(value) is kind)
        raise Wrong(f"value {place} is {_kind(values[place])}, not a number")
    try:
        return _narrow(np.array(values, dtype=np.float64))
    except OverflowError as error:
        raise Wrong("a value does not fit a float32") from error


def _narrow(numbers: Numbers) -> Vector:
    """As float32, every value finite. Raises Wrong."""
    import numpy as np

    if not len(numbers):
        raise Wrong("its values are empty")
    if float(numbers.dot(numbers)) < SAFE:  # never true of what is not finite
        return numbers.astype(np.float32)
    with np.errstate(over="ignore"):
        vector = numbers.astype(np.float32)
    if not np.isfinite(vector).all():
        place = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise Wrong(f"value {place} ({float(numbers[place])!r}) does not fit a float32")
    return vector


def refuse_surrogates(identity: str, namespace: str | None, metadata: object) -> None:
    for name, value in (("id", identity), ("namespace", namespace), ("metadata", metadata)):
        if _has_surrogate(value):
            raise Wrong(f"its {name} holds a lone surrogate, which is not text")


def _has_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return any(0xD800 <= ord(character) <= 0xDFFF for character in value)
    if isinstance(value, dict):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_surrogate, value))


def _kind(value: object) -> str:
    """``a string``, ``null``: what JSON calls the type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number" if math.isfinite(value) else "not finite"
    names: dict[type, str] = {str: "a string", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)
