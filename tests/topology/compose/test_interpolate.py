"""Compose's variables, the forms it knows and the ones it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import Place
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.interpolate import Interpolation

HERE = Place("f.yaml", 3, 5)
KNOWN = {"A": "a", "EMPTY": "", "lower": "l"}


def filled(text: str) -> str:
    return Interpolation(KNOWN).text(text, HERE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A ${A} x$A.y", "a a xa.y"),
        ("${B} $B", " "),
        ("${B:-x} ${B-x} ${EMPTY:-x} ${EMPTY-x} ${A:-x}", "x x x  a"),
        ("${A:+x} ${EMPTY:+x} ${EMPTY+x} ${B+x}", "x  x "),
        ("${A:?no} ${A?no} ${EMPTY?no}", "a a "),
        ("${B:-${C:-${A}}}", "a"),
        ("${B:-pre${A}post}", "preapost"),
        ("$$A $${A} $$$A", "$A ${A} $a"),
        ("${B:-$$x}", "$x"),
        ("${B:-{a}}", "{a}"),
        ("$lower", "l"),
        ("$5 $( $! $", "$5 $( $! $"),
        ("${B:-http://x:80/?a=b}", "http://x:80/?a=b"),
        ("no variable", "no variable"),
    ],
)
def test_values(text, value):
    assert filled(text) == value


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${5}", "${A!}", "${A:}", "${a.b}", "${A:x}"])
def test_malformed_ones_are_refused_with_their_place(text):
    with pytest.raises(Unreadable, match="no variable that Compose understands") as error:
        filled(text)
    assert error.value.message.startswith("f.yaml:3: ")


@pytest.mark.parametrize("text", ["${B:?say so}", "${B?say so}", "${EMPTY:?say so}"])
def test_a_required_variable_without_a_value_is_an_error_that_repeats_its_reason(text):
    with pytest.raises(Unreadable, match="required and has no value: say so"):
        filled(text)


def test_only_what_had_no_value_and_no_default_counts_as_blank():
    filling = Interpolation(KNOWN)
    filling.text("${B:-x}${A}${EMPTY}", HERE)
    assert filling.blanks == {}
    filling.text("${B}", HERE)
    assert filling.blanks == {HERE: "B"}


@given(st.text(alphabet="$ {}AB:-?+x\n", max_size=30))
def test_any_text_gives_a_value_or_a_sentence(text):
    try:
        assert isinstance(filled(text), str)
    except Unreadable as error:
        assert error.message.startswith("f.yaml:3: ")


def test_depth_is_bounded():
    with pytest.raises(Unreadable, match="too many"):
        filled("${B:-" * 100 + "x" + "}" * 100)
