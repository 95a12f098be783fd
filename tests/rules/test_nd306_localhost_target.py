"""ND306 is said when loopback stands where another container is meant; and who is meant is read from the variable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.edges.address import parse_address
from netdoctor.edges.arguments import edge_between, edges_of
from netdoctor.edges.loopback import meant_by_loopback
from netdoctor.model import Confidence, Fact, Observation, Outcome
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.rules.nd306_localhost_target import RULE
from netdoctor.vantage.interface import ListeningSocket

from .build import container, network, story, topology

NET = network("n")
QDRANT = container("qdrant", NET, image="qdrant/qdrant:v1.13", service="qdrant", project="p", exposed=((6333, "tcp"),))
REDIS = container("cache", NET, image="redis:7", service="cache", project="p")


def caller(variable="QDRANT_URL", value="http://localhost:6333", **fields):
    return container("app", NET, service="app", project="p", environment=((variable, value),), **fields)


def told(heard=(), knows=Fact.RUNTIME, target=QDRANT, port=6333, name="localhost"):
    app = caller()
    seen = topology(app, target, NET, knows=frozenset({knows}))
    basis = app.ref.at("environment", "QDRANT_URL")
    found = story(seen, app, target, name=name, port=port, basis=basis, origin="environment QDRANT_URL")
    if heard is not None:
        sockets = tuple(ListeningSocket("127.0.0.1", each, 4) for each in heard)
        found.saw(Listeners(app.ref), Observation(Outcome.CONNECTED, ListenersEvidence(sockets)))
    return found


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "LOCALHOST", "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_loopback_where_nothing_of_the_callers_own_listens(name):
    found = told(name=name).dns(Outcome.CONNECTED, "127.0.0.1").tcp(Outcome.REFUSED, "127.0.0.1")
    (finding,) = found.judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    shown = f"[{name}]" if ":" in name else name
    assert finding.cause == f"app uses {shown}:6333, which is app itself, and means qdrant."
    assert finding.about[0].path == ("environment", "QDRANT_URL")
    assert finding.remedies[0].advice.startswith(f"Use qdrant:6333 instead of {shown}:6333 in QDRANT_URL of app")
    assert "nothing in app listens on 6333" in finding.evidence


def test_the_callers_own_server_on_that_port_is_health():
    assert told(heard=(6333,)).judged(RULE) == ()


def test_a_published_port_becomes_the_one_inside():
    target = container("qdrant", NET, service="qdrant", project="p", publish=((16333, 6333),))
    (finding,) = told(target=target, port=16333).judged(RULE)
    assert finding.remedies[0].title == "Use qdrant:6333"


def test_files_alone_make_it_likely():
    (finding,) = told(heard=None, knows=Fact.DECLARED).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_another_name_is_no_cause():
    assert told(name="qdrant").judged(RULE) == () and told(name="qdrant").wanted(RULE) == set()


def test_a_caller_in_host_mode_has_the_hosts_loopback():
    app = caller(network_mode="host")
    assert story(topology(app, QDRANT, NET), app, QDRANT, name="localhost", port=6333).judged(RULE) == ()


def meant(variable, value, *others, app=None):
    app = app or caller(variable, value)
    found = meant_by_loopback(topology(app, *others, NET), app, variable, parse_address(value))
    return found.name if found else None


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("QDRANT_URL", "http://localhost:6333", "qdrant"),
        ("VECTOR_DB", "http://127.0.0.1:6333", "qdrant"),
        ("CACHE_URL", "redis://localhost:6379/0", "cache"),
        ("BROKER", "redis://localhost", "cache"),
        ("QDRANT_HOST", "localhost", "qdrant"),
        ("QDRANT_URL", "http://0.0.0.0:6333", "qdrant"),
        ("QDRANT_URL", "http://[::]:6333", "qdrant"),
        ("CACHE_URL", "redis://0.0.0.0:6379/0", "cache"),
        ("QDRANT_HOST", "0.0.0.0", None),
        ("QDRANT_ADDR", "0.0.0.0:6333", None),
        ("QDRANT_LISTEN_URL", "http://0.0.0.0:6333", None),
        ("ASPNETCORE_URLS", "http://0.0.0.0:6333", None),
        ("QDRANT_URL", "http://localhost:9999", None),
        ("SOMETHING", "http://localhost:8080", None),
        ("NEXT_PUBLIC_QDRANT_URL", "http://localhost:6333", None),
        ("CORS_ORIGIN", "http://localhost:6333", None),
        ("APP_URL", "http://localhost:3000", None),
        ("QDRANT_URL", "http://qdrant:6333", None),
        ("DATABASE_URL", "postgres://localhost:5432/x", None),
    ],
)
def test_who_is_meant(variable, value, name):
    assert meant(variable, value, QDRANT, REDIS) == name


def test_two_that_fit_equally_well_are_nobody():
    twin = container("cache2", NET, image="redis:7", service="cache2", project="p")
    assert meant("X", "redis://localhost:6379", REDIS, twin) is None


def test_the_own_project_comes_first():
    other = container("theirs", NET, image="redis:7", service="cache", project="q")
    assert meant("CACHE_URL", "redis://localhost:6379", other, REDIS) == "cache"


def test_who_borrows_the_callers_namespace_shares_its_loopback():
    app = caller()
    beside = replace(QDRANT, network_mode=f"container:{app.id}", endpoints=())
    assert meant("QDRANT_URL", "http://localhost:6333", beside, app=app) is None


def test_an_edge_takes_the_callers_word_for_it():
    seen = topology(caller(), QDRANT, REDIS, NET)
    edge = edge_between(seen, "app", "qdrant")
    assert (edge.name, edge.port, edge.protocol) == ("localhost", 6333, "http")
    assert [(each.name, each.target) for each in edges_of(seen, "app")] == [("localhost", QDRANT.ref)]


def test_where_the_caller_itself_listens_nobody_else_is_meant():
    """API_URL=http://0.0.0.0:8000 in ``api`` beside ``api-worker``: its own server's address, not the neighbour's."""
    worker = container("api-worker", NET, service="api-worker", project="p")
    own = container("api", NET, service="api", project="p", environment=(("API_URL", "http://0.0.0.0:8000"),))
    assert meant("API_URL", "http://0.0.0.0:8000", worker, app=own) is None
    taken = caller("WORKER_URL", "http://0.0.0.0:8000", exposed=((8000, "tcp"),))
    assert meant("WORKER_URL", "http://0.0.0.0:8000", worker, app=taken) is None


def test_a_dial_to_any_address_is_evidence():
    app = caller("QDRANT_URL", "http://0.0.0.0:6333")
    seen = topology(app, QDRANT, NET)
    edge = edge_between(seen, "app", "qdrant")
    assert (edge.name, edge.port) == ("0.0.0.0", 6333)
    found = story(seen, app, QDRANT, name="0.0.0.0", port=6333).dns(Outcome.CONNECTED, "0.0.0.0")
    found.tcp(Outcome.REFUSED, "0.0.0.0").saw(Listeners(app.ref), Observation(Outcome.CONNECTED, ListenersEvidence(())))
    (finding,) = found.judged(RULE)
    assert "tcp 0.0.0.0:6333: refused" in finding.evidence
