"""Compose's variables: ``$NAME``, ``${NAME}``, ``${NAME:-x}`` and its kin (``-``, ``:?``, ``?``, ``:+``, ``+``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from netdoctor.model import Blank, Place
from netdoctor.terminal import plain
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.tree import Node, Value

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_DEPTH = 20


class Interpolation:
    """One environment. ``blanks`` collects, by place, the variables that had no value where one was wanted."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.blanks: dict[Place, str] = {}
        self.optional: dict[Place, str] = {}
        """Those that are empty by their own default: ``${NAME:-}``."""

    def node(self, node: Node) -> Node:
        """The same tree with every scalar value filled in; keys stay as they are. Raises Unreadable."""
        value: Value = node.value
        if isinstance(value, str):
            if "$" not in value:
                return node
            return replace(node, value=self.text(value, node.place), plain=False)
        if isinstance(value, list):
            return node.with_value([self.node(item) for item in value])
        if isinstance(value, dict):
            return node.with_value({key: self.node(item) for key, item in value.items()})
        return node

    def text(self, text: str, place: Place, depth: int = 0) -> str:
        """``text`` with its variables filled in. Raises Unreadable for a form that Compose does not know."""
        if depth > _DEPTH:
            raise Unreadable("a variable's default holds too many variables in each other", place)
        parts: list[str] = []
        position = 0
        while True:
            dollar = text.find("$", position)
            if dollar < 0:
                return "".join([*parts, text[position:]])
            parts.append(text[position:dollar])
            after = text[dollar + 1 : dollar + 2]
            if after == "$":
                parts.append("$")
                position = dollar + 2
            elif after == "{":
                end = _closing(text, dollar + 2)
                if end is None:
                    raise _invalid(text[dollar:], place)
                parts.append(self._braced(text[dollar + 2 : end], place, depth))
                position = end + 1
            else:
                name = _NAME.match(text, dollar + 1)
                # Before anything but a name or a brace, a dollar sign is just one.
                parts.append(self._value(name.group(), place) if name is not None else "$")
                position = name.end() if name is not None else dollar + 1

    def _braced(self, inner: str, place: Place, depth: int) -> str:
        name = _NAME.match(inner)
        if name is None:
            raise _invalid("${" + inner + "}", place)
        variable, rest = name.group(), inner[name.end() :]
        if not rest:
            return self._value(variable, place)
        operator = _OPERATOR.match(rest)
        if operator is None:
            raise _invalid("${" + inner + "}", place)
        sign, word = operator.group(), rest[operator.end() :]
        value = self.environment.get(variable)
        there = value is not None and (value != "" or not sign.startswith(":"))
        if sign.endswith("-"):
            if not there and not word:
                self.optional[place] = variable
            return value if there and value is not None else self.text(word, place, depth + 1)
        if sign.endswith("+"):
            return self.text(word, place, depth + 1) if there else ""
        if there and value is not None:
            return value
        reason = self.text(word, place, depth + 1)
        raise Unreadable(
            f"the variable {variable} is required and has no value{f': {plain(reason)}' if reason else ''}",
            place,
            hint=f"Set it for this run; where its value does not matter, any will do: {variable}=x netdoctor lint ...",
        )

    def _value(self, variable: str, place: Place) -> str:
        value = self.environment.get(variable)
        if value is None:
            self.blanks[place] = variable
            return ""
        return value


def blanks_under(node: Node, blanks: Mapping[Place, str], path: tuple[str, ...]) -> tuple[Blank, ...]:
    """The blanks among the entries of a mapping, with their paths."""
    found = ((key, blanks.get(entry.place)) for key, entry in node.fields.items())
    return tuple(Blank((*path, key), variable) for key, variable in found if variable is not None)


def _closing(text: str, start: int) -> int | None:
    """The index of the ``}`` that closes the ``${`` before ``start``."""
    depth = 1
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return None


def _invalid(text: str, place: Place) -> Unreadable:
    return Unreadable(
        f"{plain(text[:40])!r} is no variable that Compose understands",
        place,
        hint="A dollar sign that shall stay one is written twice: $$.",
    )
