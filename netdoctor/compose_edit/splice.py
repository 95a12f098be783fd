"""Inserting text, never changing any: where whole lines go, and the insertions that make up an edit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .locate import Kind, Span
from .refused import BY_HAND, EditRefused
from .text import SourceText

_REST = re.compile(r"[ \t]*(#.*)?\Z")
_BLANK = re.compile(r" *\Z")


@dataclass(frozen=True, slots=True)
class Insertion:
    """Bytes put into a file. `offset` counts bytes of the file as it was before the edit."""

    offset: int
    text: bytes

    def as_json(self) -> dict[str, int | str]:
        """A form that any JSON journal can keep; the text is UTF-8."""
        return {"offset": self.offset, "text": self.text.decode("utf-8")}

    @classmethod
    def from_json(cls, data: object) -> Insertion:
        """The inverse of `as_json`. Raises EditRefused for anything else."""
        if isinstance(data, dict):
            offset, text = data.get("offset"), data.get("text")
            if isinstance(offset, int) and not isinstance(offset, bool) and offset >= 0 and isinstance(text, str):
                return cls(offset, text.encode("utf-8"))
        raise EditRefused("the record of the edit is damaged", "Take the added lines out by hand.")


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to put in at a character position of a SourceText."""

    position: int
    text: str


def after_lines(source: SourceText, end: int, lines: Sequence[str]) -> Piece | None:
    """Whole lines after the line on which content ends at `end`; None when that line has no line break."""
    rest = source.rest_of_line(end)
    if not _REST.match(rest):
        raise EditRefused("something stands behind the last value of the block", BY_HAND, source.line(end))
    position = source.next_line(end)
    return None if position is None else whole_lines(source, position, end, lines)


def before_line(source: SourceText, start: int, lines: Sequence[str], *, not_before: int = 0) -> Piece | None:
    """Whole lines before the line that begins with the node at `start`; None when the line begins with something else.

    Comment lines of the node's own column directly above it stay with it, as long as they come after `not_before`.
    """
    if not _BLANK.match(source.prefix(start)):
        return None
    column = len(source.prefix(start))
    number = source.line(start)
    first = source.line(not_before)
    above = number
    while above - 1 > first and _is_comment(source.rest_of_line(source.starts[above - 2]), column):
        above -= 1
    return whole_lines(source, source.starts[above - 1], source.starts[number - 1], lines)


def whole_lines(source: SourceText, position: int, near: int, lines: Sequence[str]) -> Piece:
    """Lines at the line start `position`, with the line ending used at `near`."""
    ending = source.ending_near(near)
    return Piece(position, "".join(line + ending for line in lines))


def at_unfinished_end(source: SourceText, end: int, lines: Sequence[str]) -> Piece | None:
    """Lines after an unterminated last line; the file keeps having no final line break."""
    if source.next_line(end) is not None or not _REST.match(source.rest_of_line(end)):
        return None
    ending = source.ending_near(end)
    return Piece(len(source.text), "".join(ending + line for line in lines))


def into_flow(source: SourceText, node: Span, text: str) -> Piece:
    """`text` as one more element of the flow collection `node`.

    Where an element begins a line of its own the new one gets a line as well, before it; else the line is changed.
    """
    step = 2 if node.kind is Kind.MAPPING else 1
    for item in node.items[::step]:
        prefix = source.prefix(item.start)
        if not prefix.strip(" \t") and source.line(item.start) > source.line(node.start):
            return whole_lines(source, source.line_start(item.start), item.start, [f"{prefix}{text},"])
    if not node.items:
        opener = source.text.index("{" if node.kind is Kind.MAPPING else "[", node.start)
        return Piece(opener + 1, text)
    last = node.items[-1]
    end = max(last.end, node.items[-step].end) if not last.is_blank else node.items[-step].end
    if last.is_blank and step == 2:
        colon = re.compile(r"\s*:").match(source.text, end)
        end = colon.end() if colon else end
    return Piece(end, f", {text}")


def insertions(source: SourceText, pieces: Iterable[Piece]) -> tuple[Insertion, ...]:
    """The pieces as insertions into the bytes of the file, in order; pieces at one position keep their order."""
    ordered = sorted(pieces, key=lambda piece: piece.position)
    return tuple(Insertion(source.byte_offset(piece.position), piece.text.encode("utf-8")) for piece in ordered)


def apply(original: bytes, changes: Sequence[Insertion]) -> bytes:
    """`original` with the insertions made."""
    parts: list[bytes] = []
    at = 0
    for change in changes:
        parts += [original[at : change.offset], change.text]
        at = change.offset
    return b"".join([*parts, original[at:]])


def undo(result: bytes, changes: Sequence[Insertion]) -> bytes:
    """The exact inverse of `apply`. Raises EditRefused when the inserted text is not where it was put."""
    parts: list[bytes] = []
    at = shift = 0
    for change in changes:
        begin = change.offset + shift
        if begin < at or result[begin : begin + len(change.text)] != change.text:
            raise EditRefused(
                "the file has changed since the edit; the added text is not where it was put",
                "Take the added lines out by hand, then check the file with `docker compose config`.",
            )
        parts.append(result[at:begin])
        at = begin + len(change.text)
        shift += len(change.text)
    return b"".join([*parts, result[at:]])


def only_adds_lines(original: bytes, changes: Sequence[Insertion]) -> bool:
    """True when a line diff of the edit shows added lines and nothing else (a line ends with a line feed)."""
    return all(
        (change.offset == 0 or original[change.offset - 1 : change.offset] == b"\n") and change.text.endswith(b"\n")
        for change in changes
    )


def _is_comment(line: str, column: int) -> bool:
    return line.startswith(" " * column + "#")
