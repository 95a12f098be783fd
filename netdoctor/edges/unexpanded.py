"""``http://${API_HOST}:8080`` that nobody filled in before the container got it: what its program may make of it."""

from __future__ import annotations

import re
from collections.abc import Callable

_REFERENCE = re.compile(
    r"\$\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?::?[-=](?P<default>[^${}]*))?\}"
    r"|\$\((?P<round>[A-Za-z_][A-Za-z0-9_]*)\)"
    r"|\$(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
)
_DEPTH = 3
"""Variables that are made of variables, so deep."""
_LONGEST = 4096
LEFT = re.compile(r"[${}%<>]")
"""What a host has in it when something in it was not filled in."""


def filled(value: str, look: Callable[[str], str | None]) -> str:
    """References replaced by the same container's variables, else by their own default; others stay as they are."""
    for _ in range(_DEPTH):
        if "$" not in value or len(value) > _LONGEST:
            break
        again = _REFERENCE.sub(lambda found: _replaced(found, look), value)
        if again == value:
            break
        value = again
    return value


def _replaced(found: re.Match[str], look: Callable[[str], str | None]) -> str:
    said = look(found["braced"] or found["round"] or found["bare"])
    return said or found["default"] or found[0]
