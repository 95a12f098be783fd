"""The last word: never rounded up, never steered by names."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.migration.plan import CollectionPlan, Plan
from netdoctor.migration.points import Layout
from netdoctor.migration.records import BadRecord
from netdoctor.migration.run import Result
from netdoctor.migration.summary import Scene, document, percent, plan_text, text
from netdoctor.migration.verify import CollectionCheck, Verification

SCENE = Scene("export.json", "http://qdrant:6334", "--to", "gRPC", "app", "netns", "export.json.netdoctor.sqlite")


def result(planned: int = 103, equal: int = 103, held: int = 103, skipped: int = 0) -> Result:
    bad = (BadRecord(7, 99, "it has no values"),) * skipped
    collections = (CollectionPlan("c\x1b]0;x", 4, planned),)
    plan = Plan(planned + skipped, collections, Layout(), "d", "s", skipped, bad, ("score",))
    problems = () if equal == planned else ("record 5 (byte 7, id 'x') in collection 'c': is not there",)
    checked = Verification((CollectionCheck("c\x1b]0;x", planned, equal, held),), 100, 100, problems, 0.1)
    return Result(plan, checked, equal, ("c",), False, 0.5)


def test_one_missing_in_a_million_is_not_all() -> None:
    assert percent(999_999, 1_000_000) == 99.99
    assert percent(103, 103) == 100.0
    assert percent(0, 0) == 0.0


def test_a_complete_run() -> None:
    assert result().good
    told = text(result(), SCENE)
    assert "OK: 103 of 103" in told
    assert "gRPC, from inside app, vantage netns" in told
    assert "\x1b" not in told
    assert document(result(), SCENE)["ok"] is True


def test_what_the_user_left_out_is_no_failure() -> None:
    whole = result(planned=2, equal=2, held=2)
    for chosen, planned in ((1, 2), (3, 0)):
        checked = replace(result(planned, planned, planned).verification, left_alone=chosen)
        plan = replace(whole.plan, records=planned + chosen + 1, losers=frozenset({1}))
        kept = replace(whole, plan=plan, verification=checked)
        assert kept.good
        assert document(kept, SCENE)["success_percent"] == 100.0
        told = text(kept, SCENE)
        assert f"OK: {planned} of {planned} vectors" in told
        assert "success      100.00 %" in told
        assert "1 record lost" in told
        assert f"{chosen} were there before" in told


def test_an_incomplete_run_says_what_is_wrong() -> None:
    for wrong in (result(equal=102), result(skipped=1)):
        assert not wrong.good
        told = text(wrong, SCENE)
        assert "NOT COMPLETE" in told
        assert "  ! record" in told
        assert document(wrong, SCENE)["success_percent"] < 100


def test_other_points_are_mentioned_and_are_no_error() -> None:
    assert "2 other points" in text(result(held=105), SCENE)
    assert result(held=105).good


def test_a_dry_run_says_that_nothing_was_written() -> None:
    assert "Dry run: nothing was written." in plan_text(result().plan, SCENE)
