"""What changed between two looks is told by name, and nothing that did not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.build import container, network, topology

from netdoctor.model import Answers, Observation, Outcome, Topology
from netdoctor.probes.tcp import Tcp
from netdoctor.topology.bundle import read_bundle, removed_from, write_bundle
from netdoctor.topology.difference import difference
from netdoctor.topology.engine import build_topology

from .inspects import SHAPES, stack

NET, OTHER = network("shared"), network("other")
APP, DB = container("app", NET), container("db", NET)
BEFORE = topology(*[APP, DB], NET, OTHER)


def changes(after: Topology, before: Topology = BEFORE) -> set[tuple[str, str, str | None, str | None]]:
    return {(each.subject, each.what, each.before, each.after) for each in difference(before, after)}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_nothing_changed_between_equal_looks(shape):
    containers, networks = stack(shape)
    assert difference(build_topology(containers, networks), build_topology(containers, networks)) == ()


def test_what_came_and_what_went_is_one_line_each():
    after = topology(*[APP, container("cache", NET)], NET)
    assert changes(after) == {
        ("container cache", "there", None, "yes"),
        ("container db", "there", "yes", None),
        ("network other", "there", "yes", None),
    }


def test_a_network_that_was_left_is_told():
    found = changes(topology(*[APP, replace(DB, endpoints=())], NET, OTHER))
    (only,) = found
    assert only[:2] == ("container db", "on network shared")
    assert only[2]
    assert only[3] is None


def test_a_container_made_anew_is_the_same_one_with_another_id():
    found = changes(topology(*[APP, replace(DB, id="f" * 64)], NET, OTHER))
    assert found == {("container db", "id", DB.id[:12], "f" * 12)}


def test_a_variable_that_changed_is_told_and_a_hidden_one_is_not_compared():
    before = topology(*[replace(APP, environment=(("A", "1"), ("KEY", "***11aa")))], NET)
    after = topology(*[replace(APP, environment=(("A", "2"), ("KEY", "***22bb")))], NET)
    assert changes(after, before) == {("container app", "variable A", "1", "2")}


def test_an_answer_is_compared_only_where_both_have_it():
    question, other = Tcp(APP.ref, "10.0.0.2", 80), Tcp(APP.ref, "10.0.0.3", 80)
    refused, connected = Observation(Outcome.REFUSED, None, "", 0.1), Observation(Outcome.CONNECTED, None, "", 0.1)
    found = difference(BEFORE, BEFORE, Answers({question: refused, other: refused}), Answers({question: connected}))
    (only,) = found
    assert (only.before, only.after) == ("refused", "connected")
    assert only.subject == "Tcp app 10.0.0.2 80"


def test_two_networks_of_one_name_are_two():
    twin = replace(NET, id="e" * 64)
    assert changes(topology(*[APP, DB], NET, twin, OTHER)) == {("network shared'", "there", None, "yes")}


@given(st.lists(st.sampled_from("abc"), unique=True), st.lists(st.sampled_from("abc"), unique=True))
def test_the_way_back_is_the_way_there_turned_round(first, second):
    one = topology(*[container(name * 2, NET) for name in first], NET)
    other = topology(*[container(name * 2, NET) for name in second], NET)
    there = {(each.subject, each.what, each.before, each.after) for each in difference(one, other)}
    assert there == {(each.subject, each.what, each.after, each.before) for each in difference(other, one)}


SECRET = "hunter2Sup3rSecret"


def test_a_bundle_tells_what_it_left_out_by_its_place_and_never_the_value(tmp_path):
    app = replace(
        APP,
        environment=(("API_KEY", SECRET), ("DB_URL", f"postgres://u:{SECRET}@db:5432/x"), ("PLAIN", "seen")),
        labels={"backup.token": SECRET},
    )
    path = tmp_path / "b.json"
    removed = write_bundle(path, topology(*[app, DB], NET, OTHER))
    assert removed == ("app environment API_KEY", "app environment DB_URL", "app labels backup.token")
    text = path.read_text("utf-8")
    assert SECRET not in text
    assert "app environment API_KEY" in text
    read_bundle(path)


def test_a_bundle_without_secrets_left_nothing_out(tmp_path):
    assert write_bundle(tmp_path / "b.json", BEFORE) == ()


def test_many_places_are_counted():
    places = [f"place {number}" for number in range(20)]
    assert removed_from(places, 2) == ("place 0", "place 1", 'and 18 more, see "removed" in the file')
    assert removed_from(places[:2], 2) == ("place 0", "place 1")
