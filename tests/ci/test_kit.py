"""The check of options in examples finds what it should."""

from __future__ import annotations

import pytest

from .kit import calls, misuse


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("check app qdrant:6333 --wait 60 -v", []),
        ("--host ssh://a check app db -f x -f y --exit-zero", []),
        ("check app -- --not-an-option", []),
        ("check a b -ox", []),
        ("--version", []),
        ("chekc a", ["there is no verb chekc"]),
        ("check a --wiat 3", ["check has no option --wiat"]),
        ("check a --exit-zero=1 --bundel", ["check has no option --bundel"]),
        ("lint --report", ["--report has no value"]),
        ("vectors verify --nope", ["verify has no option --nope"]),
        ("vectors verfy", ["there is no verb verfy"]),
    ],
)
def test_what_is_wrong_with_a_call(line, wrong):
    assert list(misuse(line.split())) == wrong


def test_calls_are_found_in_scripts():
    script = "set -e\nnetdoctor lint \\\n  --report 'a=b c'  # remark\n  - netdoctor check a b\necho netdoctor\n"
    assert calls(script) == [["lint", "--report", "a=b c"], ["check", "a", "b"]]
