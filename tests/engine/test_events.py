"""The engine's events: decoded however they are cut, and followed over a real engine's stream."""

from __future__ import annotations

import itertools
import json
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.engine.client import HELPER_LABEL
from netdoctor.engine.events import LINE_LIMIT, EngineEvent, EventStream, Quiet, decode, event_of
from netdoctor.errors import EngineUnreachable


def line(kind: str = "container", action: str = "start", id_: str = "c1", at: int = 5, **attributes: str) -> bytes:
    told = {"Type": kind, "Action": action, "Actor": {"ID": id_, "Attributes": attributes}, "timeNano": at}
    return json.dumps(told).encode() + b"\n"


THREE = line() + line("network", "connect", "n1", container="c1", name="net") + line(action="health_status: healthy")


@given(st.lists(st.integers(0, len(THREE)), max_size=12))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts):
    places = [0, *sorted(cuts), len(THREE)]
    chunks = [THREE[a:b] for a, b in itertools.pairwise(places)]
    assert [(each.kind, each.action, each.id) for each in decode(chunks)] == [
        ("container", "start", "c1"),
        ("network", "connect", "n1"),
        ("container", "health_status", "c1"),
    ]


@given(st.binary(max_size=200))
def test_whatever_comes_nothing_is_raised(noise):
    assert all(isinstance(each, EngineEvent) for each in decode([noise, b"\n", noise]))


def test_what_is_no_event_is_left_out_and_so_is_a_torn_end():
    for odd in (b"", b"{}", b"[]", b"3", b'{"Action": 5, "Actor": {}}', b'{"Action": "start"}', b"\xff\xfe"):
        assert event_of(odd) is None
    assert [each.id for each in decode([line(id_="a"), b"nonsense\n", line(id_="b"), line(id_="c")[:-1]])] == ["a", "b"]


def test_a_line_without_an_end_is_not_kept():
    endless = [b"x" * 65536] * (LINE_LIMIT // 65536 + 3)
    assert [each.id for each in decode([*endless, b"rest of it\n", line(id_="after")])] == ["after"]


@pytest.mark.parametrize(
    ("kind", "action", "attributes", "matters"),
    [
        ("container", "start", {}, True),
        ("container", "die", {}, True),
        ("container", "destroy", {}, True),
        ("container", "rename", {}, True),
        ("container", "health_status", {}, True),
        ("network", "disconnect", {}, True),
        ("container", "exec_create", {}, False),
        ("container", "exec_start", {}, False),
        ("container", "exec_die", {}, False),
        ("container", "attach", {}, False),
        ("image", "pull", {}, False),
        ("network", "start", {}, False),
        ("container", "start", {HELPER_LABEL: "c1"}, False),
        ("container", "die", {HELPER_LABEL: ""}, False),
    ],
)
def test_what_changes_a_connection_matters_and_our_own_doing_does_not(kind, action, attributes, matters):
    event = event_of(line(kind, action, **attributes))
    assert event is not None
    assert event.matters is matters


def heard(stream: EventStream, found: list[EngineEvent]) -> threading.Thread:
    def listen() -> None:
        try:
            found.extend(stream)
        except (EngineUnreachable, Quiet):
            pass
        finally:
            stream.close()

    thread = threading.Thread(target=listen)
    thread.start()
    return thread


@pytest.mark.docker
def test_a_real_engine_is_followed_execs_are_not_even_sent_and_the_past_is_replayed(lab, engine):
    found: list[EngineEvent] = []
    stream = EventStream(engine, None, patience=60)
    thread = heard(stream, found)
    container = lab.container(networks=[lab.network()])
    made = lab.api.exec_create(container.id, ["true"])
    lab.api.exec_start(made["Id"])
    lab.api.kill(container.id)
    lab.wait_until(lambda: any(e.action == "die" and e.id == container.id for e in found), "its end to be heard")
    stream.hang_up()
    thread.join(10)
    assert not thread.is_alive()
    mine = [each for each in found if each.id == container.id]
    assert {"start", "die"} <= {each.action for each in mine}
    assert not any(each.action.startswith("exec") for each in found)
    assert all(each.at > 10**18 for each in mine)

    again: list[EngineEvent] = []
    replayed = EventStream(engine, mine[0].at, patience=60)
    thread = heard(replayed, again)
    lab.wait_until(lambda: mine[0] in again and mine[-1] in again, "both to be heard again")
    replayed.hang_up()
    thread.join(10)


@pytest.mark.docker
def test_silence_is_told_apart_from_a_broken_stream(engine):
    stream = EventStream(engine, int(time.time() + 3600) * 10**9, patience=0.3)
    with pytest.raises(Quiet):
        for _ in stream:
            pass
    stream.close()
    stream.close()
