"""Alerts are merged, limited and summed up: whatever happens, few messages, and nothing is lost without a word."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from netdoctor.live.alerts import BURST, GATHER, LISTED, PENDING, REFILL, Alert, Outbox, summary

AT = "2026-01-02T03:04:05+00:00"


def alert(event: str = "failure", about: str = "a", text: str = "a fails", **details) -> Alert:
    return Alert(event, about, text, AT, details)


def drained(outbox: Outbox, until: float, step: float = 0.5) -> list[tuple[float, Alert]]:
    """Everything that goes out, and when, if somebody looks all the time."""
    found, now = [], 0.0
    while now <= until:
        if (sent := outbox.take(now)) is not None:
            found.append((now, sent))
        now += step
    return found


def test_one_alert_goes_out_as_it_is_after_a_moment():
    outbox = Outbox()
    outbox.put(alert(), 10.0)
    assert outbox.take(10.0) is None
    assert outbox.due(10.0) == GATHER
    assert outbox.take(10.0 + GATHER) == alert()
    assert outbox.take(99.0) is outbox.due(99.0) is None


def test_what_happens_together_is_one_message():
    outbox = Outbox()
    for number in range(30):
        outbox.put(alert(about=f"edge {number}", text=f"edge {number} fails"), 0.0)
    ((_, sent),) = drained(outbox, 600)
    assert sent.event == "summary"
    assert sent.details["counts"] == {"failure": 30}
    assert sent.details["more"] == 30 - LISTED
    assert len(sent.details["alerts"]) == LISTED
    assert outbox.merged == 29


def test_newer_news_about_the_same_replace_older_ones():
    outbox = Outbox()
    outbox.put(alert("failure"), 0.0)
    outbox.put(alert("recovery", text="a works again after 7 s"), 0.2)
    ((_, sent),) = drained(outbox, 60)
    assert (sent.event, sent.text) == ("recovery", "a works again after 7 s")


def test_a_storm_is_a_few_messages_and_the_last_state_is_told():
    """Ten connections that fail and recover for an hour."""
    outbox, sent = Outbox(), []
    for second in range(3600):
        event = "failure" if second % 2 else "recovery"
        outbox.put(alert(event, f"edge {second % 10}", f"edge {second % 10} {event} at {second}"), float(second))
        if (message := outbox.take(float(second))) is not None:
            sent.append(message)
    assert len(sent) <= BURST + 3600 / REFILL + 1
    assert "3599" in str((outbox.take(1e9) or sent[-1]).details)


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 5), st.sampled_from(["failure", "recovery"])), max_size=80))
def test_the_last_word_about_everything_goes_out(steps):
    outbox, now, last, told = Outbox(), 0.0, {}, {}

    def take(hurry: bool = False) -> None:
        sent = outbox.take(now, hurry=hurry)
        for each in (
            [] if sent is None else (sent.details["alerts"] if sent.event == "summary" else [{"text": sent.text}])
        ):
            told[each["text"].split()[0]] = each["text"]

    for number, (pause, which, event) in enumerate(steps):
        now += pause
        text = f"e{which} {event} {number}"
        last[f"e{which}"] = text
        outbox.put(alert(event, f"e{which}", text), now)
        take()
    take(hurry=True)
    assert told == last
    assert outbox.due(now) is None


def test_nobody_can_make_it_grow():
    outbox = Outbox()
    for number in range(PENDING * 3):
        outbox.put(alert(about=f"edge {number}"), 0.0)
    sent = outbox.take(0.0, hurry=True)
    assert sent is not None
    assert sent.details["more"] == PENDING * 3 - LISTED
    assert len(json.dumps(sent.document())) < 20_000


def test_the_worst_comes_first_in_a_summary():
    events = ["healed", "recovery", "slow", "failure", "engine_lost", "heal_failed"]
    told = [each["event"] for each in summary([alert(event, event) for event in events]).details["alerts"]]
    assert told == ["engine_lost", "heal_failed", "failure", "slow", "recovery", "healed"]


def test_a_document_holds_no_secret_and_no_control_character():
    said = alert(
        text="app -> db fails: postgres://u:hunter2@db/x \x1b[2J",
        reason="GET /?token=hunter2 \r\n",
        findings=[{"cause": "Authorization: Bearer hunter2hunter2"}],
    ).document()
    text = json.dumps(said)
    assert "hunter2" not in text
    assert "\\u001b" not in text and "\\r" not in text
    assert said["schema"] == "netdoctor.alert/1"
    assert said["event"] == "failure"


def test_a_summary_cleans_what_it_carries_too():
    many = [alert(about=str(number), text="password=hunter2", reason="password=hunter2") for number in range(3)]
    assert "hunter2" not in json.dumps(summary(many).document())
