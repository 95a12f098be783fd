"""Frozen dataclasses to plain JSON data and back, by name, for known classes only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from netdoctor.errors import UsageError
from netdoctor.terminal import plain

CLASS = "_"
"""The key that names a dataclass or an enum."""
PAIRS = "pairs"
"""The name for a mapping whose keys are no text, or look like ours."""


def encode(value: Any, clean: Callable[[str], str]) -> Any:
    """Every string passes ``clean``. Tuples and sets become lists."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            CLASS: type(value).__name__,
            **{field.name: encode(getattr(value, field.name), clean) for field in fields(value)},
        }
    if isinstance(value, Enum):
        return {CLASS: type(value).__name__, "value": value.value}
    if isinstance(value, Mapping):
        if CLASS in value or not all(isinstance(key, str) for key in value):
            pairs = [[encode(key, clean), encode(item, clean)] for key, item in value.items()]
            return {CLASS: PAIRS, "value": pairs}
        return {clean(key): encode(item, clean) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return [encode(item, clean) for item in sorted(value, key=str)]
    if isinstance(value, tuple | list):
        return [encode(item, clean) for item in value]
    return clean(value) if isinstance(value, str) else value


class Decoder:
    """Builds only classes it was given; unknown fields of a newer writer are left out."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._classes = {cls.__name__: cls for cls in classes}

    def decode(self, value: Any) -> Any:
        """Raises UsageError for a class this version does not know, or one whose fields do not fit."""
        if isinstance(value, list):
            return tuple(self.decode(item) for item in value)
        if not isinstance(value, dict):
            return value
        name = value.get(CLASS)
        if name is None:
            return {key: self.decode(item) for key, item in value.items()}
        try:
            if name == PAIRS:
                return {self.decode(key): self.decode(item) for key, item in value["value"]}
            return self._built(str(name), value)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise UsageError(f"The file's {plain(str(name))} is damaged: {plain(str(error))}.") from error

    def _built(self, name: str, value: Mapping[str, Any]) -> Any:
        cls = self._classes.get(name)
        if cls is None:
            raise UsageError(f"The file holds a {plain(name)!r}, which this version of netdoctor does not know.")
        if issubclass(cls, Enum):
            return cls(value.get("value"))
        hints = _hints(cls)  # type: ignore[arg-type]
        given = {key: _fitted(self.decode(item), hints[key], key) for key, item in value.items() if key in hints}
        return cls(**given)


@cache
def _hints(cls: type) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    known = get_type_hints(cls)
    return {field.name: known[field.name] for field in fields(cls)}


def _fitted(value: Any, hint: Any, where: str) -> Any:
    """The value when it is of that type (a list read back becomes the set it was). Raises TypeError."""
    origin = get_origin(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return value
    if origin in (Union, UnionType):
        for each in get_args(hint):
            with contextlib.suppress(TypeError):
                return _fitted(value, each, where)
    elif origin is tuple and isinstance(value, tuple):
        kinds = get_args(hint)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            return tuple(_fitted(item, kinds[0], where) for item in value)
        if len(kinds) == len(value):
            return tuple(_fitted(item, kind, where) for item, kind in zip(value, kinds, strict=True))
    elif origin is frozenset and isinstance(value, tuple):
        return frozenset(_fitted(item, get_args(hint)[0], where) for item in value)
    elif origin is Mapping and isinstance(value, dict):
        key_kind, kind = get_args(hint)
        return {_fitted(key, key_kind, where): _fitted(item, kind, where) for key, item in value.items()}
    elif hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    else:
        plain_kind = origin or hint
        protocol = getattr(plain_kind, "_is_protocol", False)
        if protocol or (isinstance(value, plain_kind) and not (isinstance(value, bool) and plain_kind is int)):
            return value
    raise TypeError(f"{where} does not fit")
