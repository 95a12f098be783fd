"""Lines are found at every split, and one that is no object costs one record."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdoctor.migration.framing import BrokenFrame, Frame
from netdoctor.migration.lines import Fault, LineFramer

from .test_framing import JSON, TRICKY


def frames(data: bytes, **how: int) -> list[Frame | Fault]:
    return list(LineFramer(io.BytesIO(data), **how))


def texts(data: bytes, **how: int) -> list[object]:
    """Objects, and the words of faults."""
    return [found.reason if isinstance(found, Fault) else json.loads(found.raw) for found in frames(data, **how)]


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=4), st.integers(1, 9), st.booleans())
@settings(deadline=None)
def test_any_objects_come_apart_by_line(things: list[object], chunk: int, ascii_only: bool) -> None:
    text = "".join(json.dumps(thing, ensure_ascii=ascii_only) + "\n" for thing in things)
    data = text.encode("utf-8", "surrogatepass")
    found = frames(data, chunk=chunk)
    assert [json.loads(each.raw.decode("utf-8", "surrogatepass")) for each in found] == things
    assert all(data[each.offset : each.offset + len(each.raw)] == each.raw for each in found)


@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n \t\n", "", " "])
@pytest.mark.parametrize("end", ["", "\n", " \r\n\n"])
def test_every_split_position_gives_the_same_records(between: str, end: str) -> None:
    data = ("\ufeff" + between.join(map(json.dumps, TRICKY)) + end).encode()
    whole = frames(data)
    assert [json.loads(each.raw) for each in whole] == TRICKY
    for chunk in range(1, len(data) + 1):
        assert frames(data, chunk=chunk) == whole


def test_reading_goes_on_at_any_record() -> None:
    data = (json.dumps(TRICKY[0]) + "\n" + json.dumps(TRICKY[1]) + json.dumps(TRICKY[2])).encode()
    whole = frames(data)
    for index, each in enumerate(whole):
        stream = io.BytesIO(data)
        stream.seek(each.offset)
        assert list(LineFramer(stream, start=each.offset)) == whole[index:]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "the line is not an object"),
        ("null", "the line is not an object"),
        ('{"a": 1', "the record does not end on its line"),
        ('{"a": "x', "the record does not end on its line"),
        ("{", "the record does not end on its line"),
        ("\x00\x00", "the line is not an object"),
    ],
)
def test_a_line_that_is_no_object_costs_one_record(line: str, words: str) -> None:
    for chunk in (1, 7, 1 << 20):
        assert texts(f'{{"n": 1}}\n{line}\n{{"n": 2}}\n'.encode(), chunk=chunk) == [{"n": 1}, words, {"n": 2}]


def test_what_follows_a_record_on_its_line_is_told() -> None:
    data = b'{"n": 1}, {"n": 2}\n{"n": 3}\n'
    assert texts(data) == [{"n": 1}, "there is more text on the line after the record", {"n": 3}]
    assert frames(data)[1].offset == 8


@pytest.mark.parametrize("cut", [b'{"n": 2', b'{"n": "', b"{"])
def test_a_file_that_ends_inside_a_record_is_truncated(cut: bytes) -> None:
    found = []
    with pytest.raises(BrokenFrame, match="the file ends inside the record, at byte") as broken:
        for each in LineFramer(io.BytesIO(b'{"n": 1}\n' + cut)):
            found.append(each.raw)
    assert found == [b'{"n": 1}']
    assert broken.value.offset == 9


@pytest.mark.parametrize("data", ["{}\n".encode("utf-16"), "{}\n".encode("utf-16-le"), "{}\n".encode("utf-16-be")])
def test_utf_16_is_named(data: bytes) -> None:
    with pytest.raises(BrokenFrame, match="UTF-16"):
        frames(data)


def test_nothing_is_no_records() -> None:
    assert frames(b"") == frames(b"\n \r\n") == frames(b"\xef\xbb\xbf") == []


class Endless(io.RawIOBase):
    """``total`` bytes of one repeated piece, made when they are read; the largest request is remembered."""

    def __init__(self, head: bytes, piece: bytes, total: int, tail: bytes) -> None:
        self._left, self._piece, self._head, self._tail = total, piece, head, tail
        self.largest = 0

    def read(self, size: int = -1, /) -> bytes:
        self.largest = max(self.largest, size)
        if self._head:
            data, self._head = self._head, b""
            return data
        if self._left > 0:
            count = max(1, min(size, self._left) // len(self._piece))
            self._left -= count * len(self._piece)
            return self._piece * count
        data, self._tail = self._tail, b""
        return data


def test_a_line_without_an_end_costs_no_memory_and_one_record() -> None:
    stream = Endless(b'{"n": 1}\n{"values": [', b"1.5, ", 64 << 20, b'2]}\n{"n": 2}\n')
    found = list(LineFramer(stream, largest=1 << 20))  # type: ignore[arg-type]
    assert [each.raw for each in found] == [b'{"n": 1}', b"", b'{"n": 2}']
    assert "does not end within 1 MiB" in found[1].reason  # type: ignore[union-attr]
    assert stream.largest <= 4 << 20


def test_all_records_on_one_endless_line_are_read_as_they_come() -> None:
    piece = b'{"n": 1, "values": [1.5, 2.5]}'
    stream = Endless(b"", piece, 8 << 20, b"")
    count = 0
    for each in LineFramer(stream, largest=1 << 20):  # type: ignore[arg-type]
        assert each.raw == piece
        count += 1
    assert count == -(-(8 << 20) // len(piece)) or count == (8 << 20) // len(piece)
    assert stream.largest <= 4 << 20
