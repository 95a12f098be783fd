"""The words that say what an answer looks like: each takes what it means, and says where another thing stands."""

from __future__ import annotations

from typing import Any

import pytest

from netdoctor.engine import shapes
from netdoctor.engine.shapes import Shape, Unusable, listing, mapping, maybe, record, word


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (shapes.text, ["", "a"], [None, 1, [], {}, True]),
        (shapes.flag, [True, False], [None, 0, 1, "true"]),
        (shapes.whole, [0, -1, 2**63], [None, True, 1.5, "1", 10**30]),
        (shapes.address, ["", "10.0.0.1", "fd00::1", "10.0.0.1/24"], [None, "x", "10.0.0", "10.0.0.1\n", 5, "::1%\n"]),
        (shapes.subnet, ["", "10.0.0.0/8", "fd00::/64"], [None, "10.0.0.0/99", "net"]),
        (
            shapes.identity,
            ["a" * 64, "podman", "a.b_c-1"],
            ["", "..", "../x", "a/b", "a\n", "\x1b[0m", "a" * 300, None],
        ),
        (listing(shapes.text), [[], ["a"]], [None, {}, "a", [1], [None]]),
        (listing(shapes.anything, most=2), [[1, 2]], [[1, 2, 3]]),
        (mapping(shapes.text), [{}, {"": "a"}], [None, [], {"a": 1}, {"a": None}]),
        (mapping(maybe(shapes.text)), [{"a": None}], [{"a": []}]),
        (record({"a": shapes.text}, b=shapes.flag), [{"a": ""}, {"a": "", "b": None, "c": 1}], [{}, {"a": None}, []]),
        (word("a+", "some a"), ["aa"], ["aab", "aa\n", "", None]),
    ],
)
def test_what_a_shape_takes(shape: Shape, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        shape(value, "")
    for value in bad:
        with pytest.raises(Unusable):
            shape(value, "")


def test_the_place_is_named() -> None:
    shape = listing(record({"Id": shapes.identity}, State=record(Pid=shapes.whole)))
    with pytest.raises(Unusable) as caught:
        shape([{"Id": "a"}, {"Id": "b", "State": {"Pid": "4711"}}], "")
    assert caught.value.why == "[1].State.Pid is a text ('4711') and not a whole number"
    with pytest.raises(Unusable, match=r"^it is null and not a list$"):
        shape(None, "")


def test_what_is_shown_of_a_value_is_short_and_has_no_control_characters() -> None:
    with pytest.raises(Unusable) as caught:
        shapes.address("\x1b[31m" + "x" * 10_000, "IPAddress")
    assert "\x1b" not in caught.value.why
    assert len(caught.value.why) < 200
