"""What the file says: plain dicts and lists with merge keys applied, every scalar as text, duplicate keys refused.

Reads through PyYAML's composer, so it shares no code with `locate`: the two can disagree, and then nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias, Union

import yaml

from .loader import compose, template_refusal
from .refused import REPAIR, EditRefused
from .text import SourceText

MAX_EXPANDED = 500_000
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_STANDARD = "tag:yaml.org,2002:"


class Plain(str):
    """A scalar written without quotes: equal to the same text in quotes, but to be copied as it stands."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with an explicit tag that is not YAML's own, such as `!reset`."""

    tag: str
    value: Value
    line: int = field(compare=False)
    """Where it stands, from 1; an edit above moves it."""


Value: TypeAlias = Union[str, "list[Value]", "dict[str, Value]", Tagged, None]
Mapping: TypeAlias = "dict[str, Value]"


def read(source: SourceText) -> Mapping:
    """The resolved model of the only document. Raises EditRefused, with the line, for what Compose rejects as well."""
    node = compose(source)
    value = _Reader(source).value(node) if node is not None else None
    if not isinstance(value, dict):
        raise EditRefused("the file is not a mapping of sections", REPAIR)
    return value


class _Reader:
    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._done: dict[int, tuple[Value, int]] = {}
        self._open: set[int] = set()

    def value(self, node: yaml.Node) -> Value:
        return self._sized(node)[0]

    def _line(self, node: yaml.Node) -> int:
        return self._source.line(node.start_mark.index)

    def _sized(self, node: yaml.Node) -> tuple[Value, int]:
        """The value of a node and its size with all aliases written out."""
        known = self._done.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open:
            raise EditRefused("an anchor contains itself", REPAIR, self._line(node))
        self._open.add(id(node))
        value, size = self._build(node)
        self._open.discard(id(node))
        if size > MAX_EXPANDED:
            raise EditRefused("the aliases of the file expand without measure", REPAIR, self._line(node))
        if not node.tag.startswith(_STANDARD) and node.tag != "!":
            value = Tagged(node.tag, value, self._line(node))
        self._done[id(node)] = (value, size)
        return value, size

    def _build(self, node: yaml.Node) -> tuple[Value, int]:
        if isinstance(node, yaml.ScalarNode):
            text = str(node.value)
            plain = not node.style and node.tag == f"{_STANDARD}str"
            if not plain:
                return text, 1
            return (None if text in _NULLS else Plain(text)), 1
        if isinstance(node, yaml.SequenceNode):
            items = [self._sized(item) for item in node.value]
            return [value for value, _ in items], 1 + sum(size for _, size in items)
        own: Mapping = {}
        merged: list[Mapping] = []
        size = 1
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise template_refusal(self._line(key_node))
            key = str(key_node.value)
            if key in seen:
                raise EditRefused(f"the key {key!r} is there twice in one mapping", REPAIR, self._line(key_node))
            seen.add(key)
            value, part = self._sized(value_node)
            size += part
            if key == "<<" and not key_node.style:
                merged = self._merged(value, self._line(key_node))
            else:
                own[key] = value
        for mapping in merged:
            for key, value in mapping.items():
                own.setdefault(key, value)
        return own, size

    def _merged(self, value: Value, line: int) -> list[Mapping]:
        sources = value if isinstance(value, list) else [value]
        mappings = [source for source in sources if isinstance(source, dict)]
        if len(mappings) != len(sources):
            raise EditRefused("a merge key (<<) takes in something that is not a mapping", REPAIR, line)
        return mappings
