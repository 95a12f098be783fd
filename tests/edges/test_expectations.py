"""Names in netdoctor.yaml are looked up as a person means them; what is not there is unknown, never healthy."""

from __future__ import annotations

from rules.build import container, network, topology

from netdoctor.edges.expectation_file import parse
from netdoctor.edges.expectations import resolve
from netdoctor.edges.learn import learned, short_name
from netdoctor.edges.pairs import pairs
from netdoctor.model import HOST, Edge, EdgeReport, Verdict

NET, OTHER = network("net"), network("other")
WEB = container("shop-web-1", NET, service="web", project="shop", environment=())
DB = container("shop-db-1", NET, service="db", project="shop", image="postgres:16", environment=())
BLOG_DB = container("blog-db-1", OTHER, service="db", project="blog", environment=())
WORKER1 = container("shop-worker-1", NET, service="worker", project="shop", environment=())
WORKER2 = container("shop-worker-2", NET, service="worker", project="shop", environment=())


def meant(seen, *lines, projects=frozenset()):
    text = "version: 1\nexpectations:\n" + "".join(f"  - {line}\n" for line in lines)
    return resolve(seen, parse(text.encode(), "f").entries, projects)


def edges(seen, line, **more):
    (each,) = meant(seen, line, **more)
    assert not each.unknown, each.unknown
    return each.edges


def test_an_edge_carries_its_expectation_and_what_the_image_is_known_for():
    (edge,) = edges(topology(NET, WEB, DB), "web -> db")
    assert (edge.source, edge.target, edge.name, edge.port, edge.protocol) == (WEB.ref, DB.ref, "db", 5432, "postgres")
    assert edge.expectation.place.line == 3
    assert edge.origin == "expectation"


def test_a_service_of_two_containers_is_two_edges():
    seen = topology(NET, WEB, DB, WORKER1, WORKER2)
    assert {edge.source for edge in edges(seen, "worker -> db:5432")} == {WORKER1.ref, WORKER2.ref}
    assert {edge.target for edge in edges(seen, "web -x> worker:80")} == {WORKER1.ref, WORKER2.ref}


def test_of_two_services_of_one_name_the_callers_own_is_meant():
    seen = topology(NET, OTHER, WEB, DB, BLOG_DB)
    assert [edge.target for edge in edges(seen, "web -> db:5432")] == [DB.ref]
    assert [edge.target for edge in edges(seen, "web -x> blog/db:5432")] == [BLOG_DB.ref]


def test_a_project_settles_whose_service_is_meant():
    seen = topology(NET, OTHER, WEB, DB, BLOG_DB)
    assert meant(seen, "db -> web:80")[0].unknown
    assert [e.source for e in edges(seen, "db -> web:80", projects=frozenset({"shop"}))] == [DB.ref]


def test_an_alias_counts_where_the_callers_dns_would_answer_it():
    cache = container("shop-redis-1", NET, aliases=["cache"], environment=())
    (edge,) = edges(topology(NET, WEB, cache), "web -> cache:6379")
    assert (edge.target, edge.name) == (cache.ref, "cache")


def test_a_name_that_nobody_has_is_unknown_with_the_reason_whatever_its_form():
    for line in ("web -> qdrant:6333", "web -> http://qdrant:6333/x", "ghost -> db:1", "web -x> ghost:1"):
        (each,) = meant(topology(NET, WEB, DB), line)
        (report,) = each.unknown
        assert each.edges == ()
        assert report.verdict is Verdict.UNKNOWN
        assert "no container named" in report.reason


def test_hosts_outside_docker_and_this_machine_are_ends_too():
    (edge,) = edges(topology(NET, WEB), "web -> https://example.com/")
    assert (edge.target.kind, edge.port) == ("external", 443)
    (edge,) = edges(topology(NET, WEB, DB), "host -> db:5432")
    assert edge.source == HOST
    assert meant(topology(NET, WEB), "web -> example.com")[0].unknown[0].reason.endswith("has no port.")


def test_a_negative_without_a_port_is_about_every_port():
    (edge,) = edges(topology(NET, WEB, DB), "web -x> db")
    assert edge.port is None


def test_pairs_leave_out_who_cannot_be_an_end_and_ask_no_name_across_networks():
    alone = container("alone", environment=(), network_mode="none")
    found = pairs(topology(NET, OTHER, WEB, DB, BLOG_DB, alone))
    ends = {(edge.source, edge.target): edge for edge in found.edges}
    assert len(ends) == 6
    assert ends[WEB.ref, DB.ref].name == "db"
    assert ends[WEB.ref, BLOG_DB.ref].name is None
    assert [text for text in found.left_out if text.startswith("alone ")]
    assert len(pairs(topology(NET, OTHER, WEB, DB, BLOG_DB), frozenset({"shop"})).edges) == 2


def test_what_is_learned_is_read_back_as_the_same():
    seen = topology(NET, OTHER, WEB, DB, BLOG_DB)
    works = EdgeReport(Edge(WEB.ref, DB.ref, port=5432, path="/x?token=hunter2"), "", Verdict.HOLDS, ())
    fails = EdgeReport(Edge(WEB.ref, BLOG_DB.ref, port=5432), "", Verdict.BROKEN, ())
    text, count = learned(seen, [works, fails], "2030-01-01")
    (entry,) = parse(text.encode(), "f").entries
    assert count == 1
    assert (entry.source, entry.target, entry.port) == ("web", "shop/db", 5432)
    assert "hunter2" not in text
    assert short_name(seen, BLOG_DB) == "blog/db"
    assert parse(learned(seen, [fails], "2030-01-01")[0].encode(), "f").entries == ()
