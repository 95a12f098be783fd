"""A service of several containers is asked as a set, each by its own name."""

from __future__ import annotations

import pytest

from netdoctor.cli.check import edges_for
from netdoctor.edges.arguments import edges_between
from netdoctor.errors import Ambiguous, UsageError
from netdoctor.model import Container, Endpoint, Fact, Network, PortBinding, State, Topology

NET = Network("n1", "shop_default")
RUNNING = State("running", True, pid=1)


def container(name, service, project="shop", env=(), **more):
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    ends = (Endpoint(NET.id, NET.name, ipv4="10.0.0.9", names=(name, service), aliases=(service,)),)
    return Container(f"id-{name}", name, labels=labels, endpoints=ends, state=RUNNING, environment=tuple(env), **more)


def topology(*containers):
    return Topology(frozenset({Fact.RUNTIME}), containers, (NET,))


API = tuple(container(f"shop-api-{n}", "api") for n in (1, 2, 3))


def asked(where, source, target):
    return [(e.source.id, e.target.id, e.name, e.port, e.path) for e in edges_between(where, source, target)]


@pytest.mark.parametrize("word", ["api:8080/healthz", "shop/api:8080/healthz"])
def test_every_replica_is_asked_by_a_name_that_only_it_has(word):
    app = container("shop-app-1", "app")
    assert asked(topology(app, *API), "app", word) == [
        ("id-shop-app-1", f"id-shop-api-{n}", f"shop-api-{n}", 8080, "/healthz") for n in (1, 2, 3)
    ]


def test_from_every_replica_too():
    db = container("shop-db-1", "db")
    assert [each[:3] for each in asked(topology(db, *API), "api", "db:5432")] == [
        (f"id-shop-api-{n}", "id-shop-db-1", "db") for n in (1, 2, 3)
    ]


def test_one_replica_that_is_named_is_asked_by_its_own_name_whatever_the_environment_calls_all():
    app = container("shop-app-1", "app", env=[("API_URL", "http://api:8080/")])
    assert asked(topology(app, *API), "app", "shop-api-2")[0][2:4] == ("shop-api-2", 8080)


def test_one_container_is_asked_by_its_service_name():
    app = container("shop-app-1", "app")
    assert [each[2] for each in asked(topology(app, API[0]), "app", "api:1")] == ["api"]


def test_services_of_two_projects_are_ambiguous_still():
    app, other = container("shop-app-1", "app"), container("blog-api-1", "api", project="blog")
    with pytest.raises(Ambiguous, match="shop/api"):
        edges_between(topology(app, other, *API), "app", "api:80")


def test_replicas_among_themselves_are_asked_and_one_alone_is_no_edge():
    assert len(edges_between(topology(*API), "api", "api:80")) == 6
    with pytest.raises(UsageError, match="same container"):
        edges_between(topology(API[0]), "api", "api:80")


def test_the_path_of_the_callers_url_is_asked_where_that_can_do_nothing():
    def said(url, variable="API_URL"):
        app = container("shop-app-1", "app", env=[(variable, url)])
        (edge,) = edges_for(topology(app, API[0]), "app", None)
        return edge.said_path

    assert said("http://api:8080/v1/models") == "/v1/models"
    assert said("http://api:8080/") is None
    assert said("http://api:8080/v1?key=x") is None
    assert said("http://api:8080/hooks/deploy") is None
    assert said("http://api:8080/v1", "CRON_CALLBACK_URL") is None
    assert said("http://api:8080/T00000000/B11111111/XXXXXXXX") is None
    assert said("postgres://api:5432/shop") is None


def test_a_port_of_the_machine_that_the_environment_names_is_asked():
    app = container("shop-app-1", "app", env=[("DB_URL", "http://host.docker.internal:18080/x")])
    api = container("shop-api-1", "api", published=(PortBinding(8080, 18080),))
    (edge,) = edges_for(topology(app, api), None, None)
    assert (edge.target.kind, edge.target.id, edge.name, edge.port) == (
        "external",
        *["host.docker.internal"] * 2,
        18080,
    )
    proxied = container("shop-app-1", "app", env=[("HTTP_PROXY", "http://host.docker.internal:3128")])
    with pytest.raises(UsageError):
        edges_for(topology(proxied), None, None)


def test_names_that_nobody_carries_are_said_to_be_so():
    app = container("shop-app-1", "app", env=[("API_HOST", "vektors"), ("SITE", "http://example.com")])
    with pytest.raises(UsageError, match=r"API_HOST of shop-app-1 names vektors, which no container is called"):
        edges_for(topology(app, container("shop-x-1", "x")), None, None)
    bare = container("shop-app-1", "app", env=[("SITE", "http://example.com")])
    with pytest.raises(UsageError, match="no environment variable and no command line names another container"):
        edges_for(topology(bare), None, None)


def test_what_goes_over_udp_alone_is_declared_and_said_to_be_left_alone():
    app = container("shop-app-1", "app", env=[("SYSLOG_URL", "udp://log:514")])
    seen = topology(app, container("shop-log-1", "log"))
    for asked in (None, "app", "log"):
        with pytest.raises(UsageError, match=r": shop-app-1 to shop-log-1:514 goes over UDP, which answers nobody"):
            edges_for(seen, asked, None)
