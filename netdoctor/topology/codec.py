"""Frozen dataclasses to plain JSON data and back, by name, for known classes only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from netdoctor.errors import UsageError

CLASS = "_"
"""The key that names a dataclass or an enum."""


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
        return {str(key): encode(item, clean) for key, item in value.items()}
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
        cls = self._classes.get(str(name))
        if cls is None:
            raise UsageError(f"The file holds a {name!r}, which this version of netdoctor does not know.")
        try:
            if issubclass(cls, Enum):
                return cls(value.get("value"))
            known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
            given = {key: self.decode(item) for key, item in value.items() if key in known}
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise UsageError(f"The file's {name} is damaged: {error}.") from error
