"""``check A B[:port][/path]`` becomes an edge: what was typed wins, then the caller's words, then the catalogue."""

from __future__ import annotations

import pytest
from rules.build import container, network, topology

from netdoctor.edges.arguments import all_edges, edge_between, edges_between, edges_of
from netdoctor.errors import Ambiguous, NotFound, UsageError
from netdoctor.model import HOST, Link, Ref, State

NET, OTHER = network("net"), network("other")
QDRANT = container("qdrant-x1", NET, service="qdrant", project="vec", image="qdrant/qdrant:v1.16.1", address="10.9.9.9")
PLAIN = container("plain", NET)
APP = container("app1", NET, environment=(("PLAIN_URL", "http://plain:8080/api"),))
QUIET = container("quiet", NET, environment=())
SEEN = topology(NET, APP, QUIET, QDRANT, PLAIN)


def short(edge):
    return (edge.name, edge.port, edge.path, edge.protocol, edge.origin)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("quiet", "qdrant-x1", ("qdrant-x1", 6333, "/healthz", "http", "catalogue")),
        ("quiet", "qdrant", ("qdrant", 6333, "/healthz", "http", "catalogue")),
        ("quiet", "qdrant:6334", ("qdrant", 6334, None, "grpc", "argument")),
        ("quiet", "qdrant:7000", ("qdrant", 7000, None, "tcp", "argument")),
        ("quiet", "qdrant:7000/x", ("qdrant", 7000, "/x", "http", "argument")),
        ("quiet", "qdrant/collections", ("qdrant", 6333, "/collections", "http", "catalogue")),
        ("quiet", "http://qdrant:6333", ("qdrant", 6333, "/healthz", "http", "argument")),
        ("quiet", "https://qdrant", ("qdrant", 443, None, "https", "argument")),
        ("quiet", "vec/qdrant", ("qdrant", 6333, "/healthz", "http", "catalogue")),
        ("quiet", "vec/qdrant:7000/x", ("qdrant", 7000, "/x", "http", "argument")),
        ("quiet", "vec/qdrant/collections", ("qdrant", 6333, "/collections", "http", "catalogue")),
        ("quiet", "10.9.9.9:6333", ("10.9.9.9", 6333, "/healthz", "http", "argument")),
        ("quiet", "plain", ("plain", None, None, "tcp", "argument")),
        ("app1", "plain", ("plain", 8080, None, "http", "environment PLAIN_URL")),
        ("app1", "plain:9000", ("plain", 9000, None, "tcp", "argument")),
        ("app1", "plain:8080", ("plain", 8080, None, "http", "argument")),
        ("app1", "plain/health", ("plain", 8080, "/health", "http", "argument")),
        ("host", "qdrant", (None, 6333, "/healthz", "http", "catalogue")),
    ],
)
def test_what_was_typed_becomes_an_edge(source, target, expected):
    edge = edge_between(SEEN, source, target)
    assert short(edge) == expected
    assert edge.target == (PLAIN.ref if "plain" in target else QDRANT.ref)
    assert edge.source == {"host": HOST, "quiet": QUIET.ref, "app1": APP.ref}[source]


@pytest.mark.parametrize(
    ("target", "host", "port", "protocol"),
    [
        ("example.internal:443", "example.internal", 443, "tcp"),
        ("https://example.internal/x", "example.internal", 443, "https"),
        ("http://elsewhere", "elsewhere", 80, "http"),
        ("10.1.2.3:80", "10.1.2.3", 80, "tcp"),
        ("[fd00::1]:80", "fd00::1", 80, "tcp"),
    ],
)
def test_a_host_outside_docker_is_an_end_too(target, host, port, protocol):
    edge = edge_between(SEEN, "app1", target)
    assert (edge.target, edge.name, edge.port, edge.protocol) == (Ref("external", host), host, port, protocol)


def test_a_host_outside_docker_needs_a_port():
    with pytest.raises(UsageError, match="has no port"):
        edge_between(SEEN, "app1", "example.internal")


def test_a_word_that_is_nobody_is_not_taken_for_a_host_outside():
    with pytest.raises(NotFound, match="'qdrnt'") as caught:
        edge_between(SEEN, "app1", "qdrnt:6333")
    assert "qdrant" in str(caught.value.candidates) or caught.value.hint


def test_ambiguous_and_identical_ends_are_refused():
    twin = container("qdrant-y1", NET, service="qdrant", project="other")
    with pytest.raises(Ambiguous):
        edge_between(topology(NET, APP, QDRANT, twin), "app1", "qdrant:6333")
    with pytest.raises(UsageError, match="same container"):
        edge_between(SEEN, "app1", "app1:80")


@pytest.mark.parametrize("target", ["", " ", "qdrant:0", "qdrant:99999", "qdrant:x", "http://", "qdrant-x1 "])
def test_a_target_that_cannot_be_one(target):
    with pytest.raises(UsageError):
        edge_between(SEEN, "app1", target)


def test_a_container_may_be_called_host():
    named = container("host", NET)
    assert edge_between(topology(NET, named, QDRANT), "host", "qdrant").source == named.ref


def test_a_likely_typo_in_the_callers_setting_is_what_is_asked():
    typo = container("app2", NET, environment=(("QDRANT_URL", "http://qdrnt:6333"),))
    edge = edge_between(topology(NET, typo, QDRANT), "app2", "qdrant")
    assert (edge.name, edge.port) == ("qdrnt", 6333)


def declared():
    db = container("db1", NET, service="db", project="shop")
    web = container(
        "web1", NET, service="web", project="shop",
        environment=(("DB_HOST", "db"), ("DB_PORT", "5432"), ("DB_URL", "postgres://db:5432")),
        labels={"com.docker.compose.depends_on": "db:service_healthy:false,init:service_completed_successfully:false"},
    )  # fmt: skip
    worker = container(
        "worker1", NET, service="worker", project="shop", labels={"com.docker.compose.depends_on": "db:service_started"}
    )
    stopped = container("old1", NET, environment=(("DB_HOST", "db1:5432"),), state=State("exited"))
    return topology(NET, db, web, worker, stopped), db, web, worker, stopped


def test_all_edges_are_those_of_running_containers_each_once():
    seen, db, web, worker, _ = declared()
    found = [(edge.source, edge.target, edge.port, edge.origin) for edge in all_edges(seen)]
    assert found == [
        (web.ref, db.ref, 5432, "environment DB_HOST"),
        (worker.ref, db.ref, None, "depends_on"),
    ]


def test_the_edges_of_one_container_touch_it_from_either_side():
    seen, db, web, worker, stopped = declared()
    assert {edge.source for edge in edges_of(seen, "db1")} == {web.ref, worker.ref}
    assert [edge.target for edge in edges_of(seen, "web1")] == [db.ref]
    assert [edge.target for edge in edges_of(seen, "old1")] == [db.ref]
    assert stopped.ref not in {edge.source for edge in edges_of(seen, "db1")}


def test_nobody_knows_nobody():
    assert edges_of(topology(NET, PLAIN), "plain") == ()
    assert all_edges(topology(NET, PLAIN)) == ()


DB1 = container("db1", NET, aliases=("db",))
DB2 = container("db2", OTHER, aliases=("db", "spare"))
BOTH = container("both", NET, OTHER)


def test_a_network_alias_is_a_name_for_whoever_hears_it():
    seen = topology(NET, OTHER, QUIET, DB1, DB2, BOTH)
    edge = edge_between(seen, "quiet", "db:5432")
    assert (edge.target, edge.name, edge.port) == (DB1.ref, "db", 5432)
    assert [each.target for each in edges_between(seen, "quiet", "http://db:8080/")] == [DB1.ref]
    with pytest.raises(NotFound):
        edge_between(seen, "quiet", "spare:1")
    with pytest.raises(NotFound):
        edge_between(seen, "host", "db:5432")


def test_an_alias_of_two_is_both_of_them():
    seen = topology(NET, OTHER, QUIET, DB1, DB2, BOTH)
    edges = edges_between(seen, "both", "db:5432")
    assert [(edge.target, edge.name) for edge in edges] == [(DB1.ref, "db"), (DB2.ref, "db")]


def test_the_name_of_a_link_is_a_name_of_its_target():
    linking = container("linking", NET, links=(Link("database", PLAIN.id),))
    edge = edge_between(topology(NET, linking, PLAIN), "linking", "database:80")
    assert edge.target == PLAIN.ref


def test_localhost_with_a_port_is_the_place_itself():
    edge = edge_between(SEEN, "host", "localhost:9000")
    assert (edge.target, edge.port) == (Ref("external", "localhost"), 9000)
