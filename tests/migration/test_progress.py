"""Progress as lines and as a bar."""

from __future__ import annotations

import io

from netdoctor.migration.events import BatchDone, CollectionReady, Event, Planned, Planning, Retrying, Verifying
from netdoctor.migration.progress import Lines, showing, told

EVENTS: list[Event] = [
    Planning(1024, 50, 100),
    Planned(103, 2, False),
    CollectionReady("a\x1b[2J", True),
    BatchDone("a", 2, 3, 50, 100, 103),
    BatchDone("b", 1, 1, 1, 103, 103),
    Retrying("HTTP 429", 0.25),
    Verifying(103, 103),
]


def test_a_batch_is_told_as_people_count() -> None:
    assert told(EVENTS[3]) == "Batch 2/3 of a: 50 vectors (100/103 total)"
    assert told(EVENTS[4]) == "Batch 1/1 of b: 1 vector (103/103 total)"
    assert told(EVENTS[1]) == "Planned: 103 vectors for 2 collections"


def test_names_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in told(EVENTS[2])


def test_a_long_run_gets_a_line_a_second() -> None:
    lines: list[str] = []
    now = [0.0]
    listener = Lines(lines.append, clock=lambda: now[0])
    for number in range(1, 1001):
        now[0] += 0.01
        listener(BatchDone("c", number, 1000, 10, number * 10, 10_000))
    assert 9 <= len(lines) <= 12
    assert lines[-1].endswith("(10000/10000 total)")
    assert "left" not in lines[0]
    # Ten seconds in all, a line each: what is left is told, and comes true.
    assert [line.rpartition(", about ")[2] for line in lines[4:8]] == [f"{5 - n} s left to write" for n in range(4)]


def test_lines_where_there_is_no_terminal_a_bar_where_there_is_one_nothing_when_quiet() -> None:
    for bar, quiet in ((None, False), (True, False), (True, True)):
        stream = io.StringIO()
        with showing(stream, quiet=quiet, bar=bar) as listener:
            for event in EVENTS:
                listener(event)
        text = stream.getvalue()
        assert ("Batch 2/3" in text) is (bar is None)
        assert ("103 vectors for 2 collections" in text) is not quiet
