"""Ctrl-C at any line of the loop that writes: the same call goes on, and everything is counted once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from netdoctor.migration import tracked, writing
from netdoctor.migration.batches import Limits
from netdoctor.migration.digest import Sums
from netdoctor.migration.ledger import Ledger
from netdoctor.migration.run import Options
from netdoctor.migration.target import Transport
from netdoctor.migration.tracked import Tracker

from .lab import Server, records, run_once, via_host, write_export

COUNT = 24
Line = tuple[str, int]


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _within(inner)


WATCHED = frozenset(
    code
    for function in (
        writing.write_all,
        Tracker.settled,
        Tracker.save,
        Sums.add,
        Ledger.mark_done,
        Ledger.checkpoint,
        Ledger.remember,
        Ledger._change,
    )
    for code in _within(getattr(function, "__wrapped__", function).__code__)
)


@contextmanager
def tracing(visit: Callable[[Line], None]) -> Iterator[None]:
    """``visit`` is called before every line of the watched functions in this thread: the line raises what it raises."""

    def local(frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line":
            visit((frame.f_code.co_qualname, frame.f_lineno))
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, _event, _arg: local if frame.f_code in WATCHED else None)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.fixture(autouse=True)
def _every_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every batch, so that every line of one is met many times."""
    monkeypatch.setattr(tracked, "_EVERY", 0.0)


def test_ctrl_c_at_any_line_of_the_loop_loses_and_doubles_nothing(qdrant: Server, tmp_path: Path, own: str) -> None:
    export = write_export(tmp_path / "e.json", [{**thing, "namespace": own} for thing in records(COUNT, 4)])
    options = Options(limits=Limits(points=2), in_flight=2, sleep=lambda _seconds: None)
    with via_host(qdrant, Transport.REST) as target:
        met: list[Line] = []
        with tracing(met.append):
            assert run_once(export, target, tmp_path / "whole", options).good
        lines = sorted(set(met))
        assert {name.split(".")[-1] for name, _ in lines} >= {"write_all", "settle", "settled", "save", "add"}
        interrupted = 0
        for line in lines:
            ledger = tmp_path / f"l{line[0]}{line[1]}"
            due = 3 if met.count(line) > 3 else 1
            seen = 0

            def stop(here: Line, line: Line = line, due: int = due) -> None:
                nonlocal seen
                seen += here == line
                if here == line and seen == due:
                    raise KeyboardInterrupt

            target.drop(own)
            try:
                with tracing(stop):
                    run_once(export, target, ledger, options)
            except KeyboardInterrupt:  # a line that two requests race for may not be met this time
                interrupted += 1
            again = run_once(export, target, ledger, options)
            assert again.good and again.verification.verified == COUNT, line
        assert interrupted > 0.8 * len(lines)
