"""A name with a dot means a container when its first label is one's name and the rest is nobody's in the world."""

from __future__ import annotations

import pytest
from rules.build import BRIDGE, container, network, topology

from netdoctor.edges.arguments import edge_between
from netdoctor.edges.environment import inferred_edges

NET, OTHER = network("shop_default"), network("proxy")
API = container("shop-api-1", NET, service="api", project="shop")
STRANGER = container("blog-api-1", OTHER, service="api", project="blog", exposed=((8080, "tcp"),))


def app(url, *nets, variable="API_URL", **fields):
    fields.setdefault("project", "shop")
    return container("shop-app-1", *(nets or (NET,)), service="app", environment=((variable, url),), **fields)


def targets(caller, *others):
    seen = topology(NET, OTHER, BRIDGE, caller, *others)
    return [(seen.container(edge.target).name, edge.name) for edge in inferred_edges(seen, caller)]


@pytest.mark.parametrize(
    "host",
    [
        "api.internal", "api.local", "API.Internal", "api.lan", "api.localdomain", "api.docker", "api.shop_default",
        "api.blog_default", "shop-api-1.shop_default", "shop-api-1.internal", "api.proxy", "api.internal.",
        "api.svc", "api.default.svc", "api.default.svc.cluster.local",
    ],
)  # fmt: skip
def test_a_neighbours_name_with_something_inside_behind_it_is_an_edge(host):
    assert targets(app(f"http://{host}:8080"), API) == [("shop-api-1", host)]


@pytest.mark.parametrize(
    "host",
    [
        "api.example.com", "api.com", "api.dev", "api.shop", "www.api.internal", "api.eu.internal", "other.internal",
        "10.internal", "api.docker.internal", "host.docker.internal", "api.google.internal", "api..internal",
    ],
)  # fmt: skip
def test_a_name_that_may_be_one_of_the_world_outside_is_none(host):
    found = targets(app(f"http://{host}:8080"), API) if host != "host.docker.internal" else []
    assert found == []


def test_a_project_is_called_behind_the_service_too():
    caller = app("http://api.stack:8080", project="stack")
    assert targets(caller, container("stack-api-1", NET, service="api", project="stack")) == [
        ("stack-api-1", "api.stack")
    ]


@pytest.mark.parametrize("variable", ["PUBLIC_API_URL", "CORS_ORIGIN", "VIRTUAL_HOST", "NEXTAUTH_URL", "APP_URL"])
def test_what_a_browser_asks_for_is_no_edge(variable):
    assert targets(app("http://api.local:8080", variable=variable), API) == []


def test_the_callers_own_hosts_file_says_whom_it_means():
    assert targets(app("http://api.local:8080", extra_hosts=("api.local:192.168.1.5",)), API) == []


def test_an_alias_with_a_dot_is_whom_dns_answers_with():
    carrier = container("shop-gate-1", NET, service="gate", project="shop", aliases=["gate", "api.internal"])
    assert targets(app("http://api.internal:8080"), API, carrier) == [("shop-gate-1", "api.internal")]


def test_a_stranger_is_meant_only_by_its_network_or_by_its_port():
    assert targets(app("http://api.internal:9999"), STRANGER) == []
    assert targets(app("http://api.internal:8080"), STRANGER) == [("blog-api-1", "api.internal")]
    assert targets(app("http://api.proxy:9999"), STRANGER) == [("blog-api-1", "api.proxy")]


def test_the_own_project_comes_before_a_stranger_and_two_strangers_are_nobody():
    assert targets(app("http://api.internal:8080"), STRANGER, API) == [("shop-api-1", "api.internal")]
    third = container("wiki-api-1", OTHER, service="api", project="wiki", exposed=((8080, "tcp"),))
    assert targets(app("http://api.internal:8080"), STRANGER, third) == []


def test_a_containers_own_name_with_a_suffix_is_itself():
    own = container("shop-app-1", NET, service="app", project="shop", environment=(("SELF", "http://app.internal:1"),))
    assert targets(own, container("shop-app-2", NET, service="app", project="shop")) == []


def test_check_with_both_ends_takes_the_callers_word():
    caller = app("http://api.internal:8080")
    edge = edge_between(topology(NET, caller, API), "app", "api")
    assert (edge.name, edge.port, edge.origin) == ("api.internal", 8080, "environment API_URL")


def test_a_strangers_published_port_fits_as_well():
    published = container("blog-api-1", OTHER, service="api", project="blog", publish=((8080, 80),))
    assert targets(app("http://api.internal:8080"), published) == [("blog-api-1", "api.internal")]
