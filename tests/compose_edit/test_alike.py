"""Two texts mean the same whatever a program did to their layout, and differ where a value does."""

from __future__ import annotations

import pytest

from netdoctor.compose_edit import same_meaning

TEXT = b"""\
# mine
services:
  web: &w
    image: "x:1"
    user: 0644
    environment: {A: "yes", B: 1.50, C: }
    tmpfs: []
    networks:
      - default
"""
REDRAWN = b"""\
services:
  web:
    user: 420
    image: 'x:1'
    environment:
      A: yes
      B: 1.5
      C: null
    tmpfs: {  }
    networks: [default]
"""


def test_layout_quotes_comments_order_and_the_writing_of_numbers_do_not_count() -> None:
    assert same_meaning(TEXT, REDRAWN)
    assert same_meaning(REDRAWN, TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"x:1", b"x:2"),
        (b"420", b"421"),
        (b"[default]", b"[default, shared]"),
        (b"[default]", b"{default: }"),
        (b"C: null", b"C: ''"),
        (b"A: yes", b"A: no"),
        (b"  web:", b"  www:"),
    ],
)
def test_a_value_that_differs_counts(old: bytes, new: bytes) -> None:
    assert old in REDRAWN
    assert not same_meaning(TEXT, REDRAWN.replace(old, new))


def test_what_cannot_be_read_is_only_like_itself() -> None:
    assert same_meaning(b"a: [", b"a: [")
    assert not same_meaning(b"a: [", b"a: []")


@pytest.mark.parametrize(
    "text", [b"[" * 3000 + b"]" * 3000, b"a: " + b"{b: " * 2000 + b"}" * 2000, b"\x00", b"\xff", b""]
)
def test_hostile_texts_are_only_like_themselves(text: bytes) -> None:
    assert same_meaning(text, text)
    assert not same_meaning(text, text + b" ")
