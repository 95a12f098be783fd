"""Record parsers that are several times faster than the standard library's, where they are installed.

They are only ever trusted to be right, never to explain: whatever they refuse or leave open is read again by the
strict parser, which names the fault.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import re
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netdoctor.migration.framing import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.records import Vector

    Numbers = NDArray[np.float64]

Fast = Callable[[Frame], "tuple[dict[str, Any], Numbers] | None"]
"""The record without its values, and the values; None: read it by the strict parser."""

log = logging.getLogger(__name__)

SAFE = 1e70
"""A sum of squares below it: every value is finite and fits a float32, by far."""


class _Key(NamedTuple):
    """How the key of the numbers is written: alone, as it mostly stands before them, and in any other way."""

    bare: bytes
    usual: tuple[bytes, bytes]
    any: re.Pattern[bytes]

    @classmethod
    def of(cls, name: str) -> _Key:
        bare = b'"%b"' % name.encode("ascii")
        return cls(bare, (bare + b": ", bare + b":"), re.compile(bare + rb"[ \t\r\n]*+:[ \t\r\n]*+\Z"))


_VALUES = _Key.of("values")
STAND_IN = 5764607523034234879
"""What is read instead of the numbers; no number that anything has by chance."""
_WRITTEN = b"%d" % STAND_IN
_DEEP = 100
"""What may be nested more deeply than this is read strictly: it is refused with its reason."""
_REFUSALS = (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError, RecursionError)


def fast_parser() -> Fast | None:
    """The fastest that is installed. One parser per reader: it is not thread-safe."""
    for make in (_simdjson, _orjson):
        try:
            return make()
        except ImportError:
            continue
    log.debug("no fast JSON parser is installed")
    return None


def _simdjson() -> Fast:
    import numpy as np

    # By name: it is optional, also for the type checker.
    simdjson: Any = importlib.import_module("simdjson")
    parse_numbers = simdjson.Parser().parse
    loads = _small_loads()
    frombuffer, double = np.frombuffer, np.dtype(np.float64)

    def parse(frame: Frame) -> tuple[dict[str, Any], Numbers] | None:
        parts = _apart(frame)
        if parts is None:
            return None
        try:
            record = loads(parts[0])
            if record.pop("values", None) != STAND_IN:
                return None  # they stand somewhere inside, not in the record itself
            return record, frombuffer(parse_numbers(parts[1]).as_buffer(of_type="d"), double)
        except _REFUSALS:
            return None

    return parse


Many = Callable[[Sequence[Frame]], "list[tuple[dict[str, Any], Vector]] | None"]
"""The records without their values, and the values as float32, all finite; None: read them one by one."""


def fast_many(name: str = "values") -> Many | None:
    """Several records in one step: a call to a parser costs as much as reading a hundred numbers.

    ``name``: the key of the numbers. One reader at a time.
    """
    key = _Key.of(name)
    try:
        simdjson: Any = importlib.import_module("simdjson")
    except ImportError:
        return None
    import numpy as np

    parse_numbers = simdjson.Parser().parse
    loads = _small_loads()

    def parse(frames: Sequence[Frame]) -> list[tuple[dict[str, Any], Vector]] | None:
        texts = _texts(frames, key)
        if texts is None:
            return None
        try:
            records: Any = loads(texts[0])
            parsed = parse_numbers(texts[1])
            counts = [len(array) for array in parsed]
            flat = np.frombuffer(parsed.as_buffer(of_type="d"), np.float64)  # flattened
        except _REFUSALS:
            return None
        if not len(counts) == len(records) == len(frames) or sum(counts) != len(flat) or 0 in counts:
            return None
        # In parts: a longer product is made by several threads, which here only wait for each other.
        if not all(float(part.dot(part)) < SAFE for part in (flat[n : n + 8192] for n in range(0, len(flat), 8192))):
            return None
        narrow = flat.astype(np.float32)
        found: list[tuple[dict[str, Any], Vector]] = []
        start = 0
        for record, count in zip(records, counts, strict=True):
            if record.pop(name, None) != STAND_IN:
                return None
            found.append((record, narrow[start : start + count]))
            start += count
        return found

    return parse


def _texts(frames: Sequence[Frame], key: _Key) -> tuple[bytes, bytes] | None:
    """The records with a number in the place of their values, as an array, and the arrays of the values, as another."""
    usual = key.usual
    rests: list[bytes] = []
    arrays: list[bytes] = []
    before = b"["
    for frame in frames:
        _, raw, start, end = frame
        if end and raw.endswith(usual, 0, start):  # as _apart does it, and a call less
            rests.append(before + raw[:start])
            arrays.append(raw[start:end])
            before = raw[end:] + b","
            continue
        apart = _apart(frame, key)
        if apart is None:
            return None
        head, _, tail = apart[0].partition(_WRITTEN)
        rests.append(before + head)
        arrays.append(apart[1])
        before = tail + b","
    rests.append(before[:-1] + b"]")
    arrays[0] = b"[" + arrays[0]
    arrays[-1] += b"]"
    return _WRITTEN.join(rests), b",".join(arrays)


def _small_loads() -> Callable[[bytes], dict[str, Any]]:
    """For the record without its numbers, which is small. Refuses a lone surrogate, which is no text."""
    with contextlib.suppress(ImportError):
        quick: Callable[[bytes], dict[str, Any]] = importlib.import_module("orjson").loads
        return quick

    def refuse(name: str) -> float:
        raise ValueError(name)

    decode = json.JSONDecoder(parse_constant=refuse).decode

    def load(text: bytes) -> dict[str, Any]:
        if b"\\ud" in text or b"\\uD" in text:
            raise ValueError("half a character, perhaps")
        found: dict[str, Any] = decode(text.decode("utf-8"))
        return found

    return load


def _orjson() -> Fast:
    import numpy as np

    orjson: Any = importlib.import_module("orjson")
    loads, frombuffer, pack, double = orjson.loads, np.frombuffer, struct.pack, np.dtype(np.float64)

    def parse(frame: Frame) -> tuple[dict[str, Any], Numbers] | None:
        parts = _apart(frame)
        # true and false would be taken for numbers; null and all the rest are refused when they are packed.
        if parts is None or parts[1].find(b"u") >= 0 or parts[1].find(b"l") >= 0:
            return None
        try:
            record = loads(parts[0])
            if record.pop("values", None) != STAND_IN:
                return None
            values = loads(parts[1])
            return record, frombuffer(pack(f"{len(values)}d", *values), double)
        except (*_REFUSALS, struct.error):
            return None

    return parse


def _apart(frame: Frame, key: _Key = _VALUES) -> tuple[bytes, bytes] | None:
    """The record with a number in the place of its values, and the array of the values; None where that is not certain.

    An array with arrays or strings in it is not taken apart: simdjson would silently flatten [[1], [2]]. Words and
    objects in it simdjson refuses by itself. What looks like the record's values and is not (a key inside something
    else, one that comes again, one spelled with escapes) is seen when the rest is read: the number is not there.
    """
    raw, start, end = frame.raw, frame.start, frame.end
    if not end:
        find = raw.find
        start = find(b"[", find(key.bare))
        end = find(b"]", start) + 1
        if start < 0 or end <= 0 or find(b"[", start + 1, end) >= 0 or find(b'"', start, end) >= 0:
            return None
        if raw.count(b"{") + raw.count(b"[") > _DEEP:
            return None
    if not raw.endswith(key.usual, 0, start) and not key.any.search(raw, max(0, start - 64), start):
        return None
    return b"%b%b%b" % (raw[:start], _WRITTEN, raw[end:]), raw[start:end]
