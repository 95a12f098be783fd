"""Finds the records of JSON Lines in a stream of bytes, with their offsets, without parsing them.

One object stands on each line. Several on one line, one behind the other, are read as well; a line that is no object
costs one record, not the file. Memory is one record plus one chunk, also where a line has no end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from netdoctor.migration.framing import CHUNK, LARGEST, BrokenFrame, Frame, _usual, object_end

_BOM = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"[ \t\r]*+")
_MORE = "there is more text on the line after the record"


class Fault(NamedTuple):
    """A line, or the rest of one, that is no record. Reading goes on at the next line."""

    offset: int
    reason: str
    raw: bytes = b""


class LineFramer:
    """Iterates the objects of a stream of JSON Lines.

    ``start``: the stream stands at that offset of the file already, at one of the objects.
    """

    def __init__(self, stream: BinaryIO, *, chunk: int = CHUNK, largest: int = LARGEST, start: int = 0) -> None:
        self._stream = stream
        self._chunk = chunk
        self._largest = largest
        self._data = b""
        self._base = self._start = start  # file offset of _data[0]
        self._at = 0

    def __iter__(self) -> Iterator[Frame | Fault]:
        """Raises BrokenFrame where nothing more can be read."""
        if not self._start:
            self._open()
        while True:
            yield from self._whole_lines()
            yield from self._begun_line()
            if len(self._data) - self._at > self._largest:
                yield Fault(self._base + self._at, f"the record does not end within {self._largest >> 20} MiB")
                if not self._skip_line():
                    return
            elif not self._fill():
                break
        yield from self._last_line()

    def _open(self) -> None:
        while len(self._data) < 4 and self._fill():
            pass  # the first bytes tell the encoding
        start = self._data[:4]
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start:
            raise BrokenFrame(0, "the file is not UTF-8 (it looks like UTF-16): convert it first")
        if start.startswith(_BOM):
            self._at = len(_BOM)

    def _whole_lines(self) -> Iterator[Frame | Fault]:
        data = self._data
        while (newline := data.find(b"\n", self._at)) >= 0:
            at = self._at
            self._at = newline + 1
            line = data[at:newline]
            found = _usual(line, 0)
            if found is not None and found[2] == len(line):
                yield Frame(self._base + at, line, found[0], found[1])
            else:
                yield from _objects(line, self._base + at, "the record does not end on its line")

    def _begun_line(self) -> Iterator[Frame]:
        """Objects of an unfinished line that have another one behind them."""
        data = self._data
        while True:
            at = _after_blanks(data, self._at)
            if data[at : at + 1] != b"{":
                return
            end = object_end(data, at)
            following = _after_blanks(data, end)
            if end < 0 or data[following : following + 1] != b"{":
                return
            self._at = following
            yield Frame(self._base + at, data[at:end])

    def _last_line(self) -> Iterator[Frame | Fault]:
        rest = self._data[self._at :]
        for found in _objects(rest, self._base + self._at, ""):
            if isinstance(found, Fault) and not found.reason:
                ends = self._base + len(self._data)
                raise BrokenFrame(found.offset, f"the file ends inside the record, at byte {ends}")
            yield found

    def _skip_line(self) -> bool:
        """To the next line, without keeping what is skipped. False: there is none."""
        while True:
            self._at = len(self._data)
            if not self._fill():
                return False
            newline = self._data.find(b"\n")
            if newline >= 0:
                self._at = newline + 1
                return True

    def _fill(self) -> bool:
        # As much as is waiting: a large record is scanned a few times, not once per chunk. Never far past the largest.
        waiting = len(self._data) - self._at
        more = self._stream.read(max(self._chunk, min(waiting, self._largest - waiting)))
        if not more:
            return False
        self._data = self._data[self._at :] + more
        self._base += self._at
        self._at = 0
        return True


def _objects(line: bytes, offset: int, unfinished: str) -> Iterator[Frame | Fault]:
    """The objects of one line, which is at ``offset``; ``unfinished``: what is said of one that does not end."""
    at = _after_blanks(line, len(_BOM) if line.startswith(_BOM) else 0)
    first = True
    while at < len(line):
        if line[at] != 0x7B:
            yield Fault(offset + at, "the line is not an object" if first else _MORE)
            return
        end = object_end(line, at)
        if end < 0:
            yield Fault(offset + at, unfinished)
            return
        yield Frame(offset + at, line[at:end])
        at = _after_blanks(line, end)
        first = False


def _after_blanks(data: bytes, at: int) -> int:
    found = _BLANK.match(data, max(at, 0))
    return found.end() if found else at
