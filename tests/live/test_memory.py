"""A hundred thousand events, through the decoder that hears a real engine, in less than 100 MB."""

from __future__ import annotations

import threading

import pytest
from fake_engine import Script
from topology.inspects import SHAPES, stack

from .replaying import replaying
from .running import watching

EVENTS = 100_000


@pytest.fixture
def script() -> Script:
    containers, networks = stack(SHAPES[0])
    return Script(containers, networks)


def test_memory_stays_small_whatever_happens_on_the_engine(tmp_path, script, record_property):
    written = threading.Event()
    with replaying(tmp_path / "e.sock", script, EVENTS, written) as host:
        words = ["--host", host, "--metrics", "127.0.0.1:0", "--heal"]
        with watching(*words, env={"NETDOCTOR_STATE_DIR": str(tmp_path / "state")}) as watch:
            watch.ready()
            early = watch.peak()
            watch.wait_for(written.is_set, "the last event to be written", 240)

            def heard() -> float:
                counted = ("events", "events_ignored")
                return sum(watch.metric(f"netdoctor_watch_{name}_total") for name in counted)

            watch.wait_for(lambda: heard() == EVENTS, "every event to be heard", 120)
            assert watch.metric("netdoctor_watch_events_ignored_total") == EVENTS * 3 / 20
            assert watch.metric("netdoctor_watch_stream_breaks_total") == 0
            peak, looks = watch.peak(), watch.metric("netdoctor_watch_looks_total")
            assert watch.end() == 0
    print(f"\n{EVENTS} events: {peak:.1f} MB at most ({early:.1f} MB after the first look), {looks:.0f} looks")
    record_property("peak", peak)
    assert peak < 100
    # Reading the engine is limited however many events there are.
    assert looks < EVENTS / 100
