"""Between the thread that hears and the one that looks: reasons are counted, nothing is kept."""

from __future__ import annotations

import threading

from netdoctor.engine.events import EngineEvent
from netdoctor.live.mailbox import Mailbox, News

START = EngineEvent("container", "start", "c1")


def test_a_hundred_thousand_events_are_one_reason_to_look():
    mailbox = Mailbox()
    for _ in range(100_000):
        mailbox.event(START)
    assert mailbox.wait(0)
    assert mailbox.take() == News(events=100_000)
    assert not mailbox.wait(0)


def test_our_own_doing_is_counted_and_wakes_nobody():
    mailbox = Mailbox()
    mailbox.event(EngineEvent("container", "start", "c1", ours=True))
    mailbox.event(EngineEvent("container", "exec_start", "c1"))
    assert not mailbox.wait(0)
    assert mailbox.take() == News(ignored=2)


def test_a_break_is_a_reason_and_stays_known_until_the_stream_is_back():
    mailbox = Mailbox()
    mailbox.broken("gone")
    assert mailbox.take() == News(breaks=1, lost="gone")
    assert mailbox.take() == News(lost="gone")
    mailbox.connected()
    assert mailbox.take() == News(connected=True)


def test_who_waits_is_woken_from_another_thread():
    mailbox = Mailbox()
    threading.Timer(0.05, mailbox.event, [START]).start()
    assert mailbox.wait(30)
