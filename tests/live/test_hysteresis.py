"""A row of answers becomes an alert only when it is a row, and ends only by another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netdoctor.live.hysteresis import Limits, Row, Turn
from netdoctor.model import Verdict

GOOD, BAD, UNKNOWN = Verdict.HOLDS, Verdict.BROKEN, Verdict.UNKNOWN
LIMITS = Limits(failures=3, successes=2, max_latency=0.1, retry=2.0, every=60.0)


def told(*answers: Verdict, limits: Limits = LIMITS, apart: float = 2.0, latency: float | None = 0.01) -> list[Turn]:
    row, turns = Row(), []
    for number, verdict in enumerate(answers):
        turns += row.answer(verdict, latency if verdict is GOOD else None, number * apart, limits)
    return turns


def test_one_bad_answer_is_no_alert_three_in_a_row_are_one():
    assert told(BAD) == told(BAD, BAD) == told(BAD, BAD, GOOD, BAD, BAD) == []
    assert told(BAD, BAD, BAD) == told(BAD, BAD, BAD, BAD, BAD) == [Turn.FAILURE]


def test_it_is_over_after_two_good_ones_in_a_row_and_not_before():
    assert told(BAD, BAD, BAD, GOOD) == told(BAD, BAD, BAD, GOOD, BAD, GOOD) == [Turn.FAILURE]
    assert told(BAD, BAD, BAD, GOOD, GOOD, GOOD) == [Turn.FAILURE, Turn.RECOVERY]


def test_unknown_is_never_healthy():
    assert told(UNKNOWN, BAD, UNKNOWN) == [Turn.FAILURE]
    assert told(BAD, BAD, BAD, GOOD, UNKNOWN, GOOD) == [Turn.FAILURE]


def test_what_always_held_says_nothing():
    assert told(*[GOOD] * 10) == []


def test_a_burst_of_events_is_one_answer():
    assert told(*[BAD] * 20, apart=0.05) == []
    assert told(*[BAD] * 50, apart=0.1) == [Turn.FAILURE]


def test_slow_and_fast_again_are_rows_as_well():
    row, turns = Row(), []
    for number, latency in enumerate([0.2, 0.2, 0.05, 0.2, 0.2, 0.2, 0.3, 0.05, 0.05, 0.05]):
        turns += row.answer(GOOD, latency, number * 2.0, LIMITS)
    assert turns == [Turn.SLOW, Turn.FAST]


def test_without_a_limit_nothing_is_slow():
    assert told(*[GOOD] * 5, latency=99.0, limits=Limits(retry=2.0)) == []


def test_exactly_at_the_limit_is_not_slow():
    assert told(*[GOOD] * 5, latency=0.1) == []


def test_what_is_in_doubt_is_asked_again_soon_and_what_fails_before_its_time():
    row = Row()
    assert row.next_in(LIMITS) == LIMITS.every
    row.answer(BAD, None, 0.0, LIMITS)
    assert row.next_in(LIMITS) == LIMITS.retry
    for number in (2.0, 4.0):
        row.answer(BAD, None, number, LIMITS)
    assert row.failing
    assert row.next_in(LIMITS) == LIMITS.retry * 5


@given(st.lists(st.sampled_from([GOOD, BAD, UNKNOWN]), max_size=60))
def test_failures_and_recoveries_take_turns(answers):
    turns = [turn for turn in told(*answers) if turn in (Turn.FAILURE, Turn.RECOVERY)]
    assert turns[::2] == [Turn.FAILURE] * len(turns[::2])
    assert turns[1::2] == [Turn.RECOVERY] * len(turns[1::2])
