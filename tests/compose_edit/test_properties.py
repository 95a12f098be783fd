"""What holds for every compose file, shown on generated ones."""

from __future__ import annotations

from random import Random

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netdoctor.compose_edit import EditRefused, plan_join, unified_diff

from .documents import damaged, documents
from .truth import assert_joined, load

_BOM = b"\xef\xbb\xbf"
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=150, deadline=None, suppress_health_check=_SLOW)
@given(documents())
def test_the_only_difference_is_the_intended_one(text: bytes) -> None:
    edit = plan_join(text, "web", "shared")
    assert_joined(text, edit.result, "web", "shared")
    assert edit.changed
    assert edit.undo(edit.result) == text
    assert plan_join(edit.result, "web", "shared").result == edit.result


@settings(max_examples=90, deadline=None, suppress_health_check=_SLOW)
@given(documents())
def test_the_edit_commutes_with_crlf_and_byte_order_mark(text: bytes) -> None:
    plain = plan_join(text, "web", "shared")
    crlf = plan_join(text.replace(b"\n", b"\r\n"), "web", "shared")
    assert crlf.result == plain.result.replace(b"\n", b"\r\n")
    assert crlf.added_lines_only is plain.added_lines_only
    marked = plan_join(_BOM + text, "web", "shared")
    assert marked.result == _BOM + plain.result
    assert marked.undo(marked.result) == _BOM + text


@settings(max_examples=60, deadline=None, suppress_health_check=_SLOW)
@given(documents(), st.randoms(use_true_random=False))
def test_mixed_line_endings_are_left_as_they_are(text: bytes, random: Random) -> None:
    mixed = b"".join(line.replace(b"\n", random.choice([b"\n", b"\r\n"])) for line in text.splitlines(keepends=True))
    edit = plan_join(mixed, "web", "shared")
    assert_joined(mixed, edit.result, "web", "shared")
    assert edit.undo(edit.result) == mixed
    assert edit.added_lines_only is plan_join(text, "web", "shared").added_lines_only


@settings(max_examples=90, deadline=None, suppress_health_check=_SLOW)
@given(documents())
def test_a_claim_of_added_lines_is_true(text: bytes) -> None:
    edit = plan_join(text, "web", "shared")
    removed = [line for line in unified_diff(text, edit.result, "f").splitlines()[3:] if line.startswith("-")]
    assert not (edit.added_lines_only and removed)
    assert edit.added_lines_only or any("instead of only adding lines" in notice for notice in edit.notices)


@settings(max_examples=60, deadline=None, suppress_health_check=_SLOW)
@given(documents())
def test_both_services_can_join_and_leave_in_any_order(text: bytes) -> None:
    first = plan_join(text, "web", "shared")
    second = plan_join(first.result, "db", "shared")
    assert_joined(first.result, second.result, "db", "shared")
    other = plan_join(plan_join(text, "db", "shared").result, "web", "shared")
    assert load(other.result) == load(second.result)
    assert first.undo(second.undo(second.result)) == text


@settings(max_examples=250, deadline=None, suppress_health_check=_SLOW)
@given(damaged())
def test_a_file_is_edited_exactly_or_refused_by_name(text: bytes) -> None:
    """There is no third case: no other exception, and no result that reads differently."""
    for data in (text, text.replace(b"\n", b"\r\n")):
        try:
            edit = plan_join(data, "web", "shared")
        except EditRefused as refused:
            assert refused.reason
            assert refused.next_step
            continue
        assert edit.undo(edit.result) == data
        assert not plan_join(edit.result, "web", "shared").changed
        try:
            load(data)
        except yaml.YAMLError:
            continue
        assert_joined(data, edit.result, edit.service, "shared")
