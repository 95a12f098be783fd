"""Finds the records of a JSON array in a stream of bytes, with their offsets, without parsing them.

A vector is thousands of digits between two brackets: its end is found by ``bytes.find``, at memory speed, so that
framing costs little beside parsing. Memory is one record plus one chunk.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 20
"""Bytes asked from the file at a time."""
LARGEST = 32 << 20
"""A record above this many bytes is a broken file, not a vector."""


class Patterns(NamedTuple):
    """``nothing`` runs to the next brace or bracket that is not inside a string.

    ``head`` is a usual record up to its one array, or all of it. ``tail`` goes from there to the record's end; what
    stands before the next record is in it, and as groups that one's head and its bracket.
    """

    nothing: re.Pattern[bytes]
    head: re.Pattern[bytes]
    tail: re.Pattern[bytes]

    @classmethod
    def of(cls, repeated: bytes) -> Patterns:
        """``repeated``: how a group is.

        Usual records hold scalars, flat arrays, and objects of those: most metadata, passed over in one step. The loops
        are unrolled, runs of strings apart from all the rest, which takes half the time of a choice between them.
        """
        string = rb'''"[^"\\]*+(?:\\.[^"\\]*+)%b"''' % repeated
        plain = rb"""[^"\[\]{}]*+(?:%b[^"\[\]{}]*+)%b""" % (string, repeated)
        thing = rb"\{%b(?:\[%b\]%b)%b\}" % (plain, plain, plain, repeated)
        flat = rb"%b(?:%b%b)%b" % (plain, thing, plain, repeated)
        tail = rb"%b(\})(?:[ \t\r\n]*+,[ \t\r\n]*+(?=(\{%b(\[)?)))?" % (flat, flat)
        return cls(*(re.compile(each, re.DOTALL) for each in (plain, rb"\{%b(\[)?" % flat, tail)))


CAREFUL, QUICK = b"*", b"*+"
"""A possessive group never goes back over what it has matched. Here going back never helps: what would be given back
begins with a quote, a brace or a bracket. Python before 3.11.5 loses its place when such a group fails half way."""
_NO_BRACKETS, _HEAD, _TAIL = Patterns.of(QUICK if sys.version_info >= (3, 11, 5) else CAREFUL)
_BLANK = re.compile(rb"[ \t\r\n]*")
_SEPARATOR = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+(?=\{)")
_BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One object of the array: its bytes, and where they start in the file.

    ``start`` and ``end`` are where its one array of numbers stands in them; 0 where that was not looked for.

    A tuple, because one is made for every record: a frozen dataclass takes four times as long.
    """

    offset: int
    raw: bytes
    start: int = 0
    end: int = 0


class BrokenFrame(Exception):
    """The bytes are not an array of objects from ``offset`` on."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason


def object_end(data: bytes | bytearray, start: int) -> int:
    """The position after the object that opens at ``start``, or -1 when it is not complete yet.

    Only quotes, braces and brackets are looked at; whether the rest is JSON is the parser's business.
    """
    quick = _usual(data, start)
    if quick is not None:
        return quick[2]
    depth = 0
    position = start
    length = len(data)
    skip = _NO_BRACKETS.match
    while True:
        run = skip(data, position)
        position = run.end() if run else position
        if position >= length:
            return -1
        character = data[position]
        position += 1
        if character == 0x5B:  # [
            close = data.find(b"]", position)
            if close < 0:
                return -1
            # Numbers only: skip to the bracket at once. Else count like any other nesting.
            if data.find(b'"', position, close) < 0 and data.find(b"[", position, close) < 0:
                position = close + 1
            else:
                depth += 1
        elif character == 0x7B:  # {
            depth += 1
        elif character == 0x22:  # a string that does not end here
            return -1
        else:
            depth -= 1
            if depth <= 0:
                return position


def _usual(data: bytes | bytearray, start: int) -> tuple[int, int, int, int] | None:
    """The same for an object with one array beside flat things, or none: its array, its end, the next object.

    What is inside the array is not looked at, but for strings, whose brackets would mean nothing: if there were other
    arrays in it, the brackets behind it would not match, and this would see it.
    """
    head = _HEAD.match(data, start)
    tail = _ended(data, start, head.end(), head.end(1)) if head else None
    if tail is None:
        return None
    first, last, found = tail
    return first, last, found.end(1), found.end()


def _ended(data: bytes | bytearray, start: int, position: int, bracket: int) -> tuple[int, int, re.Match[bytes]] | None:
    """The array of the object at ``start`` and the match of what is behind it. Its head ends at ``position``.

    ``bracket``: where the opening bracket of the array ends; not above 0 when it has none.
    """
    first = last = start
    if bracket > 0:
        first = position - 1
        last = data.find(b"]", position) + 1
        if last <= 0 or data.find(b'"', position, last) >= 0:
            return None
        position = last
    tail = _TAIL.match(data, position)
    return None if tail is None else (first, last, tail)


def _usual_ones(data: bytes, start: int, base: int) -> Iterator[tuple[Frame, int]]:
    """The objects of an array from the one at ``start`` on, as long as they are usual, and where each of them ends."""
    head = _HEAD.match(data, start)
    if head is None:
        return
    position, bracket = head.end(), head.end(1)
    find, match, new = data.find, _TAIL.match, tuple.__new__
    while True:
        # What _ended does, without calling it: this is done for every record.
        first = last = start
        if bracket > 0:
            first = position - 1
            last = find(b"]", position) + 1
            if last <= 0 or find(b'"', position, last) >= 0:
                return
            position = last
        tail = match(data, position)
        if tail is None:
            return
        behind = tail.end
        end = behind(1)
        yield new(Frame, (base + start, data[start:end], first - start, last - start)), end
        position, bracket = behind(2), behind(3)
        if position < 0:
            return
        start = behind()


def usual_frames(data: bytes, start: int) -> tuple[list[Frame], int]:
    """The objects of an array from the one at ``start`` on, as long as they are usual, and where the last one ends."""
    found = list(_usual_ones(data, start, 0))
    return [frame for frame, _ in found], found[-1][1] if found else start


class ArrayFramer:
    """Iterates the objects of one JSON array. ``consumed`` is the number of bytes read so far.

    ``start``: the stream stands at that offset of the file already, at one of the objects.
    """

    def __init__(self, stream: BinaryIO, *, chunk: int = CHUNK, largest: int = LARGEST, start: int = 0) -> None:
        self._stream = stream
        self._chunk = chunk
        self._largest = largest
        self._data = b""
        self._base = self._start = start  # file offset of _data[0]
        self._at = 0
        self._ended = False

    @property
    def consumed(self) -> int:
        return self._base + self._at

    def __iter__(self) -> Iterator[Frame]:
        """Raises BrokenFrame where the array stops being one."""
        if not self._start:
            self._open()
        first = not self._start
        while True:
            character = self._next()
            if character == b"]" and first:
                self._at += 1
                break
            if character != b"{":
                raise BrokenFrame(self.consumed, _not_an_object(character))
            yield self._frame()
            first = False
            yield from self._usual_ones()
            character = self._next()
            self._at += 1
            if character == b"]":
                break
            if character != b",":
                self._at -= 1
                raise BrokenFrame(self.consumed, _no_comma(character))
        if self._next():
            raise BrokenFrame(self.consumed, "there is more text after the end of the array")

    def _usual_ones(self) -> Iterator[Frame]:
        """As many records as lie complete in what is read already, and look as most do."""
        between = _SEPARATOR.match(self._data, self._at)
        if between is None:
            return
        for frame, self._at in _usual_ones(self._data, between.end(), self._base):  # noqa: B020
            yield frame

    def _open(self) -> None:
        while len(self._data) < 4 and self._fill():
            pass  # the first bytes tell the encoding
        if self._data.startswith(_BOM):
            self._at = len(_BOM)
        start = self._data[:4]
        if start.startswith(b"\x1f\x8b"):
            raise BrokenFrame(0, "the file is gzip-compressed: unpack it first")
        if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start:
            raise BrokenFrame(0, "the file is not UTF-8 (it looks like UTF-16): convert it first")
        character = self._next()
        if character != b"[":
            what = {b"": "the file is empty", b"{": "the file starts with an object (JSON Lines?)"}
            raise BrokenFrame(self.consumed, f"{what.get(character, 'the file is no JSON')}, not with an array")
        self._at += 1

    def _next(self) -> bytes:
        """The next character that is not blank (not consumed), or b"" at the end of the file."""
        while True:
            blank = _BLANK.match(self._data, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            if not self._fill():
                return b""

    def _frame(self) -> Frame:
        while True:
            end = object_end(self._data, self._at)
            if end >= 0:
                frame = Frame(self.consumed, self._data[self._at : end])
                self._at = end
                return frame
            waiting = len(self._data) - self._at
            if waiting > self._largest:
                raise BrokenFrame(self.consumed, f"the record does not end within {self._largest >> 20} MiB")
            # Ask for at least as much as is waiting: a large record is scanned a few times, not once per chunk.
            if not self._fill(waiting):
                ends = self._base + len(self._data)
                raise BrokenFrame(self.consumed, f"the file ends inside the record, at byte {ends}")

    def _fill(self, least: int = 0) -> bool:
        if self._ended:
            return False
        more = self._stream.read(max(self._chunk, least))
        if not more:
            self._ended = True
            return False
        self._data = self._data[self._at :] + more
        self._base += self._at
        self._at = 0
        return True


def _not_an_object(character: bytes) -> str:
    if not character:
        return "the file ends where a record should start"
    if character == b"]":
        return "there is a comma before the end of the array"
    return "the element is not an object"


def _no_comma(character: bytes) -> str:
    if not character:
        return "the file ends before the array does"
    return "there is no comma after the record"
