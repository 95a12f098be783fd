"""What a program hands over is looked at before anything is asked: a wrong kind of it is wrong usage, told by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

from netdoctor import model
from netdoctor.errors import UsageError


def text(name: str, value: object) -> str:
    """Raises UsageError for what is no str."""
    if not isinstance(value, str):
        raise UsageError(f"{name} is of type {type(value).__name__}, and not text.", hint='For example: "app"')
    return value


def path(name: str, value: object) -> str:
    """A file's, as str. Raises UsageError."""
    if not isinstance(value, str | PathLike):
        raise UsageError(f"{name} is of type {type(value).__name__}, and not a path.", hint="Give a str or a Path.")
    found = fspath(value)
    if not isinstance(found, str):
        raise UsageError(f"{name} is a path of bytes, and not of text.", hint="Give a str or a Path.")
    return found


def seconds(name: str, value: object, *, zero: bool = False) -> float:
    """A finite number above zero (or zero). Raises UsageError."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not (value > 0 or (zero and value == 0)):  # type: ignore[operator]
        least = "from 0" if zero else "above 0"
        raise UsageError(f"{name} is {value!r}, and not a number of seconds {least}.")
    return float(value)  # type: ignore[arg-type]


def codes(name: str, value: Any) -> tuple[str, ...]:
    """Several texts, not one of which each letter would be taken. Raises UsageError."""
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise UsageError(f"{name} is of type {type(value).__name__}, and not a list.", hint='For example: ["ND101"]')
    return tuple(text(name, each) for each in value)


def topology(value: object) -> model.Topology:
    """Raises UsageError."""
    if not isinstance(value, model.Topology):
        raise UsageError(
            f"topology is of type {type(value).__name__}, and not a Topology.",
            hint="Make one with Topology.from_engine, from_compose or from_bundle.",
        )
    return value
