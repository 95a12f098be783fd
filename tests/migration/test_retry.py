"""Pauses grow, the server's own wish is kept, patience ends."""

from __future__ import annotations

import threading

import pytest

from netdoctor.migration.retry import Retry, Stopped
from netdoctor.migration.targets.interface import TargetUnreachable, Transient


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.stopped = False

    def is_set(self) -> bool:
        return self.stopped

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 3))
        self.now += seconds
        return self.stopped


def retry(clock: Clock, **how: float) -> Retry:
    return Retry(clock=lambda: clock.now, jitter=lambda: 1.0, stop=clock, **how)  # type: ignore[arg-type]


def failing(times: int, after: float | None = None) -> object:
    left = [times]

    def action() -> str:
        if left[0]:
            left[0] -= 1
            raise Transient("busy", after=after)
        return "done"

    return action


def test_pauses_double_up_to_the_longest() -> None:
    clock = Clock()
    assert retry(clock, longest=1.0).call(failing(5)) == "done"  # type: ignore[arg-type]
    assert clock.waits == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_the_servers_wish_is_kept_up_to_a_cap_and_never_undercut() -> None:
    clock = Clock()
    retry(clock, patience=100).call(failing(1, after=3.0))  # type: ignore[arg-type]
    retry(clock, patience=100).call(failing(1, after=3600.0))  # type: ignore[arg-type]
    retry(clock, patience=4).call(failing(1, after=30.0))  # type: ignore[arg-type]
    assert clock.waits == [3.3, 66.0, 4.0]  # a tenth more, so that not all come back at once


def test_patience_ends_with_the_last_reason() -> None:
    clock = Clock()
    with pytest.raises(TargetUnreachable, match=r"within 5 s: busy"):
        retry(clock, patience=5).call(failing(1000))  # type: ignore[arg-type]
    assert sum(clock.waits) == pytest.approx(5, abs=0.01)


def test_a_run_that_ends_does_not_wait() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        Retry(stop=stop).call(lambda: 1)
    clock = Clock()

    def fails_and_ends() -> None:
        clock.stopped = True
        raise Transient("busy")

    with pytest.raises(Stopped):
        retry(clock).call(fails_and_ends)
