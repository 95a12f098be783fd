"""The parts of the live source that need no server: what a refusal means, how long a pause is, what it costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.retry import Stopped
from netdoctor.migration.sources import _pinecone_pace as pace_module
from netdoctor.migration.sources._pinecone_fetching import parts
from netdoctor.migration.sources._pinecone_pace import Pace
from netdoctor.migration.sources._pinecone_pricing import estimate, units_of_fetch
from netdoctor.migration.sources._pinecone_refusals import (
    NotListable,
    NotTaken,
    PineconeFailed,
    PineconeKeyRefused,
    QuotaSpent,
    RateLimited,
    Refusal,
    TokenLost,
    TooMuch,
    seconds_of,
)
from netdoctor.migration.targets.interface import Transient
from netdoctor.migration.window import Window


def refused(
    status: int, said: str = "", what: str = "fetch", *, token: bool = False, after: str | None = None
) -> object:
    body = json.dumps({"code": 8, "message": said, "details": []}).encode()
    return Refusal(status, body, what, "https://h", after, token).error()


@pytest.mark.parametrize(
    "said",
    [
        # As published, and as met in the field.
        "Request failed. You've reached your read unit limit for the current month limit. "
        "To continue reading data, upgrade your plan.",
        "Request failed. You've reached your read unit limit for the current month (1000000). "
        "To continue reading data, upgrade your plan.",
        "Request failed. You've reached your egress limit for the current month (1000000000 bytes). "
        "To continue reading data, upgrade your plan.",
        "Request failed. You've reached your egress limit.",
    ],
)
def test_a_months_limit_is_a_spent_quota(said: str) -> None:
    assert type(refused(429, said)) is QuotaSpent


@pytest.mark.parametrize(
    "said",
    [
        "Request failed. You've reached the max fetch requests per second for index x. Pace your fetch requests or "
        "contact Pinecone Support (https://app.pinecone.io/organizations/-/settings/support/ticket) to request a "
        "higher limit.",
        "Request failed. You've reached the max list requests per second for index month. Pace your list requests.",
        "You've reached the query QPS limit for namespace this month (100 QPS). Pace your queries.",
        "You've reached the max embedding tokens per minute (9) model 'm'. To increase this limit, upgrade your plan.",
        "Too many requests",
        "",
    ],
)
def test_a_moments_limit_is_a_rate(said: str) -> None:
    found = refused(429, said, after="2")
    assert type(found) is RateLimited and found.after == 2.0


@pytest.mark.parametrize(
    ("status", "said", "what", "token", "kind"),
    [
        (401, "Unauthorized", "fetch", False, PineconeKeyRefused),
        (403, "Forbidden", "list", False, PineconeKeyRefused),
        (403, "Request failed. You've exceeded your quota", "list", False, QuotaSpent),
        (402, "", "list", False, QuotaSpent),
        (400, "Invalid pagination token.", "list", True, TokenLost),
        (410, "", "list", True, TokenLost),
        (400, "bad limit", "list", False, NotTaken),
        (400, "List is supported only for serverless indexes", "list", False, NotListable),
        (501, "", "list", False, NotListable),
        (400, "Use the Documents API for this document index", "fetch", False, NotListable),
        (404, "Not Found", "fetch", False, NotTaken),
        (414, "", "fetch", False, TooMuch),
        (431, "", "fetch", False, TooMuch),
        (408, "", "fetch", False, Transient),
        (500, "", "list", True, Transient),
        (503, "", "list", True, Transient),
        (525, "", "fetch", False, Transient),
    ],
)
def test_every_status_means_one_thing(status: int, said: str, what: str, token: bool, kind: type) -> None:
    assert type(refused(status, said, what, token=token)) is kind


@given(st.integers(201, 599), st.binary(max_size=60), st.sampled_from(["list", "fetch", "describe"]), st.booleans())
def test_no_reply_is_without_a_meaning(status: int, body: bytes, what: str, token: bool) -> None:
    found = Refusal(status, body, what, "h", "x", token).error()
    assert isinstance(found, PineconeFailed | Transient | TokenLost | TooMuch | NotTaken)
    assert "\n" not in str(found)


def test_a_sentence_is_found_in_any_of_the_replies_shapes() -> None:
    for body, said in (
        (b'{"error": {"code": "NOT_FOUND", "message": "gone\\nnow"}, "status": 404}', "gone now"),
        (b'{"error": "gone"}', "gone"),
        (b'{"code": 5}', ""),
        (b"Unauthorized", "Unauthorized"),
        (b"<html><body>502</body></html>", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * 300),
    ):
        assert Refusal(400, body, "x", "h").said() == said


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    assert seconds_of("3") == 3.0 and seconds_of("0.5") == 0.5 and seconds_of("-4") == 0.0
    assert seconds_of("Thu, 01 Jan 2026 12:00:30 GMT", now) == 30.0
    assert seconds_of("Thu, 01 Jan 2026 11:00:00 GMT", now) == 0.0
    for nothing in (None, "", "soon", "nan"):
        assert seconds_of(nothing) is None


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []
        self.stopped = False

    def is_set(self) -> bool:
        return self.stopped

    def wait(self, seconds: float) -> bool:
        self.waits.append(round(seconds, 3))
        self.now += seconds
        return self.stopped


def pace(clock: Clock, window: Window | None = None, **how: float) -> Pace:
    made = Pace(window or Window(8), clock=lambda: clock.now, jitter=lambda: 1.0, **how)  # type: ignore[arg-type]
    made.stop = clock  # type: ignore[assignment]
    return made


def failing(*failures: Exception) -> object:
    left = list(failures)

    def action() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return action


def test_pauses_grow_and_a_wish_is_kept_up_to_the_cap() -> None:
    clock = Clock()
    assert pace(clock).call(failing(*[Transient("busy")] * 4)) == "done"  # type: ignore[arg-type]
    assert clock.waits == [0.25, 0.5, 1.0, 2.0]
    for asked, kept in ((3.0, 3.25), (3600.0, pace_module.CAP + 0.25)):
        clock.waits.clear()
        pace(clock).call(failing(Transient("busy", after=asked)))  # type: ignore[arg-type]
        assert clock.waits == [kept]


def test_a_rate_refusal_halves_the_window_and_holds_everybody() -> None:
    clock = Clock()
    window = Window(8)
    shared = pace(clock, window)
    shared.call(failing(RateLimited("slow down", after=2.0)))  # type: ignore[arg-type]
    assert window.size == 4
    clock.waits.clear()
    clock.now = 101.0  # another thread, one second later: the two seconds are not over
    shared.call(failing())  # type: ignore[arg-type]
    assert clock.waits == [1.25]


def test_patience_ends_and_a_stop_ends_every_pause() -> None:
    clock = Clock()
    with pytest.raises(PineconeFailed, match="within 5 s: busy"):
        pace(clock, patience=5.0).call(failing(*[Transient("busy")] * 99))  # type: ignore[arg-type]
    assert sum(clock.waits) == pytest.approx(5.0)
    clock.stopped = True
    with pytest.raises(Stopped):
        pace(clock).call(failing())  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 5000), max_size=20), st.integers(1, 100))
def test_the_estimate_is_the_sum_of_its_calls(counts: list[int], page: int) -> None:
    told = estimate(counts, page, 8, fetch=page)
    fetched = sum(units_of_fetch(min(page, count - at)) for count in counts for at in range(0, count, page))
    listed = sum(max(1, -(-count // page)) for count in counts)
    assert (told.records, told.list_units, told.fetch_units) == (sum(counts), listed, fetched)
    assert told.units == listed + fetched


def test_a_million_records_cost_what_the_rules_say() -> None:
    told = estimate([1_000_000], 100, 1536)
    assert (told.units, round(told.usd, 2)) == (110_000, 1.76)
    assert "110,000 read units" in told.sentence() and "USD 1.76" in told.sentence()
    assert "Starter" not in told.sentence()
    assert "Starter plan's 1,000,000 a month would not do" in estimate([10_000_000], 100, None).sentence()


@given(st.lists(st.text(min_size=1, max_size=300), max_size=150))
def test_ids_are_cut_into_urls_that_are_short_enough(ids: list[str]) -> None:
    from urllib.parse import quote

    cut = list(parts(ids))
    assert [each for part in cut for each in part] == ids
    assert all(part and len(part) <= 100 for part in cut)
    for part in cut:
        length = sum(len(quote(each, safe="", errors="replace")) + 5 for each in part)
        assert length <= 6000 or len(part) == 1
