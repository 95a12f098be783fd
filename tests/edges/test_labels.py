"""What a backend's labels say is what the proxy dials."""

from __future__ import annotations

import pytest
from rules.build import container, network, topology

from netdoctor.edges.arguments import all_edges, edges_between, edges_of
from netdoctor.edges.labels import labelled_edges
from netdoctor.model import State

WEB, OTHER = network("web"), network("other")
PROXY = container("traefik", WEB, image="traefik:v3.1")
PORT = "traefik.http.services.app.loadbalancer.server.port"


def backend(*nets, **fields):
    return container("app", *(nets or (WEB,)), **({"labels": {"traefik.enable": "true", PORT: "3000"}} | fields))


def edges(proxy, *others):
    return [(e.target.id, e.port, e.protocol) for e in labelled_edges(topology(WEB, OTHER, proxy, *others), proxy)]


def test_traefik_dials_the_port_of_the_label_by_address():
    app = backend()
    (edge,) = all_edges(topology(WEB, PROXY, app))
    assert (edge.source, edge.target, edge.port, edge.protocol, edge.name) == (PROXY.ref, app.ref, 3000, "http", None)
    assert edge.origin == f"label {PORT}" and edge.basis == app.ref.at("labels", PORT)
    assert edges_of(topology(WEB, PROXY, app), "app") == (edge,)


def test_the_label_is_the_port_of_a_typed_pair_too_and_a_typed_port_wins():
    seen = topology(WEB, PROXY, backend())
    assert [e.port for e in edges_between(seen, "traefik", "app")] == [3000]
    assert [e.port for e in edges_between(seen, "traefik", "app:8080")] == [8080]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({PORT: "3000", PORT.replace("port", "scheme"): "https"}, [(3000, "https")]),
        ({PORT: "3000", PORT.replace("port", "scheme"): "h2c"}, [(3000, "tcp")]),
        ({"traefik.tcp.services.db.loadbalancer.server.port": "5432"}, [(5432, "tcp")]),
        ({PORT: "3000", PORT.replace("app", "admin"): "9000"}, [(3000, "http"), (9000, "http")]),
        ({"traefik.enable": "false", PORT: "3000"}, []),
        ({"traefik.udp.services.app.loadbalancer.server.port": "53"}, []),
        ({"traefik.enable": "true"}, []),
        ({PORT: "http"}, []),
    ],
)
def test_every_spelling_of_traefiks_port(labels, expected):
    assert [each[1:] for each in edges(PROXY, backend(labels=labels))] == expected


def test_other_proxies_read_what_is_theirs():
    app = backend(environment=(("VIRTUAL_HOST", "a.example"), ("VIRTUAL_PORT", "8080")))
    assert edges(container("np", WEB, image="nginxproxy/nginx-proxy:1"), app) == [(app.id, 8080, "http")]
    app = backend(labels={"caddy": "a.example", "caddy.reverse_proxy": "{{upstreams 8080}}"})
    assert edges(container("c", WEB, image="lucaslorentz/caddy-docker-proxy:2"), app) == [(app.id, 8080, "http")]
    assert edges(container("nginx", WEB, image="nginx"), app, backend()) == []


def test_of_two_proxies_only_one_on_a_common_network_is_meant():
    second = container("inner-traefik", OTHER, image="traefik")
    assert edges(PROXY, second, backend(OTHER)) == []
    assert len(edges(second, PROXY, backend(OTHER))) == 1
    assert len(edges(PROXY, backend(OTHER))) == 1, "one alone must reach everybody"


def test_what_does_not_run_is_no_backend():
    assert edges(PROXY, backend(state=State("exited", False))) == []
