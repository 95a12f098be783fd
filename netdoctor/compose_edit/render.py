"""The text of new entries, in block and in flow style."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Mapping, Plain, Tagged, Value
from .naming import written, written_value
from .refused import use_override

_SIMPLE = re.compile(r"[A-Za-z0-9_.+-]+\Z")
_NUMBER_OR_BOOLEAN = re.compile(r"(-?(0|[1-9][0-9]*)|true|false)\Z")


@dataclass(frozen=True, slots=True)
class Style:
    """How this file is indented."""

    step: int = 2
    """Columns from a key to the keys below it."""
    dash: int = 2
    """Columns from a key to the dashes of its list."""
    gap: str = " "
    """What stands between a dash and its item."""
    json: bool = False
    """True when everything has to be quoted."""


def block_networks(entries: Mapping, column: int, style: Style) -> list[str]:
    """The lines of a whole `networks` key at `column`: a list where no entry has options, else a mapping."""
    return [" " * column + "networks:", *block_entries(entries, column, style)]


def block_entries(entries: Mapping, column: int, style: Style) -> list[str]:
    """The lines below a `networks` key at `column`."""
    if all(options is None or options == {} for options in entries.values()):
        return [" " * (column + style.dash) + f"-{style.gap}{written(key)}" for key in entries]
    return block_pairs(entries, column + style.step, style)


def block_pairs(members: Mapping, column: int, style: Style) -> list[str]:
    """The lines of the members of a mapping, their keys at `column`."""
    return [line for key, value in members.items() for line in block_pair(key, value, column, style)]


def block_pair(key: str, value: Value, column: int, style: Style) -> list[str]:
    """The lines of `key` with any value, at `column`."""
    head = " " * column + f"{written(key)}:"
    if value is None:
        return [head]
    if isinstance(value, dict) and value:
        return [head, *block_pairs(value, column + style.step, style)]
    if isinstance(value, list) and value:
        dashes = " " * (column + style.dash) + f"-{style.gap}"
        return [head, *(dashes + flow(item, style) for item in value)]
    return [f"{head} {flow(value, style)}"]


def flow(value: Value, style: Style) -> str:
    """A value on one line."""
    if isinstance(value, Tagged):
        raise use_override(f"a value with the tag {value.tag} would have to be copied", value.line)
    if isinstance(value, dict):
        return "{" + ", ".join(flow_pair(key, inner, style) for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item, style) for item in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, Plain) and (_NUMBER_OR_BOOLEAN if style.json else _SIMPLE).match(value):
        return str(value)
    return written(value, quoted=style.json)


def flow_pair(key: str, value: Value, style: Style) -> str:
    """One member of a flow mapping; an entry without options gets an empty mapping."""
    return f"{written(key, quoted=style.json)}: {flow({} if value is None else value, style)}"


def flow_networks(entries: Mapping, style: Style) -> str:
    """A whole `networks` key as a member of a flow mapping."""
    plain = all(options is None or options == {} for options in entries.values())
    value: Value = list(entries) if plain else {key: options or {} for key, options in entries.items()}
    return f"{written('networks', quoted=style.json)}: {flow(value, style)}"


def declaration(key: str, network: str, column: int, step: int) -> list[str]:
    """The lines of the external network's top-level entry, its key at `column`."""
    lines = [" " * column + f"{written(key)}:", " " * (column + step) + "external: true"]
    if key != network:
        lines.append(" " * (column + step) + f"name: {written_value(network)}")
    return lines


def flow_declaration(key: str, network: str, style: Style) -> str:
    """The external network's top-level entry as a member of a flow mapping."""
    members = [f"{written('external', quoted=style.json)}: true"]
    if key != network:
        members.append(f"{written('name', quoted=style.json)}: {written_value(network, quoted=style.json)}")
    return f"{written(key, quoted=style.json)}: {{{', '.join(members)}}}"


def aliases_value(aliases: Sequence[str]) -> Value:
    """The options of a new entry: its aliases, or none at all."""
    return {"aliases": list(aliases)} if aliases else None
