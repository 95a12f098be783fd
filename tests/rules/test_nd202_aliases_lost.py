"""ND202 is said of a Compose service whose endpoint on the shared network lost the service name."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Connect, CreateNetwork, Disconnect, Layer, Outcome, State, Verdict
from netdoctor.rules import nd201_name_unknown
from netdoctor.rules.nd202_aliases_lost import RULE

from .build import BRIDGE, container, network, story, topology

NET = network("p_default", project="p", key="default")
APP = container("p-app-1", NET, service="app", project="p")
BARE = container("p-db-1", NET, service="db", project="p", aliases=["elsewhere"])
SEEN = topology(APP, BARE, NET)


def told(target=BARE, seen=SEEN, name="db", outcome=Outcome.RESOLVER_FAILED):
    return story(seen, APP, target, name=name, port=5432).dns(outcome).tcp(Outcome.CONNECTED)


def test_the_service_name_is_missing_from_the_endpoint():
    (finding,) = told().judged(RULE)
    assert (finding.confidence, finding.layer) == (Confidence.CERTAIN, Layer.DNS)
    assert finding.cause == "p-db-1 is on p_default without its service name db, which is what p-app-1 asks for."
    assert "its names on p_default: p-db-1, elsewhere" in finding.evidence


def test_it_explains_the_unknown_name():
    rules = [nd201_name_unknown.RULE, RULE]
    (finding,) = judge_edge(told().own_name().case, rules, Verdict.BROKEN)
    assert finding.code == "ND202" and [each.code for each in finding.suppressed] == ["ND201"]


def test_the_safe_way_is_a_new_network_and_the_reconnect_is_not_called_safe():
    (finding,) = told().judged(RULE)
    safe, reconnect = finding.remedies
    assert safe.safe and isinstance(safe.operations[0], CreateNetwork)
    target_joins = safe.operations[2]
    assert isinstance(target_joins, Connect) and "db" in target_joins.aliases
    assert not reconnect.safe
    leave, join = reconnect.operations
    assert isinstance(leave, Disconnect) and isinstance(join, Connect)
    assert set(join.aliases) == {"db", "p-db-1", "elsewhere"}


def test_the_address_that_the_user_fixed_is_kept():
    fixed = replace(BARE, endpoints=tuple(replace(e, user_ipv4="10.1.2.3") for e in BARE.endpoints))
    (finding,) = told(fixed, topology(APP, fixed, NET)).judged(RULE)
    join = finding.remedies[1].operations[1]
    assert isinstance(join, Connect) and join.ipv4 == "10.1.2.3"


def test_a_carried_name_is_not_lost():
    whole = container("p-db-1", NET, service="db", project="p")
    assert told(whole, topology(APP, whole, NET)).judged(RULE) == ()


def test_a_replica_that_still_carries_it_keeps_the_name_alive():
    other = container("p-db-2", NET, service="db", project="p")
    assert told(seen=topology(APP, BARE, other, NET)).judged(RULE) == ()


def test_a_name_that_resolves_is_fine():
    assert told(outcome=Outcome.CONNECTED).judged(RULE) == ()


def test_another_name_than_the_service_was_never_an_alias():
    assert told(name="database").judged(RULE) == ()


def test_a_one_off_run_never_had_the_name():
    run = container("p-db-run", NET, service="db", project="p", aliases=["x"])
    run = replace(run, labels={**run.labels, "com.docker.compose.oneoff": "True"})
    assert told(run, topology(APP, run, NET)).judged(RULE) == ()


def test_a_stopped_target_and_the_default_bridge_are_other_causes():
    stopped = replace(BARE, state=State("exited"))
    assert told(stopped, topology(APP, stopped, NET)).judged(RULE) == ()
    app, db = container("app", BRIDGE), container("db", BRIDGE, service="db", project="p")
    lost = story(topology(app, db, BRIDGE), app, db, name="db", port=1).dns(Outcome.NAME_NOT_FOUND)
    assert lost.judged(RULE) == ()
