"""Record parsers that are several times faster than the standard library's, where they are installed.

They are only ever trusted to be right, never to explain: whatever they refuse or leave open is read again by the
strict parser, which names the fault.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.records import Vector

    Numbers = NDArray[np.float64]

Fast = Callable[[bytes], "tuple[dict[str, Any], Numbers] | None"]
"""The record without its values, and the values; None: read it by the strict parser."""

log = logging.getLogger(__name__)

SAFE = 1e70
"""A sum of squares below it: every value is finite and fits a float32, by far."""
_KEY = b'"values"'


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

    def parse(raw: bytes) -> tuple[dict[str, Any], Numbers] | None:
        parts = _apart(raw)
        if parts is None:
            return None
        try:
            record = loads(parts[0])
            if record.pop("values", None) != 0:
                return None  # they stand somewhere inside, not in the record itself
            return record, frombuffer(parse_numbers(parts[1]).as_buffer(of_type="d"), double)
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError):
            return None

    return parse


Many = Callable[[Sequence[bytes]], "list[tuple[dict[str, Any], Vector]] | None"]
"""The records without their values, and the values as float32, all finite; None: read them one by one."""


def fast_many() -> Many | None:
    """Several records in one step: a call to a parser costs as much as reading a hundred numbers."""
    try:
        simdjson: Any = importlib.import_module("simdjson")
    except ImportError:
        return None
    import numpy as np

    parse_numbers = simdjson.Parser().parse
    loads = _small_loads()

    def parse(raws: Sequence[bytes]) -> list[tuple[dict[str, Any], Vector]] | None:
        parts = [_apart(raw) for raw in raws]
        found: list[tuple[dict[str, Any], Vector]] = []
        try:
            # An array of arrays, which the parser flattens: as many numbers as there are commas, and one.
            arrays = [part[1] for part in parts]  # type: ignore[index]  # of None: a TypeError
            flat = np.frombuffer(parse_numbers(b"[%b]" % b",".join(arrays)).as_buffer(of_type="d"), np.float64)
            counts = [numbers.count(b",") + 1 for numbers in arrays]
            if sum(counts) != len(flat) or not float(flat.dot(flat)) < SAFE:
                return None
            narrow = flat.astype(np.float32)
            start = 0
            for part, count in zip(parts, counts, strict=True):
                record = loads(part[0])  # type: ignore[index]
                if record.pop("values", None) != 0:
                    return None
                found.append((record, narrow[start : start + count]))
                start += count
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError):
            return None
        return found

    return parse


def _small_loads() -> Callable[[bytes], dict[str, Any]]:
    """For the record without its numbers, which is small."""
    with contextlib.suppress(ImportError):
        quick: Callable[[bytes], dict[str, Any]] = importlib.import_module("orjson").loads
        return quick

    def refuse(name: str) -> float:
        raise ValueError(name)

    decode = json.JSONDecoder(parse_constant=refuse).decode
    return lambda text: decode(text.decode("utf-8"))


def _orjson() -> Fast:
    import numpy as np

    orjson: Any = importlib.import_module("orjson")

    def parse(raw: bytes) -> tuple[dict[str, Any], Numbers] | None:
        try:
            record = orjson.loads(raw)
            values = record.pop("values")
        except (ValueError, KeyError):
            return None
        if type(values) is not list or set(map(type, values)) - {float, int}:
            return None
        try:
            return record, np.array(values, dtype=np.float64)
        except OverflowError:
            return None

    return parse


def _apart(raw: bytes) -> tuple[bytes, bytes] | None:
    """The record with 0 for its values, and the array of the values; None where that is not certain.

    An array with arrays, objects, strings or words in it is not taken apart: simdjson would silently flatten
    [[1], [2]], and the strict parser must see what is no number.
    """
    find = raw.find
    escape = find(b"\\")
    if escape >= 0 and (find(b"\\u006", escape) >= 0 or find(b"\\u007", escape) >= 0):
        return None  # letters written as escapes: the key may not look like itself
    at = find(_KEY)
    if at < 0:
        return None
    start = find(b"[", at)
    end = find(b"]", start) + 1
    if start < 0 or end <= 0 or raw[at + len(_KEY) : start].strip(b" \t\r\n:") or find(_KEY, end) >= 0:
        return None
    numbers = raw[start:end]
    # One search for each byte, not one for any of them: the first runs at memory speed.
    inside = numbers.find
    if inside(b"[", 1) >= 0 or inside(b"{") >= 0 or inside(b'"') >= 0 or inside(b"l") >= 0 or inside(b"u") >= 0:
        return None
    return b"%b0%b" % (raw[:start], raw[end:]), numbers
