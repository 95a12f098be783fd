"""Each way a compose file is written, and exactly what joining one more network makes of it."""

from __future__ import annotations

import pytest
import yaml

from netdoctor.compose_edit import EditRefused, is_joined, leave_network, plan_join

from .cases import CASES, Case
from .truth import assert_joined

# The pure-Python scanner takes no tab for white space, not even in JSON.
_READABLE = [case for case in CASES if yaml.__with_libyaml__ or "\t" not in case.before]


def _variants(case: Case) -> list[tuple[bytes, bytes]]:
    before, after = case.before.encode(), case.after.encode()
    pairs = [(before, after), (b"\xef\xbb\xbf" + before, b"\xef\xbb\xbf" + after)]
    if "\n" in case.before:
        pairs.append((before.replace(b"\n", b"\r\n"), after.replace(b"\n", b"\r\n")))
    return pairs


@pytest.mark.parametrize("case", _READABLE, ids=lambda case: case.name)
def test_the_edit_is_exactly_this_text(case: Case) -> None:
    """As written, with a byte order mark and with CRLF; undone byte for byte; done once only; nothing else moved."""
    for before, after in _variants(case):
        edit = plan_join(before, case.service, case.network)
        assert edit.result.decode() == after.decode()
        assert edit.undo(edit.result) == before
        assert leave_network(edit.result, edit.insertions) == before
        assert not is_joined(before, case.service, case.network)
        assert is_joined(edit.result, case.service, case.network)
        again = plan_join(edit.result, case.service, case.network)
        assert again.result == edit.result
        assert not again.changed
        if "declared already" not in case.name:
            assert_joined(before, edit.result, edit.service, case.network)


@pytest.mark.parametrize("case", _READABLE, ids=lambda case: case.name)
def test_a_line_that_is_changed_is_announced(case: Case) -> None:
    edit = plan_join(case.before.encode(), case.service, case.network)
    assert edit.added_lines_only is case.only_lines
    assert any("instead of only adding lines" in notice for notice in edit.notices) is not case.only_lines
    lines = edit.result.splitlines(keepends=True)
    if case.only_lines:
        rest = iter(lines)
        assert all(line in rest for line in case.before.encode().splitlines(keepends=True))


def test_the_line_ending_of_the_neighbouring_line_is_used() -> None:
    before = b"services:\r\n  web:\r\n    image: x\r\n  db:\n    image: y\n"
    after = plan_join(before, "web", "shared").result
    assert b"    image: x\r\n    networks:\r\n      - default\r\n      - shared\r\n  db:\n" in after
    assert after.endswith(b"image: y\n\nnetworks:\n  shared:\n    external: true\n")


def test_carriage_returns_alone_are_line_breaks_too() -> None:
    before = b"services:\r  web:\r    image: x\r"
    edit = plan_join(before, "web", "shared")
    assert (
        edit.result
        == before + b"    networks:\r      - default\r      - shared\r\rnetworks:\r  shared:\r    external: true\r"
    )
    assert not edit.added_lines_only
    assert edit.undo(edit.result) == before


def test_a_tab_before_a_comment_is_no_obstacle_or_is_named() -> None:
    """libyaml reads it, the pure-Python scanner does not."""
    before = b"services:\n  web:\n    image: x\t# c\n"
    try:
        edit = plan_join(before, "web", "shared")
    except EditRefused as refused:
        assert "a tab" in refused.reason
        assert refused.line == 3
    else:
        assert edit.result.startswith(before + b"    networks:\n")
