"""Who joins what: the same answer for the rules that propose it and the fixes that plan it."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.model import Connect, CreateNetwork, Endpoint, Network
from netdoctor.model.joining import (
    common_networks,
    join_operation,
    joinable,
    joins_new_network,
    preferred_join,
)

from .build import BRIDGE, container, network, topology

NONE = Network("none-id", "none", driver="null")


def joins(*things, name=None):
    seen = topology(*things)
    source, target = seen.containers[0], seen.containers[1]
    return [(each.container_name, each.network_name) for each in preferred_join(seen, source, target, name)]


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (container("a", network_mode="host"), "host's network"),
        (container("a", network_mode="container:b"), "borrows"),
        (container("a", labels={"com.docker.swarm.task.id": "t"}), "Swarm"),
        (container("a", NONE), "no network at all"),
    ],
)
def test_what_the_engine_would_refuse_is_refused_before(made, why):
    assert why in (joinable(made) or "")


def test_an_ordinary_container_can_join():
    assert joinable(container("a", network("n"), network_mode="n")) is None


def test_the_incident_qdrant_joins_coolify():
    coolify, own = network("coolify"), network("qkkkc8")
    app = container("app", coolify, project="u8088", service="web")
    qdrant = container("qdrant-qkkkc8", own, project="qkkkc8", service="qdrant")
    assert joins(app, qdrant, coolify, own) == [("qdrant-qkkkc8", "coolify"), ("app", "qkkkc8")]


def test_the_caller_joins_a_platforms_network_on_the_other_side():
    coolify, own = network("coolify"), network("u8088")
    app = container("app", own, project="u8088", service="web")
    qdrant = container("qdrant", coolify, project="q", service="qdrant")
    assert joins(app, qdrant, coolify, own)[0] == ("app", "coolify")


def test_an_external_network_of_any_name_is_joined_by_the_other_side():
    shared, own = network("edge"), network("db_default", project="db", key="default")
    app = container("app", shared, project="web", service="app")
    db = container("db-1", own, project="db", service="db")
    assert joins(app, db, shared, own)[0] == ("db-1", "edge")


def test_between_two_projects_the_caller_joins_the_target():
    one, two = network("web_default", project="web"), network("db_default", project="db")
    app, db = container("app", one, project="web"), container("db", two, project="db")
    assert joins(app, db, one, two)[0] == ("app", "db_default")


def test_without_projects_the_caller_joins_unless_its_network_is_the_busier_one():
    one, two = network("one"), network("two")
    app, db, more = container("app", one), container("db", two), container("proxy", one)
    assert joins(app, db, one, two)[0] == ("app", "two")
    assert joins(app, db, more, one, two)[0] == ("db", "one")


def test_a_join_after_which_the_name_would_not_lead_there_comes_last():
    coolify, own = network("coolify"), network("q")
    app = container("app", coolify, project="u", service="web")
    other = container("other", coolify, project="x", service="qdrant")
    qdrant = container("qdrant-q", own, project="q", service="qdrant")
    assert joins(app, qdrant, other, coolify, own, name="qdrant")[0] == ("app", "q")
    assert joins(app, qdrant, other, coolify, own)[0] == ("qdrant-q", "coolify")


def test_networks_that_give_no_names_or_no_traffic_are_never_joined():
    deaf = network("deaf", icc=False)
    overlay = network("ol", driver="overlay", attachable=False)
    app, db = container("app", BRIDGE), container("db", deaf, overlay)
    assert joins(app, db, BRIDGE, deaf, overlay) == []


def test_an_internal_network_is_joined_only_when_there_is_no_other():
    inner, outer = network("a-inner", internal=True), network("z-outer")
    assert joins(container("app"), container("db", inner, outer), inner, outer)[0] == ("app", "z-outer")
    assert joins(container("app"), container("db", inner), inner)[0] == ("app", "a-inner")


def test_service_and_container_name_go_along():
    there = network("there")
    db = container("p-db-1", project="p", service="db")
    assert join_operation(topology(db, there), db, there).aliases == ("db", "p-db-1")


def test_a_name_that_somebody_carries_there_is_not_taken():
    there = network("there")
    db, other = container("p-db-1", project="p", service="db"), container("x", there, service="DB", project="x")
    assert join_operation(topology(db, other, there), db, there).aliases == ("p-db-1",)


def test_replicas_share_the_name_of_their_service():
    there = network("there")
    one, two = (container(f"p-db-{n}", *on, project="p", service="db") for n, on in ((1, ()), (2, (there,))))
    assert "db" in join_operation(topology(one, two, there), one, there).aliases


def test_a_one_off_run_does_not_claim_the_service_name():
    there = network("there")
    run = container("run", project="p", service="db", labels={"com.docker.compose.oneoff": "True"})
    assert join_operation(topology(run, there), run, there).aliases == ("run",)


def test_a_new_network_is_made_for_both_and_keeps_clear_of_used_names():
    app, db, used = container("app"), container("db", service="store", project="p"), network("netdoctor-app-db")
    made, first, second = joins_new_network(topology(app, db, used), app, db, "db")
    assert isinstance(made, CreateNetwork) and made.name == "netdoctor-app-db-2"
    assert isinstance(first, Connect) and isinstance(second, Connect)
    assert {first.network, second.network} == {made.name}
    assert second.aliases == ("store", "db")


@pytest.mark.parametrize("bad", ["zz", "backend", "0-x", "0"])
def test_a_new_network_sorts_before_the_one_whose_answer_it_must_replace(bad):
    app, db = container("app"), container("db")
    made = joins_new_network(topology(app, db), app, db, before=bad)
    assert made == () or made[0].name < bad  # type: ignore[attr-defined]
    assert bool(made) == (bad != "0")


def test_a_new_network_never_takes_the_default_route_unless_its_answer_must_come_first():
    """Measured on an engine: an internal network neither becomes the default route nor is it asked first for names."""
    app, db = container("app"), container("db")
    plain, first = (joins_new_network(topology(app, db), app, db, before=bad)[0] for bad in (None, "zz"))
    assert isinstance(plain, CreateNetwork) and plain.internal
    assert isinstance(first, CreateNetwork) and not first.internal


def test_nothing_is_made_when_one_cannot_join():
    app, db = container("app", network_mode="host"), container("db")
    assert joins_new_network(topology(app, db), app, db) == ()


def test_swarm_plumbing_is_no_common_network():
    ingress, real = network("ingress", driver="overlay"), network("real")
    one, two = container("one", ingress, real), container("two", ingress, real)
    assert common_networks(topology(one, two, ingress, real), one, two) == (real,)


@given(st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.sampled_from("abcd"), unique=True))
def test_a_join_always_gives_a_network_that_was_not_shared_when_nothing_was(mine, theirs):
    nets = {key: network(key) for key in "abcd"}
    app = container("app", *(nets[key] for key in mine))
    db = container("db", *(nets[key] for key in theirs if key not in mine))
    found = preferred_join(topology(app, db, *nets.values()), app, db)
    for join in found:
        joiner, other = (app, db) if join.container == app.id else (db, app)
        assert joiner.endpoint_on(join.network) is None
        assert isinstance(other.endpoint_on(join.network), Endpoint)
    assert len(found) == bool(app.endpoints) + bool(db.endpoints)


def test_a_label_that_is_no_host_name_never_becomes_an_alias_or_a_shell_word():
    evil = "x\n; rm -rf /"
    shared = network("shared")
    joiner = container("joiner", labels={"com.docker.compose.service": evil})
    join = join_operation(topology(joiner, shared), joiner, shared)
    assert join.aliases == ("joiner",)
    assert shlex.split(replace(join, aliases=(evil,)).command())[4] == evil
