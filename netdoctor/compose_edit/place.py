"""Where new text goes: for each thing to add, the possible places, the best first.

A place that turns out to change a value (the end of a block scalar, for example) fails the gates, and the next one is
tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from . import render, splice
from .locate import Kind, Located, Span
from .model import Mapping
from .refused import REPAIR, EditRefused, use_override
from .render import Style
from .splice import Piece
from .text import SourceText

_DASH = re.compile(r"-( +)(?=\S)")


def networks_key(source: SourceText, body: Span, entries: Mapping, style: Style) -> list[Piece]:
    """A new `networks` key in the service body."""
    return _member(
        source,
        body,
        lambda column: render.block_networks(entries, column, style),
        lambda: render.flow_networks(entries, style),
    )


def service_entry(
    source: SourceText, section: Span, block: Callable[[int], list[str]], in_flow: Callable[[], str]
) -> list[Piece]:
    """A further service in a `services` mapping that has some; `block` gives its lines with its name at a column."""
    return _member(source, section, block, in_flow)


def network_entries(source: SourceText, key: Span, value: Span, entries: Mapping, style: Style) -> list[Piece]:
    """Further entries in the service's own `networks` value, whatever its style."""
    line = source.line(key.start)
    if value.kind is Kind.ALIAS:
        raise use_override("the networks of the service are an alias of another part of the file", line)
    if value.tag is not None:
        raise EditRefused(f"the networks carry the tag {value.tag}", REPAIR, line)
    if value.is_blank:
        return _below(source, key, value, render.block_entries(entries, key.column, style))
    if value.kind is Kind.SCALAR:
        raise EditRefused(
            "networks is an explicit null, which Compose rejects", "Take the null away, then try again.", line
        )
    if value.flow:
        if value.kind is Kind.MAPPING:
            text = ", ".join(render.flow_pair(name, options, style) for name, options in entries.items())
        else:
            text = ", ".join(render.flow(name, style) for name in entries)
        return [splice.into_flow(source, value, text)]
    if value.kind is Kind.MAPPING:
        return _member(source, value, lambda column: render.block_pairs(entries, column, style), lambda: "")
    return list_items(source, value, list(entries))


def list_items(source: SourceText, value: Span, names: Sequence[str]) -> list[Piece]:
    """Further items of a block list, with its own dash column and gap."""
    starts = [_dash(source, value, index) for index in range(len(value.items))]
    gaps = [match.group(1) for start in starts if (match := _DASH.match(source.text, start))]
    gap = gaps[-1] if gaps else " "
    column = len(source.prefix(starts[-1]))
    lines = [" " * column + f"-{gap}{render.flow(name, Style())}" for name in names]
    previous = value.items[-2].end if len(value.items) > 1 else value.start
    return _pieces(
        splice.after_lines(source, value.end, lines),
        splice.before_line(source, starts[-1], lines, not_before=previous),
        splice.at_unfinished_end(source, value.end, lines),
    )


def declaration(
    source: SourceText,
    located: Located,
    pair: tuple[Span, Span] | None,
    services: Span,
    key: str,
    network: str,
    style: Style,
) -> list[Piece]:
    """The external network's entry in the top-level `networks`, or that whole section.

    `services` is the key of the services section; `pair` the key and value of the networks section, if there is one.
    """
    flow_text = render.flow_declaration(key, network, style)
    if pair is None:
        if located.root.flow:
            name = render.flow("networks", style)
            return [splice.into_flow(source, located.root, f"{name}: {{{flow_text}}}")]
        column = services.column
        lines = [" " * column + "networks:", *render.declaration(key, network, column + style.step, style.step)]
        return _section(source, located, services, lines)
    section_key, value = pair
    line = source.line(section_key.start)
    if value.kind is Kind.ALIAS:
        raise use_override("the top-level networks are an alias of another part of the file", line)
    if value.is_blank:
        lines = render.declaration(key, network, section_key.column + style.step, style.step)
        return _below(source, section_key, value, lines)
    if value.kind is not Kind.MAPPING:
        raise EditRefused(
            "the top-level networks are no mapping, which Compose rejects", "Take the value away, then try again.", line
        )
    return _member(
        source, value, lambda column: render.declaration(key, network, column, style.step), lambda: flow_text
    )


def aliases(source: SourceText, key: Span, entry: Span, names: Sequence[str], style: Style) -> list[Piece]:
    """Aliases for a network entry (`key: entry`) of a mapping that is there already."""
    line = source.line(key.start)
    if entry.kind is Kind.ALIAS:
        raise use_override("the network's options are an alias of another part of the file", line)
    options: Mapping = {"aliases": list(names)}
    if entry.is_blank:
        return _below(source, key, entry, render.block_pair("aliases", list(names), key.column + style.step, style))
    if entry.kind is not Kind.MAPPING:
        raise use_override("the network's options are an explicit null", line)
    for name, value in entry.pairs:
        if name.value == "aliases":
            if value.kind is not Kind.SEQUENCE or not value.items:
                raise use_override("the network's aliases are not a list of names", source.line(name.start))
            if value.flow:
                return [splice.into_flow(source, value, ", ".join(render.flow(alias, style) for alias in names))]
            return list_items(source, value, names)
    return _member(
        source,
        entry,
        lambda column: render.block_pair("aliases", options["aliases"], column, style),
        lambda: render.flow_pair("aliases", options["aliases"], style),
    )


def detect_style(source: SourceText, located: Located, section: Span, body: Span) -> Style:
    """The file's indentation: of the keys of `body`, else of the file; of the dashes of the lists nearby."""
    if section.flow or not section.items:
        return Style(json=located.root.flow)
    step = max(body.items[0].column - section.items[0].column, 0) if not body.flow and body.items else 0
    root = located.root.items[0].column
    step = step or max(section.items[0].column - root, 0) or 2
    bodies = [body, *(value for _, value in section.pairs if value is not body)]
    for candidate in bodies:
        if candidate.kind is not Kind.MAPPING or candidate.flow:
            continue
        for key, value in candidate.pairs:
            if value.kind is Kind.SEQUENCE and not value.flow and value.items and value.anchor is None:
                match = _DASH.match(source.text, value.start)
                gap = match.group(1) if match else " "
                if value.column >= key.column:
                    return Style(step, value.column - key.column, gap)
    return Style(step, step)


def section_step(located: Located, section: Span) -> int:
    """Columns from a top-level key to the keys below it, as the services section has it."""
    if section.flow or not section.items:
        return 2
    return max(section.items[0].column - located.root.items[0].column, 0) or 2


def _member(
    source: SourceText, mapping: Span, block: Callable[[int], list[str]], in_flow: Callable[[], str]
) -> list[Piece]:
    """A new member of a mapping that has members, or of any flow mapping."""
    if mapping.flow:
        return [splice.into_flow(source, mapping, in_flow())]
    key = mapping.items[-2]
    prefix = source.prefix(key.start)
    if prefix.strip(" "):
        raise use_override("the mapping is laid out in a way that cannot be added to", source.line(key.start))
    lines = block(len(prefix))
    previous = mapping.items[-3].end if len(mapping.items) > 2 else mapping.start
    return _pieces(
        splice.after_lines(source, mapping.end, lines),
        splice.before_line(source, key.start, lines, not_before=previous),
        splice.at_unfinished_end(source, mapping.end, lines),
    )


def _below(source: SourceText, key: Span, value: Span, lines: list[str]) -> list[Piece]:
    """Lines below a key without a value."""
    end = max(key.end, value.end)
    return _pieces(splice.after_lines(source, end, lines), splice.at_unfinished_end(source, end, lines))


def _section(source: SourceText, located: Located, services: Span, lines: list[str]) -> list[Piece]:
    """A new top-level section: at the end of the document, or above `services` where the last line is unfinished."""
    places: list[Piece | None] = []
    end = located.end
    start = source.line_start(end)
    if start and not source.text[start:end].strip(" "):
        above = source.rest_of_line(source.line_start(start - 1))
        spaced = lines if not above.strip() or located.root.keeps_blank_lines else ["", *lines]
        places.append(splice.whole_lines(source, start, start - 1, spaced))
        if spaced is not lines:
            places.append(splice.whole_lines(source, start, start - 1, lines))
    before = [pair[1].end for pair in located.root.pairs if pair[0].start < services.start]
    floor = max(before, default=located.root.start)
    places.append(splice.before_line(source, services.start, [*lines, ""], not_before=floor))
    places.append(splice.at_unfinished_end(source, len(source.text), lines))
    return _pieces(*places)


def _dash(source: SourceText, value: Span, index: int) -> int:
    """The position of the dash of an item of a block list."""
    item = value.items[index]
    previous = value.items[index - 1].end if index else source.text.rindex("-", 0, item.start + 1)
    if index == 0 and value.anchor is None:
        return value.start
    for number in range(source.line(item.start), source.line(previous) - 1, -1):
        start = source.starts[number - 1]
        content = source.rest_of_line(start)
        stripped = content.lstrip(" ")
        position = start + len(content) - len(stripped)
        if stripped.startswith("-") and (stripped[1:2] in ("", " ")) and position <= item.start:
            return position
    raise use_override("the list is laid out in a way that cannot be added to", source.line(item.start))


def _pieces(*candidates: Piece | None) -> list[Piece]:
    return [piece for piece in candidates if piece is not None]
