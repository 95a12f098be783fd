"""Below and above HTTP: counted, timed, not led elsewhere, and JSON read strictly."""

from __future__ import annotations

import pytest

from netdoctor.engine.careful import parsed
from netdoctor.engine.shapes import Unusable


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b'{"a": 1', ""),
        (b"\xff\xfe", ""),
        (b"9" * 5000, ""),
        (b"[" * 10_000, "nested"),
        (b'{"a":' * 10_000, "nested"),
        (b'{"a": NaN}', "number"),
        (b'{"a": -Infinity}', "number"),
        (b'{"a": 1e400}', "number"),
        (b'{"a": 1, "a": 2}', "twice"),
    ],
)
def test_what_is_no_answer(body: bytes, why: str) -> None:
    with pytest.raises(Unusable) as caught:
        parsed(body)
    assert why in caught.value.why
    assert bool(why) == bool(caught.value.why)


def test_what_is_an_answer() -> None:
    assert parsed(b'{"a": 1, "a": 1, "b": "\\ud800", "c": 1.5e3}\n') == {"a": 1, "b": "\ud800", "c": 1500.0}
