"""The source as text with exact positions: byte order mark, line starts, line endings."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field

from .refused import REPAIR, EditRefused

_BOM = b"\xef\xbb\xbf"
# What the YAML scanner takes for a line break; str.splitlines() knows more, and would disagree with it.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class SourceText:
    """A decoded YAML source. Positions are character indices into `text`, which has no byte order mark."""

    bom: bytes
    text: str
    starts: tuple[int, ...] = field(repr=False)
    """Index of the first character of each line; a final line break opens one more, empty, line."""

    @classmethod
    def decode(cls, source: bytes) -> SourceText:
        """Decode UTF-8 `source`. Raises EditRefused for any other encoding."""
        bom = _BOM if source.startswith(_BOM) else b""
        try:
            text = source[len(bom) :].decode("utf-8")
        except UnicodeDecodeError as error:
            line = source.count(b"\n", 0, error.start) + 1
            raise EditRefused("the file is not UTF-8 text", "Save the file as UTF-8, then try again.", line) from None
        if "\ufeff" in text:
            line = text.count("\n", 0, text.index("\ufeff")) + 1
            raise EditRefused("there is a stray byte order mark inside the file", REPAIR, line)
        return cls(bom, text, (0, *(match.end() for match in _BREAK.finditer(text))))

    def line(self, position: int) -> int:
        """The number, from 1, of the line that holds `position`."""
        return bisect.bisect_right(self.starts, position)

    def line_start(self, position: int) -> int:
        """Index of the first character of the line that holds `position`."""
        return self.starts[self.line(position) - 1]

    def next_line(self, position: int) -> int | None:
        """Index of the first character of the following line; None when the line has no line break."""
        number = self.line(position)
        return self.starts[number] if number < len(self.starts) else None

    def rest_of_line(self, position: int) -> str:
        """The text from `position` up to the line break."""
        end = self.next_line(position)
        return self.text[position:end].rstrip("\r\n\x85\u2028\u2029")

    def prefix(self, position: int) -> str:
        """The text of the line before `position`."""
        return self.text[self.line_start(position) : position]

    def ending_near(self, position: int) -> str:
        """The line break of the line that holds `position`, else of the line before it, else of the first line."""
        number = self.line(position)
        for candidate in (number, number - 1, 1):
            if 0 < candidate < len(self.starts):
                at = self.starts[candidate]
                return "\r\n" if self.text[at - 2 : at] == "\r\n" else self.text[at - 1]
        return "\n"

    def byte_offset(self, position: int) -> int:
        """The offset in the bytes of the file that belongs to `position`."""
        return len(self.bom) + len(self.text[:position].encode("utf-8"))
