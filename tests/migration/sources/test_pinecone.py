"""The live index as a source, against a server on loopback that does what the published API says."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from migration.pinecone_server import KEY, RATE, Asked, Pinecone, Reply, fill, rpc, serving
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.migration.listing import Listing
from netdoctor.migration.points import Metric
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources import _pinecone_pace as pace_module
from netdoctor.migration.sources._pinecone_address import read_address, read_key
from netdoctor.migration.sources._pinecone_client import PineconeClient
from netdoctor.migration.sources._pinecone_pace import Pace
from netdoctor.migration.sources._pinecone_refusals import (
    NotListable,
    PineconeFailed,
    PineconeKeyRefused,
    QuotaSpent,
)
from netdoctor.migration.sources.interface import SOURCES, Access, LiveSource, open_source
from netdoctor.migration.sources.pinecone import PineconeSource
from netdoctor.migration.window import Window


@pytest.fixture
def pinecone() -> Iterator[Pinecone]:
    with serving(Pinecone()) as running:
        yield running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "FIRST", 0.01)


Open = Callable[..., PineconeSource]


@pytest.fixture
def opened(pinecone: Pinecone) -> Iterator[Open]:
    """Opens the index by its host; closed at the end, and then no thread is left."""
    sources: list[PineconeSource] = []

    def begin(**how: Any) -> PineconeSource:
        address = read_address(f"pinecone:{pinecone.url}", Access())
        source = PineconeSource(address, KEY, **{"patience": 10.0, **how})
        sources.append(source)
        return source

    yield begin
    for source in sources:
        source.close()
    own = ("netdoctor-fetch", "netdoctor-list", "netdoctor-pages")
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(own)]
    assert left == []


def everything(pinecone: Pinecone) -> list[tuple[str, str]]:
    return [
        (namespace, identity)
        for namespace in sorted(pinecone.namespaces)
        for identity in sorted(pinecone.namespaces[namespace], key=str.encode)
    ]


def followed(source: PineconeSource, folder: Path) -> Listing:
    listing = Listing.write(folder / "ids", source.ids())
    source.follow(listing)
    return listing


# --- what is there -------------------------------------------------------------------------------------------------


def test_all_namespaces_are_listed_and_every_record_comes_as_it_is_stored(
    pinecone: Pinecone, opened: Open, tmp_path: Path
) -> None:
    fill(pinecone, {"": 250, "user_b": 100, "user_ä": 1, "empty": 0})
    source = opened()
    assert isinstance(source, LiveSource)
    assert source.namespaces == ("", "empty", "user_b", "user_ä")
    listing = followed(source, tmp_path)
    assert list(listing.entries()) == everything(pinecone)
    records = list(source.records())
    assert [(record.namespace, record.id, record.number) for record in records if isinstance(record, Record)] == [
        (*pair, number) for number, pair in enumerate(everything(pinecone), 1)
    ]
    for record in records:
        assert isinstance(record, Record)
        stored = json.loads(pinecone.namespaces[record.namespace][record.id])
        assert record.values.dtype == np.float32
        assert record.values.tolist() == [float(np.float32(value)) for value in stored["values"]]
        assert dict(record.metadata) == stored["metadata"]


@pytest.mark.parametrize("called", ["", "__default__"])
def test_the_default_namespace_is_one_whatever_the_index_calls_it(
    pinecone: Pinecone, opened: Open, called: str
) -> None:
    fill(pinecone, {"": 5, "n": 3})
    pinecone.default_name = called
    assert opened().namespaces == ("", "n")
    assert [pair[0] for pair in opened().ids()].count("") == 5
    # Old servers do not know the name, so it is never sent to them.
    assert all("namespace" not in asked.query or asked.one("namespace") == "n" for asked in pinecone.asked)
    assert opened(only=("__default__",)).namespaces == ("",)


def test_an_index_that_cannot_list_its_namespaces_is_known_by_its_stats(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 5, "n": 3})
    pinecone.knows_namespaces = False
    assert opened().namespaces == ("", "n")


def test_one_namespace_can_be_asked_for_and_a_wrong_one_is_told_with_the_right_ones(
    pinecone: Pinecone, opened: Open
) -> None:
    fill(pinecone, {"": 5, "n": 3, "m": 2})
    assert {namespace for namespace, _ in opened(only=("n",)).ids()} == {"n"}
    with pytest.raises(PineconeFailed, match="no namespace 'x'") as refused:
        opened(only=("x",))
    assert "'m', 'n'" in refused.value.hint


def test_more_namespaces_than_one_page_of_them(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {f"tenant_{number:03}": 1 for number in range(230)})
    source = opened()
    assert len(source.namespaces) == 230
    assert len(list(source.ids())) == 230


def test_sparse_and_hybrid_records_keep_both_sides(pinecone: Pinecone, opened: Open) -> None:
    pinecone.put("", {"id": "h", "values": [1.0] * 8, "sparseValues": {"indices": [7, 3], "values": [0.5, 0.25]}})
    pinecone.put("", {"id": "s", "values": [], "sparseValues": {"indices": [4294967295], "values": [1.5]}})
    (stretch,) = opened().stretches()
    hybrid, sparse = stretch.records
    assert isinstance(hybrid, Record) and isinstance(sparse, Record)
    assert hybrid.sparse is not None and hybrid.sparse.indices.tolist() == [3, 7]
    assert hybrid.sparse.values.tolist() == [0.25, 0.5]
    assert len(hybrid.values) == 8
    assert sparse.sparse is not None and sparse.sparse.indices.tolist() == [4294967295]
    assert (sparse.values.shape, sparse.metadata) == ((0,), {})


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ({"values": [0.1, "x"]}, "not an array of numbers"),
        ({"values": [1e300]}, "does not fit a float32"),
        ({"values": []}, "neither values nor sparse values"),
        ({"values": [1], "metadata": [1]}, "metadata is not an object"),
        ({"values": [1], "sparseValues": {"indices": [1, 1], "values": [1, 2]}}, "sparse index 1 is there twice"),
        ({"values": [1], "sparseValues": {"indices": [-1], "values": [1]}}, "does not fit 32 bits"),
    ],
)
def test_a_record_that_cannot_be_one_is_told_by_its_id(
    pinecone: Pinecone, opened: Open, thing: dict[str, Any], words: str
) -> None:
    pinecone.put("n", {"id": "odd", **thing})
    (stretch,) = opened().stretches()
    (found,) = stretch.records
    assert isinstance(found, BadRecord)
    assert "'odd' in namespace 'n'" in found.reason and words in found.reason


def test_ids_of_any_characters_go_through_a_url(pinecone: Pinecone, opened: Open) -> None:
    odd = ["a b", "a+b", "a&b=c", "a,b", "a#b?", "ä/ö", "100%", "\U0001f600", "quote\"'", "__default__"]
    for identity in odd:
        pinecone.put("n&m=ü +", {"id": identity, "values": [1.0] * 8})
    (stretch,) = opened().stretches()
    assert sorted(record.id for record in stretch.records if isinstance(record, Record)) == sorted(odd)


def test_long_ids_are_fetched_in_urls_that_every_server_takes(pinecone: Pinecone, opened: Open) -> None:
    for number in range(100):
        pinecone.put("", {"id": f"{number:04}" + "ü" * 200, "values": [1.0] * 8})
    (stretch,) = opened().stretches()
    assert [type(record) for record in stretch.records] == [Record] * 100
    assert pinecone.count("fetch") > 10


def test_an_index_by_its_name_is_looked_up_at_the_controller(pinecone: Pinecone) -> None:
    fill(pinecone, {"": 3})
    pinecone.metric = "dotproduct"
    access = Access({"PINECONE_API_KEY": KEY, "PINECONE_CONTROLLER_HOST": pinecone.url})
    source = open_source("pinecone:notes", access)
    assert isinstance(source, PineconeSource)
    assert (source.label, source.metric, source.size) == ("pinecone:notes", Metric.DOT, 0)
    assert len(list(source.ids())) == 3
    # The name and the host are one index.
    by_host = open_source(f"pinecone:{pinecone.url}", access)
    assert by_host.stamp() == source.stamp() == source.digest()
    assert isinstance(by_host, PineconeSource)
    source.close()
    by_host.close()
    with pytest.raises(PineconeFailed, match="no Pinecone index 'other'"):
        open_source("pinecone:other", access)


def test_larger_pages_of_ids_are_fetched_in_usual_parts(pinecone: Pinecone, opened: Open, tmp_path: Path) -> None:
    fill(pinecone, {"": 730, "n": 5})
    pinecone.page_limit = 1000
    source = opened(page=500)
    told = source.estimate()
    assert sum(len(stretch.records) for stretch in source.stretches()) == 735
    assert (pinecone.count("list"), pinecone.count("fetch")) == (3, 9)
    assert pinecone.read_units == told.units == 3 + 74


def test_an_empty_index_has_no_records(pinecone: Pinecone, opened: Open, tmp_path: Path) -> None:
    source = opened()
    assert len(followed(source, tmp_path)) == 0
    assert list(source.records()) == [] and list(source.stretches()) == [] and list(source.sample(5)) == []


# --- going on ------------------------------------------------------------------------------------------------------


def test_reading_goes_on_at_a_cursor_with_the_same_numbers(pinecone: Pinecone, opened: Open, tmp_path: Path) -> None:
    fill(pinecone, {"": 130, "n": 120})
    source = opened()
    followed(source, tmp_path)
    whole = list(source.records())
    for at in (1, 100, 101, 131, 250):
        record = whole[at - 1]
        assert isinstance(record, Record)
        again = list(source.records(json.loads(json.dumps(source.cursor(record)))))
        assert [(each.number, each.id) for each in again if isinstance(each, Record)] == [
            (each.number, each.id) for each in whole[at - 1 :] if isinstance(each, Record)
        ]
        assert source.cursor(record) == record.number  # a plan goes on at a number without having met the record
    assert list(source.records(251)) == []
    for wrong in ([1, 2], 0, 252, True, "1"):
        with pytest.raises(NetdoctorError, match="another kind"):
            list(source.records(wrong))  # type: ignore[arg-type]


def test_without_its_list_of_ids_nothing_is_read_by_it(opened: Open) -> None:
    with pytest.raises(NetdoctorError, match="no list of ids"):
        list(opened().records())


def test_a_lost_token_begins_the_listing_again_without_a_gap_or_a_repetition(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 450, "n": 250})
    lost = {2, 4, 7}

    def lose(asked: Asked) -> None:
        if asked.what == "list" and pinecone.count("list") in lost:
            pinecone.forget_tokens()

    pinecone.fault = lose  # type: ignore[assignment]
    source = opened()
    assert list(source.ids()) == everything(pinecone)
    assert any("forgot a place" in note for note in source.notes())


def test_a_token_that_is_lost_for_ever_is_told(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 450})
    pinecone.fault = lambda asked: rpc(400, 3, "Invalid pagination token.") if asked.one("paginationToken") else None
    with pytest.raises(PineconeFailed, match="again and again"):
        list(opened().ids())


def test_a_listing_that_ends_too_early_is_gone_through_again(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 450, "n": 5})
    pinecone.ends_early = {"": 200}
    source = opened()
    assert list(source.ids()) == everything(pinecone)
    assert source.notes()[1:] == ()


def test_a_count_that_cannot_be_reached_is_a_note(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 150})
    pinecone.stats_off = {"": 4}
    source = opened()
    assert len(list(source.ids())) == 150
    assert any("counts 154 records and lists 150" in note for note in source.notes())


def test_a_page_that_repeats_the_last_id_adds_nothing(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 350})
    pinecone.repeats = True
    assert list(opened().ids()) == everything(pinecone)


def test_packed_replies_are_read(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 150})
    pinecone.packs = True
    assert sum(len(stretch.records) for stretch in opened().stretches()) == 150


def test_a_key_that_may_not_list_namespaces_reads_by_the_stats(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 5, "n": 3})
    pinecone.fault = lambda asked: rpc(403, 7, "Forbidden") if asked.what == "namespaces" else None
    assert opened().namespaces == ("", "n")


def test_nobody_waits_long_for_an_index_that_never_answered() -> None:
    began = time.monotonic()
    with pytest.raises(PineconeFailed, match=r"did not answer within 0\.3 s: .*refused") as failed:
        PineconeSource(read_address("pinecone:http://127.0.0.1:1", Access()), KEY, patience=0.3)
    assert time.monotonic() - began < 10
    assert "is the host right" in failed.value.hint


@pytest.mark.parametrize("page", [100, 300])
def test_stretches_go_on_at_every_place_they_gave(pinecone: Pinecone, opened: Open, page: int) -> None:
    fill(pinecone, {"": 450, "n": 120, "z": 3})
    pinecone.page_limit = 1000
    source = opened(page=page)
    whole = [(stretch.namespace, record.id) for stretch in source.stretches() for record in stretch.records]  # type: ignore[union-attr]
    assert whole == everything(pinecone)
    count = 0
    for stretch in source.stretches():
        count += len(stretch.records)
        if stretch.after is not None:
            if count % 200 == 0:
                pinecone.forget_tokens()
            rest = opened(page=page).stretches(stretch.after)
            assert [(each.namespace, record.id) for each in rest for record in each.records] == whole[count:]  # type: ignore[union-attr]


# --- what goes missing ---------------------------------------------------------------------------------------------


def test_an_id_that_is_gone_is_asked_for_twice_and_reported_with_its_number(
    pinecone: Pinecone, opened: Open, tmp_path: Path
) -> None:
    fill(pinecone, {"": 120})
    source = opened()
    listing = followed(source, tmp_path)
    entries = list(listing.entries())
    pinecone.ghosts = {entries[17][1]}
    pinecone.late = {entries[110][1]}
    found = list(source.records())
    assert len(found) == 120
    gone = [record for record in found if isinstance(record, BadRecord)]
    assert [record.number for record in gone] == [18]
    assert repr(entries[17][1]) in gone[0].reason and "asked for once again" in gone[0].reason
    assert [note.partition(" listed")[0] for note in source.notes() if "twice" in note] == ["1 record was"]
    assert any("only when asked for again" in note for note in source.notes())


def test_an_id_that_the_service_refuses_is_found_by_halving_and_named(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 100})
    refused = everything(pinecone)[41][1]
    pinecone.refused_ids = {refused}
    (stretch,) = opened().stretches()
    (bad,) = [record for record in stretch.records if isinstance(record, BadRecord)]
    assert bad.number == 42
    assert refused in bad.reason and "Vector ID cannot contain spaces" in bad.reason


def test_a_service_that_refuses_every_fetch_stops_the_run(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 300})
    pinecone.fault = lambda asked: rpc(400, 3, "Unsupported API version") if asked.what == "fetch" else None
    with pytest.raises(NetdoctorError, match="Unsupported API version"):
        list(opened().stretches())


# --- 429 of both kinds, and other faults ---------------------------------------------------------------------------


def test_rate_refusals_slow_everybody_down_and_nothing_is_lost(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 1500})
    asked: list[str] = []

    def refuse(one: Asked) -> Reply | None:
        asked.append(one.what)
        if one.what in ("list", "fetch") and asked.count(one.what) % 3 == 0:
            return rpc(429, 8, RATE.format(what=one.what, index="notes"))
        return None

    pinecone.fault = refuse
    told: list[str] = []
    source = opened(tell=lambda reason, _seconds: told.append(reason))
    assert sum(len(stretch.records) for stretch in source.stretches()) == 1500
    assert any("fetch requests per second" in reason for reason in told)
    assert any("list requests per second" in reason for reason in told)


def test_more_requests_a_second_than_are_allowed_are_made_in_the_end(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 1000})
    pinecone.per_second = {"fetch": 5}
    assert sum(len(stretch.records) for stretch in opened().stretches()) == 1000


def test_retry_after_is_kept(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 10})
    refusals = [rpc(429, 8, "You've reached the max list requests per second", Retry_After="1")]
    pinecone.fault = lambda asked: refusals.pop() if asked.what == "list" and refusals else None
    began = time.monotonic()
    told: list[float] = []
    assert len(list(opened(tell=lambda _reason, seconds: told.append(seconds)).ids())) == 10
    assert time.monotonic() - began >= 1.0
    assert 1.0 <= told[0] < 1.1


@pytest.mark.parametrize("what", ["read unit", "egress"])
def test_a_spent_quota_stops_at_once_with_what_to_do(pinecone: Pinecone, opened: Open, what: str) -> None:
    fill(pinecone, {"": 1500})
    pinecone.quota, pinecone.quota_what = 60, what
    told: list[str] = []
    source = opened(tell=lambda reason, _seconds: told.append(reason))
    with pytest.raises(QuotaSpent, match=f"reached your {what} limit for the current month") as spent:
        list(source.stretches())
    assert "repeat the same command" in spent.value.hint and "upgrade the plan" in spent.value.hint
    assert told == []
    assert pinecone.count("fetch") < 30


def test_a_wrong_key_is_told_and_never_shown(pinecone: Pinecone) -> None:
    wrong = "pcsk_wrong_0123456789"
    for given in (f"pinecone:{pinecone.url}", "pinecone:notes"):
        with pytest.raises(PineconeKeyRefused, match="refuses the API key") as refused:
            PineconeSource(read_address(given, Access(options={"controller": pinecone.url})), wrong)
        assert "PINECONE_API_KEY" in refused.value.hint
        assert wrong not in repr(refused.value) + refused.value.hint


def test_a_pod_based_index_is_told_what_becomes_of_it(pinecone: Pinecone) -> None:
    fill(pinecone, {"": 3})
    pinecone.kind = "pod"
    access = Access({"PINECONE_API_KEY": KEY}, {"controller": pinecone.url})
    with pytest.raises(NotListable, match="pod-based") as refused:
        open_source("pinecone:notes", access)
    assert "serverless" in refused.value.hint
    source = open_source(f"pinecone:{pinecone.url}", access)
    assert isinstance(source, PineconeSource)
    with pytest.raises(NotListable, match="cannot list its ids"):
        list(source.ids())
    # Others answer 200 with a sentence.
    pinecone.fault = lambda asked: Reply(200, b'"not here"') if asked.what == "list" else None
    with pytest.raises(NotListable):
        list(source.ids())
    source.close()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 0])
def test_a_fault_of_the_service_is_tried_again(pinecone: Pinecone, opened: Open, status: int) -> None:
    fill(pinecone, {"": 900})
    left = {"list": 3, "fetch": 5}

    def fault(asked: Asked) -> Reply | None:
        if left.get(asked.what, 0) and pinecone.count(asked.what) % 2:
            left[asked.what] -= 1
            return Reply(status, b"<html>bad gateway</html>")
        return None

    pinecone.fault = fault
    assert sum(len(stretch.records) for stretch in opened().stretches()) == 900
    assert left == {"list": 0, "fetch": 0}


@pytest.mark.parametrize("seed", range(6))
def test_a_storm_of_everything_at_once_loses_nothing_and_gives_nothing_twice(
    pinecone: Pinecone, opened: Open, tmp_path: Path, seed: int
) -> None:
    fill(pinecone, {"": 900, "a": 101, "b": 0, "c": 250}, seed=seed)
    chance = random.Random(seed)
    whole = everything(pinecone)
    pinecone.late = {identity for _, identity in chance.sample(whole, 5)}
    pinecone.ends_early = {"": chance.choice([200, 500])}
    lost = [0]

    def storm(asked: Asked) -> Reply | None:
        if asked.what == "list" and lost[0] < 8 and chance.random() < 0.15:
            lost[0] += 1
            pinecone.forget_tokens()
        kind = chance.random()
        if asked.what not in ("list", "fetch") or kind > 0.3:
            return None
        if kind < 0.1:
            return rpc(429, 8, RATE.format(what=asked.what, index="notes"), Retry_After="0")
        return Reply(chance.choice([0, 500, 502, 503]), b"") if kind < 0.25 else Reply(408, b"")

    pinecone.fault = storm
    source = opened(patience=60.0)
    found = [(stretch.namespace, record.id) for stretch in source.stretches() for record in stretch.records]  # type: ignore[union-attr]
    assert found == whole
    followed(source, tmp_path)
    assert [(record.namespace, record.id) for record in source.records()] == whole  # type: ignore[union-attr]


def test_an_answer_that_takes_too_long_is_asked_for_again(pinecone: Pinecone) -> None:
    fill(pinecone, {"": 7})
    slow = [0.8]
    pinecone.fault = lambda _asked: time.sleep(slow.pop()) if slow else None  # type: ignore[assignment,func-returns-value]
    told: list[str] = []
    client = PineconeClient(KEY, Pace(Window(2), tell=lambda reason, _seconds: told.append(reason)), timeout=0.3)
    client.host = pinecone.url
    assert len(client.list_ids("").ids) == 7
    assert told == ["no answer in time (ReadTimeout)"]
    client.close()


def test_patience_ends_with_the_reason_and_how_to_go_on(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 9})
    pinecone.fault = lambda asked: rpc(503, 14, "The service is unavailable") if asked.what == "fetch" else None
    with pytest.raises(PineconeFailed, match=r"within 0.2 s: HTTP 503: The service is unavailable") as failed:
        list(opened(patience=0.2).stretches())
    assert "it resumes" in failed.value.hint


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"hello": 1}', b'{"namespaces": 7}', b""])
def test_what_is_no_pinecone_is_told(pinecone: Pinecone, body: bytes) -> None:
    pinecone.fault = lambda _asked: Reply(200, body)
    for given in (f"pinecone:{pinecone.url}", "pinecone:notes"):
        with pytest.raises(PineconeFailed, match=r"is not .*Pinecone"):
            PineconeSource(read_address(given, Access(options={"controller": pinecone.url})), KEY)


def test_a_redirect_is_not_followed_with_the_key(pinecone: Pinecone) -> None:
    pinecone.fault = lambda asked: Reply(307, b"", {"Location": f"{pinecone.url}/elsewhere"})
    with pytest.raises(PineconeFailed):
        PineconeSource(read_address(f"pinecone:{pinecone.url}", Access()), KEY)
    assert [asked.path for asked in pinecone.asked] == ["/describe_index_stats"]


# --- threads, memory, speed ----------------------------------------------------------------------------------------


def test_reading_can_be_broken_off_at_any_time_also_in_a_pause(
    pinecone: Pinecone, opened: Open, tmp_path: Path
) -> None:
    fill(pinecone, {"": 2000})
    source = opened()
    followed(source, tmp_path)
    records = source.records()
    next(records)
    records.close()  # type: ignore[attr-defined]
    pinecone.fault = lambda asked: (
        rpc(429, 8, "max fetch requests per second", Retry_After="50")
        if asked.what == "fetch" and pinecone.count("fetch") > 25
        else None
    )
    began = time.monotonic()
    for number, _ in enumerate(source.records()):
        if number > 5:
            break
    assert time.monotonic() - began < 20
    # And it can be read again afterwards.
    pinecone.fault = lambda _asked: None
    assert len(list(source.records())) == 2000


def test_fetches_overlap_up_to_the_window_and_not_beyond(pinecone: Pinecone, opened: Open, tmp_path: Path) -> None:
    fill(pinecone, {"": 3000})
    source = opened(in_flight=4)
    followed(source, tmp_path)
    pinecone.delay = 0.03
    pinecone.most_at_once = 0
    assert len(list(source.records())) == 3000
    assert 3 <= pinecone.most_at_once <= 4


def test_pages_are_listed_while_others_are_fetched(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 2000})
    pinecone.fault = lambda asked: time.sleep(0.06) if asked.what == "fetch" else None  # type: ignore[assignment,func-returns-value]
    assert sum(len(stretch.records) for stretch in opened().stretches()) == 2000
    assert pinecone.most_at_once >= 3


def test_a_listing_of_many_small_namespaces_overlaps(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {f"n{number:03}": 2 for number in range(60)})
    source = opened()
    pinecone.delay = 0.03
    pinecone.most_at_once = 0
    assert len(list(source.ids())) == 120
    assert pinecone.most_at_once >= 4


def test_few_large_replies_are_held_at_once(pinecone: Pinecone, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from netdoctor.migration.sources import _pinecone_fetching as fetching

    fill(pinecone, {"": 2000})
    monkeypatch.setattr(fetching, "_HELD", 1)
    pinecone.delay = 0.01
    run = opened().stretches()
    next(run)
    pinecone.most_at_once = 0
    asked = pinecone.count("fetch")
    time.sleep(0.3)
    assert pinecone.count("fetch") - asked <= 4
    assert sum(len(stretch.records) for stretch in run) == 1900


# --- a sample, and what it costs -----------------------------------------------------------------------------------


def test_a_sample_has_some_of_every_namespace(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 900, "n": 300, "z": 1})
    source = opened()
    for listed in (False, True):
        if listed:
            list(source.ids())
        found = [record for record in source.sample(90) if isinstance(record, Record)]
        assert 60 <= len(found) <= 90
        assert len({(record.namespace, record.id) for record in found}) == len(found)
        assert {record.namespace for record in found} == {"", "n", "z"}


def test_the_estimate_is_what_the_service_counts_afterwards(pinecone: Pinecone, opened: Open, tmp_path: Path) -> None:
    fill(pinecone, {"": 1234, "n": 7, "empty": 0})
    source = opened()
    told = source.estimate()
    followed(source, tmp_path)
    list(source.records())
    assert pinecone.read_units == source.read_units == told.units
    assert "Estimate: 140 read units for 1,241 records (15 to list them, 125 to fetch them)" in told.sentence()
    # A plan's sample is read beside.
    assert "Estimate: 240 read units for 1,241 records (15 to list them, 225 to fetch them)" in source.cost(1241)
    assert "USD" in source.cost(5)
    assert source.notes() == ("Pinecone counted 140 read units.",)


# --- names and keys ------------------------------------------------------------------------------------------------


def test_a_version_of_the_api_that_is_no_longer_served_gives_way_to_another(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"a": 7})
    pinecone.versions = frozenset({"2026-04"})
    source = opened()
    assert len(list(source.ids())) == 7
    assert [each.headers["X-Pinecone-Api-Version"] for each in pinecone.asked][:3] == ["2025-10", "2026-07", "2026-04"]
    assert {each.headers["X-Pinecone-Api-Version"] for each in pinecone.asked[3:]} == {"2026-04"}
    pinecone.versions = frozenset()
    with pytest.raises(PineconeFailed, match="Invalid API version: 2025-04 is not supported"):
        opened()


def test_long_integers_may_come_as_text(pinecone: Pinecone, opened: Open) -> None:
    fill(pinecone, {"": 3, "a": 7})
    pinecone.longs_as_text = True
    source = opened()
    assert source.counts == {"": 3, "a": 7}
    assert len(list(source.ids())) == 10
    assert source.read_units == 2


def test_the_kind_is_registered_and_reads_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SOURCES.home("pinecone").endswith("pinecone")
    assert SOURCES.get("pinecone").recognises("pinecone:x", None)
    assert not SOURCES.get("pinecone").recognises("pinecone:x", b"[")
    assert not SOURCES.get("pinecone").recognises("pinecone.json", None)
    with pytest.raises(UsageError, match="no Pinecone API key"):
        open_source("pinecone:x")


@pytest.mark.parametrize(
    ("given", "name", "host"),
    [
        ("pinecone:notes", "notes", ""),
        ("pinecone:notes-abc.svc.us-east-1-aws.pinecone.io", "", "https://notes-abc.svc.us-east-1-aws.pinecone.io"),
        ("pinecone:https://h.pinecone.io/", "", "https://h.pinecone.io"),
        ("pinecone:http://127.0.0.1:5081", "", "http://127.0.0.1:5081"),
        ("pinecone:localhost:5081", "", "http://localhost:5081"),
        ("pinecone:http://pinecone-local:5081", "", "http://pinecone-local:5081"),
    ],
)
def test_an_index_is_named_by_name_host_or_url(given: str, name: str, host: str) -> None:
    found = read_address(given, Access())
    assert (found.name, found.host) == (name, host)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("pinecone:", "Which Pinecone index"),
        ("pinecone:http://h.pinecone.io", "in clear text"),
        ("pinecone:ftp://h.pinecone.io", "no index host"),
        ("pinecone:https://key@h.pinecone.io", "no index host"),
        ("pinecone:https://h.pinecone.io/vectors", "no index host"),
        ("pinecone:https://h.pinecone.io:99999", "no index host"),
        ("pinecone:https://", "no index host"),
    ],
)
def test_what_names_no_index_is_refused(given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_address(given, Access())


def test_the_key_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("pcsk_file\n")
    assert read_key(Access({"PINECONE_API_KEY": "pcsk_environment"}, api_key_file=file)) == "pcsk_file"
    assert read_key(Access({"PINECONE_API_KEY": " pcsk_environment\n"})) == "pcsk_environment"
    for wrong in ("", "a b", "ä", "a\nb"):
        with pytest.raises(UsageError) as refused:
            read_key(Access({"PINECONE_API_KEY": wrong}))
        assert not wrong or wrong not in refused.value.message
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(Access(api_key_file=tmp_path / "none"))
