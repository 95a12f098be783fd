"""Record parsers that are several times faster than the standard library's, where they are installed.

They are only ever trusted to be right, never to explain: whatever they refuse or leave open is read again by the
strict parser, which names the fault.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Fast = Callable[[bytes], "tuple[dict[str, Any], Numbers] | None"]
"""The record without its values, and the values; None: read it by the strict parser."""

log = logging.getLogger(__name__)

_KEY = b'"values"'
_PLAIN = frozenset({str, int, float, bool, type(None), dict})


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
    parser: Any = simdjson.Parser()

    def parse(raw: bytes) -> tuple[dict[str, Any], Numbers] | None:
        if not _flat_values(raw):
            return None
        try:
            document = parser.parse(raw)
            values = document["values"]
            buffer = values.as_buffer(of_type="d")
            numbers = np.frombuffer(buffer, dtype=np.float64)
            if len(numbers) != len(values):
                return None
            # Not document.items(): walking over the values costs as much as reading them.
            record = {key: document[key] for key in document.keys() if key != "values"}  # noqa: SIM118
            metadata = record.get("metadata")
            if isinstance(metadata, simdjson.Object):
                record["metadata"] = metadata.as_dict()
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError):
            return None
        if not _PLAIN.issuperset(map(type, record.values())):
            return None  # other arrays and objects would point into the parser's memory
        return record, numbers

    return parse


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


def _flat_values(raw: bytes) -> bool:
    """Whether ``values`` is an array without arrays, objects, strings or words in it.

    simdjson would silently flatten [[1], [2]], and the strict parser must see what is no number.
    """
    escape = raw.find(b"\\")
    if escape >= 0 and (raw.find(b"\\u006", escape) >= 0 or raw.find(b"\\u007", escape) >= 0):
        return False  # letters written as escapes: the key may not look like itself
    at = raw.find(_KEY)
    if at < 0 or raw.find(_KEY, at + 1) >= 0:
        return False
    start = raw.find(b"[", at)
    end = raw.find(b"]", start)
    if start < 0 or end < 0 or raw[at + len(_KEY) : start].strip(b" \t\r\n:"):
        return False
    # One search for each byte, not one for any of them: the first runs at memory speed.
    start += 1
    find = raw.find
    return (
        find(b"[", start, end) < 0
        and find(b"{", start, end) < 0
        and find(b'"', start, end) < 0
        and find(b"l", start, end) < 0
        and find(b"u", start, end) < 0
    )
