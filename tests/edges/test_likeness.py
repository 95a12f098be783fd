"""A name that belongs to nobody still says whom it means, when one neighbour's name is so like it."""

from __future__ import annotations

import pytest
from rules.build import BRIDGE, container, network, topology

from netdoctor.edges.environment import inferred_edges, mention_of

NET, OTHER = network("net"), network("other")
POSTGRES = container("postgres-k3x9f2", NET)


def app(*nets, env, **fields):
    return container("app", *(nets or (NET,)), environment=tuple(env.items()), **fields)


def targets(caller, *others):
    return [edge.target.id for edge in inferred_edges(topology(NET, OTHER, BRIDGE, caller, *others), caller)]


@pytest.mark.parametrize("host", ["postgres", "postgress-k3x9f2", "postgres-k3x9f"])
def test_a_misspelt_or_shortened_name_is_an_edge_that_will_be_asked(host):
    assert targets(app(env={"DATABASE_URL": f"postgres://u:p@{host}:5432/x"}), POSTGRES) == [POSTGRES.id]
    assert targets(app(env={"DB_HOST": host, "DB_PORT": "5432"}), POSTGRES) == [POSTGRES.id]


@pytest.mark.parametrize(
    "env",
    [
        {"NODE": "postgres"},
        {"DB_HOST": "postgres.example.test", "DB_PORT": "5432"},
        {"DATABASE_URL": "postgres://10.0.0.9:5432/x"},
        {"DATABASE_URL": "postgres://db:5432/x"},
    ],
)
def test_a_bare_word_an_outside_name_and_an_unlike_one_are_not(env):
    assert targets(app(env=env), POSTGRES) == []


def test_a_leftover_beside_the_right_name_adds_no_edge():
    env = {"DEFAULT_URL": "postgres://postgres:5433/x", "DATABASE_URL": "postgres://postgres-k3x9f2:5432/x"}
    caller = app(env=env)
    (edge,) = inferred_edges(topology(NET, caller, POSTGRES), caller)
    assert edge.name == "postgres-k3x9f2"


def test_strangers_and_several_likely_ones_are_not_guessed_at():
    env = {"DATABASE_URL": "postgres://postgres:5432/x"}
    assert targets(app(OTHER, env=env), POSTGRES) == []
    assert targets(app(env=env), POSTGRES, container("postgres-a1b2c3", NET)) == []


def test_names_that_the_caller_knows_by_itself_are_no_mistakes():
    env = {"DATABASE_URL": "postgres://postgres:5432/x"}
    assert targets(app(env=env, extra_hosts=("postgres:10.0.0.9",)), POSTGRES) == []
    assert targets(app(env=env, hostname="postgres"), POSTGRES) == []


def test_localhost_means_no_stranger_that_merely_listens_on_a_common_port():
    stranger = container("clinic-api-1", OTHER, service="api", project="clinic", exposed=((8080, "tcp"),))
    caller = app(env={"API_URL": "http://localhost:8080"})
    assert targets(caller, stranger) == []
    near = container("shop-api-1", NET, service="api", project="shop", exposed=((8080, "tcp"),))
    assert targets(caller, stranger, near) == [near.id]


def test_a_strangers_uncommon_port_still_says_who_is_meant():
    qdrant = container("qdrant", OTHER, project="q", image="qdrant/qdrant:v1", publish=((6333, 6333),))
    assert targets(app(env={"QDRANT_URL": "http://localhost:6333"}), qdrant) == [qdrant.id]


def test_who_lives_in_anothers_network_is_addressed_by_that_ones_name():
    vpn = container("vpn", NET)
    inner = container("inner", network_mode=f"container:{vpn.id}", exposed=((9000, "tcp"),))
    caller = app(env={"INNER_URL": "http://vpn:9000", "VPN_URL": "http://vpn:8000"})
    found = mention_of(topology(NET, vpn, inner, caller), caller, inner)
    assert found is not None and (found.address.host, found.address.port) == ("vpn", 9000)


def test_two_in_one_network_namespace_rightly_use_loopback():
    vpn = container("vpn", NET)
    inner = container("inner", network_mode=f"container:{vpn.id}")
    other = container("other", network_mode=f"container:{vpn.id}", environment=(("PEER_URL", "http://localhost:9001"),))
    found = mention_of(topology(NET, vpn, inner, other), other, inner)
    assert found is not None and (found.address.host, found.address.port) == ("localhost", 9001)


DB = container("shop-db-1", NET, service="db", project="shop", image="postgres:16")


@pytest.mark.parametrize(
    "env",
    [
        {"DATABASE_URL": "postgres://u:p@postgres:5432/x"},
        {"POSTGRES_HOST": "postgresql", "POSTGRES_PORT": "5432"},
        {"SPRING_DATASOURCE_URL": "jdbc:postgresql://pg:5432/x"},
    ],
)
def test_a_name_that_nobody_has_means_the_only_neighbour_of_its_kind(env):
    caller = app(env=env, project="shop", service="app")
    assert targets(caller, DB) == [DB.id]
    seen = topology(NET, caller, DB)
    found = mention_of(seen, caller, DB)
    assert found is not None and found.address.host in ("postgres", "postgresql", "pg")


def test_of_two_of_a_kind_neither_is_guessed_at():
    second = container("shop-archive-1", NET, service="archive", project="shop", image="postgres:16")
    assert targets(app(env={"DATABASE_URL": "postgres://pg:5432/x"}, project="shop"), DB, second) == []


def test_another_projects_server_is_not_meant_by_its_kind():
    assert targets(app(env={"DATABASE_URL": "postgres://pg:5432/x"}, project="blog"), DB) == []


def test_a_server_that_is_named_rightly_elsewhere_is_not_meant_by_a_leftover():
    env = {"OLD_URL": "postgres://pg:5432/x", "DATABASE_URL": "postgres://db:5432/x"}
    caller = app(env=env, project="shop")
    (edge,) = inferred_edges(topology(NET, caller, DB), caller)
    assert edge.name == "db" and mention_of(topology(NET, caller, DB), caller, DB).address.host == "db"


def test_a_kind_is_no_sign_for_a_name_that_the_caller_has_in_its_hosts_file():
    env = {"DATABASE_URL": "postgres://pg:5432/x"}
    assert targets(app(env=env, project="shop", extra_hosts=("pg:10.0.0.9",)), DB) == []


def test_a_name_of_another_kind_means_nobody():
    assert targets(app(env={"REDIS_URL": "redis://redis:6379/0"}, project="shop"), DB) == []


def test_loopback_within_a_shared_namespace_means_no_stranger():
    """The usual development container: it lives in its database's network, and another project has a database too."""
    mine = container("dev-db-1", NET, service="db", project="dev", image="postgres:16")
    env = {"DB_HOST": "localhost", "DB_PORT": "5432"}
    caller = container("dev-app-1", environment=tuple(env.items()), project="dev", network_mode=f"container:{mine.id}")
    assert targets(caller, mine, DB) == []
