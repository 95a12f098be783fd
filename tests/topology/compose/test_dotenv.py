"""Env files as Compose reads them; the oracle has more of them."""

from __future__ import annotations

import pytest

from netdoctor.topology.compose.dotenv import parse_env
from netdoctor.topology.compose.errors import Unreadable


def values(text: str, **environment: str) -> dict[str, str | None]:
    return {key: value for key, (value, _) in parse_env(text.encode(), ".env", environment).items()}


def test_the_usual_lines():
    assert values("# c\nA=1\n\nexport B = two words # c\nC='it # stays $A'\nD=\"x\\n$A\"\nE=\nF\n") == {
        "A": "1", "B": "two words", "C": "it # stays $A", "D": "x\n1", "E": "", "F": None,
    }  # fmt: skip


def test_crlf_and_byte_order_mark_are_no_part_of_a_value():
    assert values("\ufeffA=1\r\nB=2\r\n") == {"A": "1", "B": "2"}


def test_the_shell_wins_over_earlier_lines():
    assert values("A=1\nB=$A-${A}-${C:-d}", A="shell") == {"A": "1", "B": "shell-shell-d"}


def test_values_of_several_lines_and_the_lines_after_them():
    found = parse_env(b'A="one\ntwo"\nB=1\n', ".env", {})
    assert found["A"][0] == "one\ntwo"
    assert found["B"][1].line == 3


def test_a_line_that_is_none_is_told_without_its_value():
    with pytest.raises(Unreadable, match=r"^\.env:2: 'this is' is no NAME=VALUE line") as error:
        values("A=1\nthis is=secret\n")
    assert "secret" not in error.value.message


def test_an_open_quote_is_told():
    with pytest.raises(Unreadable, match=r"^\.env:1: a quoted value has no end"):
        values('A="x\nB=1\n')


def test_other_encodings_are_told():
    with pytest.raises(Unreadable, match=r"^\.env:2: the file is not UTF-8"):
        parse_env(b"A=1\nB=\xff\n", ".env", {})
