"""A host in the environment that no container has is an edge too: it is asked, and its failure is told."""

from __future__ import annotations

import pytest
from rules.build import BRIDGE, container, network, topology

from netdoctor.edges.arguments import all_edges, edges_between, edges_of
from netdoctor.errors import NotFound
from netdoctor.model import Ref, State

NET = network("net")
DB = container("shop-db-1", NET, service="db", project="shop", image="postgres:16")


def app(*nets, env, **fields):
    return container("shop-app-1", *(nets or (NET,)), environment=tuple(env.items()), project="shop", **fields)


def lost(caller, *others):
    seen = topology(NET, BRIDGE, DB, caller, *others)
    return [(e.target, e.name, e.port) for e in all_edges(seen) if e.target.kind == "external"]


@pytest.mark.parametrize("env", [{"REDIS_URL": "redis://redis:6379/0"}, {"REDIS_HOST": "redis", "REDIS_PORT": "6379"}])
def test_a_name_that_nobody_has_is_asked(env):
    caller = app(env=env | {"DATABASE_URL": "postgres://db:5432/x"})
    assert lost(caller) == [(Ref("external", "redis"), "redis", 6379)]


@pytest.mark.parametrize(
    "env",
    [
        {"REDIS_HOST": "redis"},
        {"API_URL": "http://api.example.test:80"},
        {"API_URL": "http://localhost:80"},
        {"API_URL": "http://10.0.0.9:80"},
        {"API_URL": "http://2130706433:80"},
        {"ASPNETCORE_URLS": "http://+:8000"},
        {"NEXT_PUBLIC_API_URL": "http://api:8000"},
        {"KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://broker:9092"},
        {"DATABASE_URL": "postgres://db:5432/x"},
        {"DATABASE_URL": "postgres://postgres:5432/x"},
        {"DATABASE_URL": "postgres://db:5432/x", "OLD_URL": "postgres://postgres:5432/x"},
        {"DATABASE_URL": "postgres://db:5432/x", "OLD_URL": "postgres://shop-db-2:5432/x"},
    ],
)
def test_what_means_somebody_else_or_the_world_outside_is_not(env):
    assert lost(app(env=env)) == []


def test_names_that_the_caller_knows_by_itself_are_not():
    env = {"API_URL": "http://api:80"}
    assert lost(app(env=env, extra_hosts=("api:10.0.0.9",))) == []
    assert lost(app(env=env, hostname="api")) == []


def test_where_docker_answers_no_names_a_single_word_is_the_machines_own_affair():
    env = {"API_URL": "http://api:80"}
    assert lost(app(BRIDGE, env=env)) == []
    assert lost(app(env=env, network_mode="host")) == []


def test_it_belongs_to_its_caller_alone():
    caller = app(env={"REDIS_URL": "redis://redis:6379/0"})
    seen = topology(NET, caller, DB)
    assert [e.name for e in edges_of(seen, "shop-app-1")] == ["redis"]
    assert edges_of(seen, "shop-db-1") == ()


def test_a_typed_name_that_only_the_environment_has_is_that_edge():
    seen = topology(NET, app(env={"REDIS_URL": "redis://redis:6379/0"}), DB)
    (edge,) = edges_between(seen, "shop-app-1", "redis")
    assert (edge.target, edge.port, edge.origin) == (Ref("external", "redis"), 6379, "environment REDIS_URL")
    (edge,) = edges_between(seen, "shop-app-1", "redis:6380")
    assert edge.port == 6380
    with pytest.raises(NotFound):
        edges_between(seen, "shop-app-1", "reddish")
    with pytest.raises(NotFound):
        edges_between(seen, "host", "redis")


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        (State("exited", exit_code=1), True),
        (State("created"), True),
        (State("exited", exit_code=0), False),
        (State("exited", exit_code=137), False),
        (State("exited", exit_code=143), False),
    ],
)
def test_an_app_that_failed_beside_others_that_run_is_a_caller_too(state, asked):
    env = {"DATABASE_URL": "postgres://db:5432/x"}
    caller = app(env=env, state=state, service="app")
    assert bool(all_edges(topology(NET, caller, DB))) is asked
    alone = container("old-app-1", NET, environment=tuple(env.items()), state=state, project="old")
    assert all_edges(topology(NET, alone, DB)) == ()


def test_a_typed_name_means_whom_the_environment_means_by_it():
    seen = topology(NET, app(env={"DATABASE_URL": "postgres://postgres:5432/x"}), DB)
    (edge,) = edges_between(seen, "shop-app-1", "postgres:5432")
    assert (edge.target, edge.name) == (DB.ref, "postgres")
