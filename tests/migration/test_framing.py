"""Records are found at every split, and what is no array is told with its byte."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdoctor.migration.framing import CAREFUL, QUICK, ArrayFramer, BrokenFrame, Patterns, object_end

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
TRICKY = [
    {"id": 'a"b\\', "values": [1, 2], "metadata": {"t": "]}[{", "n": [[1], ["]"], {}]}},
    {"id": "\\\\", "x": '\\"]', "y": {}},
    {},
]


def frames(data: bytes, **how: int) -> list[tuple[int, bytes]]:
    return [(frame.offset, frame.raw) for frame in ArrayFramer(io.BytesIO(data), **how)]


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=4), st.integers(1, 9), st.booleans())
@settings(deadline=None)
def test_any_array_of_objects_comes_apart_into_its_objects(things: list[object], chunk: int, ascii_only: bool) -> None:
    data = json.dumps(things, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = frames(data, chunk=chunk)
    assert [json.loads(raw.decode("utf-8", "surrogatepass")) for _, raw in found] == things
    assert all(data[offset : offset + len(raw)] == raw for offset, raw in found)


def test_every_split_position_gives_the_same_records() -> None:
    data = ("\ufeff \n" + json.dumps(TRICKY, indent=1) + "\n").encode()
    whole = frames(data)
    assert [json.loads(raw) for _, raw in whole] == TRICKY
    for chunk in range(1, len(data) + 1):
        assert frames(data, chunk=chunk) == whole


@pytest.mark.parametrize(
    ("data", "offset", "words"),
    [
        (b"", 0, "empty"),
        (b'{"id": 1}', 0, "starts with an object"),
        (b"\x1f\x8b\x08\x00", 0, "gzip"),
        ("[]".encode("utf-16"), 0, "UTF-16"),
        (b"hello", 0, "no JSON"),
        (b"[{}", 3, "ends before the array"),
        (b"[{},", 4, "ends where a record should start"),
        (b"[{},]", 4, "comma before the end"),
        (b"[{} {}]", 4, "no comma"),
        (b"[{}, 5]", 5, "not an object"),
        (b"[{}] []", 5, "after the end"),
        (b'[{"a": [1, 2', 1, "ends inside the record, at byte 12"),
        (b'[{"a": "x', 1, "ends inside"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_what_is_no_array_of_objects_is_told_with_its_byte(data: bytes, offset: int, words: str, chunk: int) -> None:
    with pytest.raises(BrokenFrame, match=words) as caught:
        frames(data, chunk=chunk)
    assert caught.value.offset == offset


def test_an_endless_record_is_given_up() -> None:
    data = b'[{"a": "' + b"x" * 5000
    with pytest.raises(BrokenFrame, match="does not end within"):
        frames(data, chunk=100, largest=1000)


def test_an_empty_array_has_no_records() -> None:
    assert frames(b" [ ] ") == []


def test_an_incomplete_object_has_no_end() -> None:
    text = b'{"a": [1, {"b": "]"}]}'
    assert object_end(text, 0) == len(text)
    assert all(object_end(text[:cut], 0) == -1 for cut in range(len(text)))


def test_the_careful_patterns_match_what_the_quick_ones_do():
    """Which of them are used depends on Python's version; what they match must not."""
    if sys.version_info < (3, 11, 5):
        pytest.skip("this Python's possessive groups lose their place")
    whole = (
        b'{"a": "b\\\\", "c": {"d\\"": [1, "]"], "e": {}}, "values": [1, 2], "f": {"g": "}"}}, {"h": 1, "values": [3]}'
    )
    careful, quick = Patterns.of(CAREFUL), Patterns.of(QUICK)
    for end in range(len(whole) + 1):
        for start in range(end + 1):
            for one, other in zip(careful, quick, strict=True):
                found = [each.match(whole[:end], start) for each in (one, other)]
                assert len({each and each.regs for each in found}) == 1, (one, start, end)
