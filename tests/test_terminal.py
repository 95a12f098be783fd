"""What comes from outside is shown, and never steers the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.terminal import plain, plain_block


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\rb", "a\\x0db"),
        ("a\nb\tc", "a\\x0ab\\x09c"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("\u2028", "\\u2028"),
        ("\udcff", "\\udcff"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("ünïcödé 日本 🐳", "ünïcödé 日本 🐳"),
    ],
)
def test_control_and_reordering_characters_are_shown(text, shown):
    assert plain(text) == shown


def test_a_block_keeps_its_lines():
    assert plain_block("a\n\tb\x1b[2J\r\n") == "a\n\tb\\x1b[2J\\x0d\n"


@given(st.text())
def test_one_line_of_harmless_characters_comes_out_of_anything(text):
    shown = plain(text)
    assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@given(st.text())
def test_a_block_comes_out_harmless_too(text):
    left = plain_block(text).replace("\n", "").replace("\t", "")
    assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in left)
