"""Parse events to a tree of spans. Only for finding places: what the file means is `model`'s business.

Built on events because PyYAML's composed nodes hide where an alias stands, and with own ends because the end mark of a
block collection is the start of the next token, after other people's comments and blank lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import yaml

from .loader import events, template_refusal
from .refused import REPAIR, EditRefused
from .text import SourceText

MAX_DEPTH = 100
MAX_NODES = 200_000


class Kind(Enum):
    """What a node is in the text."""

    MAPPING = "mapping"
    SEQUENCE = "list"
    SCALAR = "scalar"
    ALIAS = "alias"


@dataclass(slots=True, eq=False)
class Span:
    """One node as it stands in the text. `end` is where its own content ends, trailing blanks and comments left out."""

    kind: Kind
    start: int
    end: int
    column: int
    anchor: str | None = None
    tag: str | None = None
    flow: bool = False
    style: str = ""
    """Scalars: empty for plain, else the quote or block indicator."""
    value: str = ""
    """Scalars: the text. Aliases: the anchor's name."""
    items: list[Span] = field(default_factory=list)
    """Sequences: the items. Mappings: key, value, key, value ..."""

    @property
    def pairs(self) -> list[tuple[Span, Span]]:
        """The key and value spans of a mapping."""
        return list(zip(self.items[::2], self.items[1::2], strict=True))

    @property
    def is_blank(self) -> bool:
        """True for a value that is not written at all."""
        return self.kind is Kind.SCALAR and self.style == "" and self.value == "" and not (self.anchor or self.tag)

    @property
    def keeps_blank_lines(self) -> bool:
        """True when the last thing in this node is a block scalar that owns its trailing blank lines."""
        if self.kind in (Kind.MAPPING, Kind.SEQUENCE):
            return not self.flow and bool(self.items) and self.items[-1].keeps_blank_lines
        return self.style == "+"


@dataclass(frozen=True, slots=True)
class Located:
    """The only document of a file: its root node, where its content may end, who uses which anchor."""

    root: Span
    end: int
    """Where a further top-level section goes: before `...`, else the end of the text."""
    aliases: dict[str, tuple[int, ...]]
    """Anchor name to the lines on which it is used."""


def locate(source: SourceText) -> Located:
    """Build the span tree. Raises EditRefused for anything but one document with a mapping at its root."""
    documents = 0
    root: Span | None = None
    end = len(source.text)
    stack: list[Span] = []
    aliases: dict[str, tuple[int, ...]] = {}
    count = 0
    for event in events(source):
        position = event.start_mark.index
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise EditRefused(
                    "the file holds several YAML documents",
                    "Split it into one file per document, or add the network by hand.",
                    source.line(position),
                )
        elif isinstance(event, yaml.DocumentEndEvent):
            if event.explicit:
                end = position
        elif isinstance(event, yaml.CollectionEndEvent):
            span = stack.pop()
            span.end = _collection_end(span, event)
            if span.kind is Kind.MAPPING:
                _check_keys(source, span)
        elif isinstance(event, yaml.NodeEvent):
            span = _span(source, event)
            count += 1
            if span.kind is Kind.ALIAS:
                aliases[span.value] = (*aliases.get(span.value, ()), source.line(span.start))
            if stack:
                stack[-1].items.append(span)
            else:
                root = span
            if span.kind in (Kind.MAPPING, Kind.SEQUENCE):
                stack.append(span)
            if len(stack) > MAX_DEPTH or count > MAX_NODES:
                raise EditRefused(
                    "the file is too deep or too large to be a compose file", REPAIR, source.line(span.start)
                )
    if root is None or root.is_blank:
        raise EditRefused("the file is empty", "Name the compose file that defines the service.")
    if root.kind is not Kind.MAPPING:
        raise EditRefused("the file is not a mapping of sections", REPAIR, source.line(root.start))
    return Located(root, end, aliases)


def child(mapping: Span, key: str) -> tuple[Span, Span] | None:
    """The key and value spans of `key` in `mapping`, written in the mapping itself (not merged into it)."""
    for key_span, value in mapping.pairs:
        if key_span.kind is Kind.SCALAR and key_span.value == key:
            return key_span, value
    return None


def _span(source: SourceText, event: Any) -> Span:
    start, end, column = event.start_mark.index, event.end_mark.index, event.start_mark.column
    if isinstance(event, yaml.AliasEvent):
        return Span(Kind.ALIAS, start, end, column, value=str(event.anchor))
    if isinstance(event, yaml.ScalarEvent):
        style, value = event.style or "", str(event.value)
        if style in ("|", ">"):
            end, style = _block_scalar_end(source, start, end, style)
        return Span(Kind.SCALAR, start, end, column, event.anchor, event.tag, style=style, value=value)
    kind = Kind.MAPPING if isinstance(event, yaml.MappingStartEvent) else Kind.SEQUENCE
    return Span(kind, start, end, column, event.anchor, event.tag, flow=bool(event.flow_style))


def _collection_end(span: Span, event: Any) -> int:
    if span.flow:
        return int(event.end_mark.index)
    return max((item.end for item in span.items), default=span.start)


def _block_scalar_end(source: SourceText, start: int, end: int, style: str) -> tuple[int, str]:
    """Where the last line of a block scalar's content ends, and its style with `+` when blank lines are content."""
    first = source.line(start)
    header = source.rest_of_line(start).split(" #")[0]
    indicator = header[header.find(style, _after_properties(header)) :]
    if "+" in indicator:
        last = source.line(end - 1) if end and source.line_start(end) == end else source.line(end)
        return source.starts[last - 1] + len(source.rest_of_line(source.starts[last - 1])), "+"
    last = source.line(end)
    lines = [source.rest_of_line(source.starts[number - 1]) for number in range(first + 1, last + 1)]
    if source.line_start(end) == end or last == first:
        lines = lines[: last - first - 1]
    else:
        lines[-1:] = [source.text[source.line_start(end) : end]]
    widths = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")]
    indent = min(widths, default=0)
    # A line of more spaces than the indentation is content, not a trailing blank.
    while lines and not lines[-1].strip(" ") and (not widths or len(lines[-1]) <= indent):
        lines.pop()
    number = first + len(lines)
    begin = source.starts[number - 1]
    return (start + len(source.rest_of_line(start)) if not lines else begin + len(lines[-1])), style


def _after_properties(header: str) -> int:
    """Where the block indicator of a scalar can be, after `&anchor` and `!tag`."""
    position = 0
    while header[position : position + 1] in ("&", "!"):
        space = header.find(" ", position)
        if space < 0:
            return position
        position = space + 1
        while header[position : position + 1] == " ":
            position += 1
    return position


def _check_keys(source: SourceText, mapping: Span) -> None:
    for key in mapping.items[::2]:
        line = source.line(key.start)
        if key.kind in (Kind.MAPPING, Kind.SEQUENCE):
            snippet = source.text[max(key.start - 1, 0) : key.end + 1]
            if "{" in snippet:
                raise template_refusal(line)
            raise EditRefused("a list or mapping stands as a key", REPAIR, line)
        bare = key.value.strip()
        if key.kind is Kind.SCALAR and key.style == "" and (bare != key.value or "\u00a0" in key.value):
            raise EditRefused(
                "a key begins with an invisible character that is not a space (a no-break space, for example)",
                "Replace it by ordinary spaces, then try again.",
                line,
            )
