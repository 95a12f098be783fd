"""A container's own variables say whom it wants to reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.build import container, network, topology

from netdoctor.edges.environment import inferred_edges, mention_of, mentions

NET, OTHER = network("net"), network("other")
DB = container("shop-db-1", NET, service="db", project="shop")


def app(*nets, env, **fields):
    return container("shop-app-1", *(nets or (NET,)), environment=tuple(env.items()), **fields)


def said(env):
    return [(m.variable, m.address.host, m.address.port, m.address.scheme) for m in mentions(app(env=env))]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"QDRANT_URL": "http://qdrant:6333"}, [("QDRANT_URL", "qdrant", 6333, "http")]),
        ({"DATABASE_URL": "postgres://u:p@db/x?a=b"}, [("DATABASE_URL", "db", 5432, "postgres")]),
        ({"DB_HOST": "db", "DB_PORT": "5433"}, [("DB_HOST", "db", 5433, None)]),
        ({"DB_HOST": "db", "DB_PORT": "²"}, [("DB_HOST", "db", None, None)]),
        ({"DB_HOST": "db", "DB_PORT": "9" * 5000}, [("DB_HOST", "db", None, None)]),
        ({"REDIS_ADDR": "cache:6379"}, [("REDIS_ADDR", "cache", 6379, None)]),
        ({"ES_SERVER": "es"}, [("ES_SERVER", "es", None, None)]),
        (
            {"BROKERS": "kafka://a:1,b:2 http://c"},
            [("BROKERS", "a", 1, "kafka"), ("BROKERS", "b", 2, "kafka"), ("BROKERS", "c", 80, "http")],
        ),
        ({"GREETING": "hello db"}, []),
        ({"DB_HOST": "not a host"}, []),
        ({"BAD_URL": "http://:80/", "WORSE": "http://"}, []),
    ],
)
def test_variables_that_name_a_host(env, expected):
    assert said(env) == expected


def test_unknown_environment_mentions_nobody():
    assert list(mentions(container("a1", NET, environment=None))) == []


def test_an_edge_remembers_its_variable():
    caller = app(env={"DATABASE_URL": "postgres://u:p@db:5433/x"})
    (edge,) = inferred_edges(topology(NET, caller, DB), caller)
    assert (edge.source, edge.target, edge.name, edge.port) == (caller.ref, DB.ref, "db", 5433)
    assert (edge.protocol, edge.origin) == ("postgres", "environment DATABASE_URL")
    assert edge.basis == caller.ref.at("environment", "DATABASE_URL")


def test_the_same_target_and_port_is_one_edge():
    caller = app(env={"A_URL": "http://db:80", "B_URL": "http://db:80/x", "C_URL": "http://db:81"})
    assert [edge.port for edge in inferred_edges(topology(NET, caller, DB), caller)] == [80, 81]


def test_a_container_does_not_reach_for_itself():
    caller = app(env={"SELF_URL": "http://shop-app-1:3000"})
    assert list(inferred_edges(topology(NET, caller, DB), caller)) == []


def test_a_service_name_means_the_callers_own_project():
    """Two projects with a ``db`` each: the neighbour's is not what is meant, and it failing is no finding."""
    caller = app(OTHER, env={"DATABASE_URL": "postgres://db/x"}, project="blog", service="app")
    mine = container("blog-db-1", OTHER, service="db", project="blog")
    assert [e.target for e in inferred_edges(topology(NET, OTHER, DB, caller, mine), caller)] == [mine.ref]


def test_what_dns_would_answer_wins_over_the_project():
    caller = app(env={"DATABASE_URL": "postgres://db/x"}, project="blog", service="app")
    mine = container("blog-db-1", OTHER, service="db", project="blog")
    assert [e.target for e in inferred_edges(topology(NET, OTHER, DB, caller, mine), caller)] == [DB.ref]


def test_a_name_that_resolves_to_the_caller_itself_leads_nowhere_else():
    caller = app(env={"APP_URL": "http://app:3000"}, project="shop", service="app", aliases=["app"])
    stranger = container("blog-app-1", OTHER, service="app", project="blog")
    assert list(inferred_edges(topology(NET, OTHER, caller, stranger), caller)) == []


def test_a_name_nobody_carries_here_is_one_edge_even_when_two_could_be_meant():
    caller = app(network("third"), env={"DB_HOST": "db"})
    twin = container("blog-db-1", OTHER, service="db", project="blog")
    assert len(list(inferred_edges(topology(NET, OTHER, DB, caller, twin), caller))) == 1


def test_the_callers_own_word_is_taken_by_name_by_address_and_by_likeness():
    qdrant = container("qdrant", NET, address="10.9.9.9")
    for value in ("http://qdrant:6333", "http://10.9.9.9:6333", "http://qdrnt:6333"):
        caller = app(env={"QDRANT_URL": value})
        assert mention_of(topology(NET, caller, qdrant), caller, qdrant).address.port == 6333


def test_likeness_does_not_take_a_name_that_belongs_to_another():
    qdrant, other = container("qdrant", NET), container("qdrant2", NET)
    caller = app(env={"QDRANT_URL": "http://qdrant2:6333"})
    assert mention_of(topology(NET, caller, qdrant, other), caller, qdrant) is None


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=40), max_size=4))
def test_any_environment_can_be_read(env):
    caller = app(env=env)
    list(inferred_edges(topology(NET, caller, DB), caller))


def test_a_list_of_brokers_is_spoken_to_as_kafka_unless_the_caller_says_that_it_uses_tls():
    kafka = container("kafka", NET)

    def protocols(**env):
        return [edge.protocol for edge in inferred_edges(topology(app(NET, env=env), kafka, NET), app(NET, env=env))]

    assert protocols(KAFKA_BROKERS="kafka:9093") == ["kafka"]
    assert protocols(SPRING_KAFKA_BOOTSTRAP_SERVERS="PLAINTEXT://kafka:29092") == ["kafka"]
    assert protocols(KAFKA_BROKERS="kafka:9093", KAFKA_SECURITY_PROTOCOL="SASL_SSL") == ["tcp"]
    assert protocols(KAFKA_BROKERS="kafka:9093", KAFKA_TLS_ENABLED="true") == ["tcp"]
    assert protocols(KAFKA_BROKERS="kafka:9093", KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT") == ["kafka"]
    assert protocols(KAFKA_BROKERS="kafka") == ["tcp"]
