"""The stream breaks and comes back: what the engine still knows is asked for again, and the mailbox is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from netdoctor.engine.events import EngineEvent, Quiet
from netdoctor.errors import EngineUnreachable
from netdoctor.live.follow import LONGEST, Follower, pause
from netdoctor.live.mailbox import Mailbox


class Script:
    """Streams that say what they are told to, each until its end; the last one stays open."""

    def __init__(self, *streams: list[object] | Exception) -> None:
        self.streams = list(streams)
        self.since: list[int | None] = []
        self.closed = 0
        self.done = threading.Event()

    def __call__(self, since: int | None) -> Script.One:
        self.since.append(since)
        if not self.streams:
            self.done.set()
            return Script.One(self, [], stays=True)
        told = self.streams.pop(0)
        if isinstance(told, Exception):
            raise told
        return Script.One(self, told)

    class One:
        def __init__(self, script: Script, told: list[object], stays: bool = False) -> None:
            self.script, self.told, self.stays = script, told, stays
            self.hung_up = threading.Event()

        def __iter__(self) -> Iterator[EngineEvent]:
            for each in self.told:
                if isinstance(each, Exception):
                    raise each
                yield each
            if self.stays:
                self.hung_up.wait(30)
                raise EngineUnreachable("closed under us")

        def hang_up(self) -> None:
            self.hung_up.set()

        def close(self) -> None:
            self.script.closed += 1


def event(at: int) -> EngineEvent:
    return EngineEvent("container", "start", f"c{at}", at=at)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("netdoctor.live.follow.FIRST", 0.001)


def follow(script: Callable[..., object], mailbox: Mailbox) -> Follower:
    return Follower(script, mailbox, jitter=lambda: 0.0)


def test_after_a_break_it_goes_on_at_the_last_event(quick):
    script, mailbox = Script([event(7), event(9), event(8)], [EngineUnreachable("broke off")]), Mailbox()
    with follow(script, mailbox):
        assert script.done.wait(30)
    assert script.since == [None, 9, 9]
    news = mailbox.take()
    assert (news.events, news.breaks, news.connected, news.lost) == (3, 2, True, "")
    assert script.closed == 3


def test_an_engine_that_does_not_answer_is_tried_again_and_again(quick):
    down = [EngineUnreachable("the socket does not exist") for _ in range(5)]
    script, mailbox = Script(*down), Mailbox()
    with follow(script, mailbox):
        assert script.done.wait(30)
    assert mailbox.take().breaks == 5
    assert script.since == [None] * 6


def test_silence_is_no_break(quick):
    script, mailbox = Script([event(3), Quiet()], [Quiet()]), Mailbox()
    with follow(script, mailbox):
        assert script.done.wait(30)
    assert mailbox.take().breaks == 0
    assert script.since == [None, 3, 3]


def test_the_pause_doubles_up_to_a_limit_and_is_spread():
    monotone = [pause(number, 0.5) for number in range(1, 40)]
    assert monotone == sorted(monotone)
    assert pause(10_000, 1.0) == LONGEST * 1.25
    assert pause(1, 0.0) < pause(1, 1.0)
