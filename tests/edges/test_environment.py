"""A container's own variables say whom it wants to reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.build import BRIDGE, container, network, topology

from netdoctor.edges.arguments import all_edges, edge_between
from netdoctor.edges.environment import inferred_edges, mention_of, mentions
from netdoctor.edges.expectation_file import parse
from netdoctor.edges.expectations import resolve
from netdoctor.model import Link

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


def test_a_dot_at_the_end_and_capital_letters_are_the_same_name():
    shown = container("gate", NET, aliases=["Gate-Way"])
    for host in ("gate-way", "Gate-Way", "GATE-WAY.", "gate."):
        for nets in ((NET,), (OTHER,)):
            caller = app(*nets, env={"GATE_URL": f"http://{host}:80"})
            (edge,) = inferred_edges(topology(NET, OTHER, caller, shown), caller)
            assert (edge.target, edge.name) == (shown.ref, host)


def test_a_search_domain_makes_a_short_name_whole():
    shown = container("gate", NET, aliases=["api.corp"])
    caller = app(env={"X_URL": "http://api:80"}, dns_search=("corp.",))
    assert [e.target for e in inferred_edges(topology(NET, caller, shown), caller)] == [shown.ref]


def test_a_host_alone_says_nothing_more_than_the_url_beside_it():
    caller = app(env={"DB_HOST": "db", "DATABASE_URL": "postgres://db:5433/x"})
    assert [edge.port for edge in inferred_edges(topology(NET, caller, DB), caller)] == [5433]


def test_a_host_alone_is_the_usual_port_of_its_image_beside_another_one():
    broker = container("mq", NET, image="rabbitmq:3-management")
    caller = app(env={"RABBITMQ_HOST": "mq", "RABBITMQ_API": "http://mq:15672"})
    ports = {edge.port for edge in all_edges(topology(NET, caller, broker))}
    assert ports == {5672, 15672}


def linked(*nets, env=(), alias="database"):
    """On the default bridge nobody has a name but who is linked."""
    target = container("db1", *(nets or (BRIDGE,)), image="postgres:16")
    caller = container("web", *(nets or (BRIDGE,)), environment=tuple(env), links=(Link(alias, target.id),))
    return topology(BRIDGE, NET, caller, target), caller, target


def test_a_link_names_its_target_wherever_the_two_stand():
    for nets in ((), (NET,)):
        seen, _, target = linked(*nets, env=[("DATABASE_URL", "postgres://database:5433/x")])
        (edge,) = all_edges(seen)
        assert (edge.target, edge.name, edge.port) == (target.ref, "database", 5433)
        assert edge_between(seen, "web", "db1").name == "database"
        assert edge_between(seen, "web", "database:5433").name == "database"


def test_a_link_is_a_connection_even_where_no_variable_says_so():
    """The engine gives its address to the caller by itself, in the hosts file and in DATABASE_PORT_5432_TCP_ADDR."""
    seen, caller, target = linked()
    (edge,) = all_edges(seen)
    assert (edge.source, edge.target, edge.name, edge.port) == (caller.ref, target.ref, "database", 5432)
    assert edge.origin == "link"


def test_a_link_wins_over_a_neighbour_of_that_name():
    _, caller, target = linked(NET, env=[("DB_HOST", "db")], alias="db")
    found = list(inferred_edges(topology(NET, caller, target, DB), caller))
    assert [edge.target for edge in found] == [target.ref]


def test_an_expectation_may_use_a_links_name():
    seen, _, target = linked()
    (meant,) = resolve(seen, parse(b"version: 1\nexpectations: [web -> database:5432]\n", "f").entries)
    assert [(edge.target, edge.name) for edge in meant.edges] == [(target.ref, "database")]


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


@pytest.mark.parametrize(
    ("env", "fields", "protocol"),
    [
        ({"SYSLOG_URL": "udp://db:514"}, {}, "udp"),
        ({"STATSD_HOST": "db", "STATSD_PORT": "8125"}, {"exposed": ((8125, "udp"), (8126, "tcp"))}, "udp"),
        ({"STATSD_HOST": "db", "STATSD_PORT": "8125"}, {"exposed": ((8125, "udp"), (8125, "tcp"))}, "tcp"),
        ({"STATSD_HOST": "db", "STATSD_PORT": "8125"}, {}, "tcp"),
    ],
)
def test_a_port_of_udp_is_not_dialled(env, fields, protocol):
    """Nobody can see it work from outside: it is left alone until somebody asks, and then it is unknown."""
    caller, target = app(env=env), container("shop-db-1", NET, service="db", project="shop", **fields)
    (edge,) = inferred_edges(topology(NET, caller, target), caller)
    assert edge.protocol == protocol
    assert bool(all_edges(topology(NET, caller, target))) is (protocol == "tcp")
