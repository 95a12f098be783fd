"""What two looks differ in, and which connections can feel it."""

from __future__ import annotations

from dataclasses import replace

from fixes.build import RUNNING, container, endpoint, network, topology

from netdoctor.live.changes import compare
from netdoctor.model import Edge, Health, State

NET, OTHER = network("net"), network("other")
APP, DB = container("app", NET), container("db", NET)
EDGE = Edge(APP.ref, DB.ref, name="db", port=5432)
BEFORE = topology(NET, OTHER, APP, DB)


def touched(*after, edge: Edge = EDGE) -> bool:
    now = topology(NET, OTHER, *after)
    return compare(BEFORE, now).touch(edge, now)


def test_nothing_changed():
    assert compare(BEFORE, BEFORE).containers == frozenset()
    assert not touched(APP, DB)


def test_a_container_of_nobody_here_touches_nothing():
    assert not touched(APP, DB, container("cron", NET))
    assert not touched(APP, DB, container("db2", OTHER))


def test_an_end_that_changed_touches_its_edges():
    for changed in (
        replace(DB, state=State("exited")),
        replace(DB, state=replace(RUNNING, paused=True)),
        replace(DB, state=replace(RUNNING, started_at="2026-01-02T00:00:00Z")),
        replace(DB, health=Health("unhealthy")),
        replace(DB, endpoints=()),
        replace(DB, endpoints=(endpoint(NET, "db", ipv4="10.0.0.9"),)),
        replace(DB, endpoints=(endpoint(NET, "db", "database"),)),
        replace(DB, name="renamed"),
    ):
        assert touched(APP, changed), changed
    assert touched(APP)
    assert touched(DB)


def test_the_log_of_a_health_check_is_no_change():
    assert not compare(
        topology(NET, replace(DB, health=Health("healthy", log=((0, "ok"),)))),
        topology(NET, replace(DB, health=Health("healthy", log=((0, "ok"), (0, "ok"))))),
    ).containers


def test_somebody_else_who_takes_the_name_touches_the_edge():
    thief = container("thief", NET)
    thief = replace(thief, endpoints=(endpoint(NET, "thief", "DB"),))
    assert touched(APP, DB, thief)
    assert not touched(APP, DB, replace(thief, endpoints=(endpoint(OTHER, "thief", "db"),)))
    assert not touched(APP, DB, thief, edge=replace(EDGE, name=None))


def test_who_borrows_a_namespace_changes_with_its_owner():
    helper = replace(container("helper"), network_mode=f"container:{DB.id}")
    edge = Edge(helper.ref, APP.ref, name="app", port=80)
    before = topology(NET, APP, DB, helper)
    after = topology(NET, APP, replace(DB, endpoints=()), helper)
    assert compare(before, after).touch(edge, after)
    assert not compare(before, before).touch(edge, before)
