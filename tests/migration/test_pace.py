"""The rest of the way is told from how fast the last part was gone."""

from __future__ import annotations

from netdoctor.migration.pace import Pace, in_words


def gone(steps: list[tuple[float, int]], total: int = 10_000) -> float | None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    told = None
    for at, done in steps:
        now[0] = at
        told = pace.left(done, total)
    return told


def test_an_even_pace_is_told_exactly() -> None:
    assert gone([(float(second), second * 100) for second in range(11)]) == 90


def test_a_resumed_run_does_not_count_what_was_there() -> None:
    assert gone([(float(second), 5000 + second * 100) for second in range(11)]) == 40


def test_nothing_is_said_from_too_little() -> None:
    assert gone([(0.0, 100)]) is None
    assert gone([(0.0, 100), (0.5, 200), (1.0, 300), (1.5, 400)]) is None  # two seconds have not passed
    assert gone([(0.0, 100), (9.0, 200)]) is None  # two batches are no measure
    assert gone([(float(second), 0) for second in range(60)]) is None  # nothing moves


def test_a_server_that_slows_down_is_believed_within_half_a_minute() -> None:
    quick = [(float(second), second * 100) for second in range(40)]
    slow = [(40.0 + second, 4000 + second * 10) for second in range(40)]
    told = gone([*quick, *slow])
    assert told is not None and 500 < told < 650


def test_in_words() -> None:
    assert [in_words(each) for each in (0.2, 8, 89, 90, 600, 5400)] == [
        "1 s",
        "8 s",
        "89 s",
        "2 min",
        "10 min",
        "1.5 h",
    ]
