"""What the quick reader of scroll replies says is what JSON says, or nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.unjson import scrolled
from netdoctor.migration.wire import payload_entries

pytest.importorskip("simdjson")

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.integers(-100, 100)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=6)
PAYLOADS = st.dictionaries(st.text(max_size=5) | st.sampled_from(["vector", "points", "id"]), PLAIN, max_size=4)
VECTORS = (
    st.lists(FLOATS, min_size=1, max_size=9)
    | st.dictionaries(st.text(max_size=3), st.lists(FLOATS, min_size=1, max_size=3), max_size=2)
    | st.none()
    | st.lists(st.lists(FLOATS, min_size=1, max_size=2), max_size=2)
)
POINTS = st.lists(
    st.fixed_dictionaries(
        {"id": st.uuids().map(str) | st.integers(0, 2**64 - 1), "vector": VECTORS}, optional={"payload": PAYLOADS}
    ),
    max_size=5,
)


def reply(points: list[dict[str, Any]], following: object = None, **more: object) -> bytes:
    whole = {**more, "result": {"points": points, "next_page_offset": following}, "status": "ok", "time": 0.01}
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()


@given(POINTS, st.none() | st.uuids().map(str) | st.integers(0, 10))
def test_a_page_is_read_as_json_reads_it_or_not_at_all(points: list[dict[str, Any]], following: object) -> None:
    page = scrolled(reply(points, following))
    plain = all(isinstance(p["vector"], list) and p["vector"] for p in points)
    plain = plain and not any(isinstance(number, list) for p in points for number in p["vector"])
    if not plain:
        assert page is None
    if page is None:
        return
    assert page.following == following
    assert [stored.id for stored in page.points] == [str(point["id"]) for point in points]
    for stored, point in zip(page.points, points, strict=True):
        assert stored.vector == np.asarray(point["vector"], dtype=np.float32).tobytes()
        assert list(stored.entries) == payload_entries(point.get("payload") or {})
        assert stored.sparse == b""


def test_the_usual_page_is_really_read_the_quick_way() -> None:
    points = [{"id": str(n), "payload": {"t": ["a"], "n": 1}, "vector": [0.5] * 300} for n in range(200)]
    page = scrolled(reply(points, "next"))
    assert page is not None
    assert (len(page.points), page.following) == (200, "next")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"result":{"points":[]}}',
        b'{"result":{"points":[],"next_page_offset":null}}',
        b'{"points":[{"id":"a","vector":[1.0]}],"result":{"points":[],"next_page_offset":null}}',
        b'{"result":{"points":[{"id":"a","vector":[1.0]}]}}',
        b'{"result":{"points":[{"id":"a","vector":[1.0]},5],"next_page_offset":null}}',
        b'{"result":{"points":[{"id":"a","vector":[1.0]}],"points":[],"next_page_offset":null}}',
        b'{"result":{"points":[{"id":"a","vector":[NaN]}],"next_page_offset":null}}',
        b'{"result":{"points":[{"id":"a","vector":[1.0',
        b"<html>",
    ],
)
def test_what_is_no_usual_page_is_left_to_the_plain_way(body: bytes) -> None:
    assert scrolled(body) is None
