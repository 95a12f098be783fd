"""ND104 is said of a name used between two that share the default bridge only."""

from __future__ import annotations

import pytest

from netdoctor.model import Confidence, Connect, CreateNetwork, Layer, Outcome
from netdoctor.rules.nd104_default_bridge import RULE

from .build import BRIDGE, container, network, story, topology

APP, DB = container("app", BRIDGE), container("db", BRIDGE)
SEEN = topology(APP, DB, BRIDGE)


def told(source=APP, target=DB, seen=SEEN, name="db"):
    return story(seen, source, target, name=name, port=80).tcp(Outcome.CONNECTED)


@pytest.mark.parametrize("outcome", [Outcome.NAME_NOT_FOUND, Outcome.RESOLVER_FAILED])
def test_a_name_on_the_default_bridge_leads_nowhere(outcome):
    (finding,) = told().dns(outcome).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.layer is Layer.DNS
    assert "share only the default bridge" in finding.cause
    assert finding.cause.endswith("so db leads nowhere.")


def test_both_get_a_network_of_their_own_with_the_name_that_is_used():
    (finding,) = told(name="store").dns(Outcome.NAME_NOT_FOUND).judged(RULE)
    (remedy,) = finding.remedies
    assert remedy.safe
    made, first, second = remedy.operations
    assert isinstance(made, CreateNetwork)
    assert isinstance(first, Connect) and isinstance(second, Connect)
    assert {first.network_name, second.network_name} == {made.name}
    assert second.container_name == "db" and "store" in second.aliases


def test_a_network_that_one_has_already_is_joined_by_the_other():
    net = network("backend")
    db = container("db", BRIDGE, net)
    (finding,) = told(target=db, seen=topology(APP, db, BRIDGE, net)).dns(Outcome.NAME_NOT_FOUND).judged(RULE)
    (join,) = finding.remedies[0].operations
    assert isinstance(join, Connect)
    assert (join.container_name, join.network_name) == ("app", "backend")


def test_not_having_asked_for_the_name_makes_it_likely_only():
    (finding,) = told().judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_a_name_that_resolves_all_the_same_is_fine():
    assert told().dns(Outcome.CONNECTED).judged(RULE) == ()


@pytest.mark.parametrize("name", [None, "172.17.0.3", "fd00::3"])
def test_addresses_need_no_names(name):
    assert told(name=name).judged(RULE) == ()


def test_another_shared_network_has_names():
    net = network("n")
    app, db = container("app", BRIDGE, net), container("db", BRIDGE, net)
    assert told(app, db, topology(app, db, BRIDGE, net)).dns(Outcome.NAME_NOT_FOUND).judged(RULE) == ()


def test_no_shared_network_at_all_is_another_cause():
    net = network("n")
    db = container("db", net)
    assert told(target=db, seen=topology(APP, db, BRIDGE, net)).dns(Outcome.NAME_NOT_FOUND).judged(RULE) == ()


def test_a_target_that_cannot_be_connected_gets_words():
    db = container("db", BRIDGE, labels={"com.docker.swarm.task.id": "t"})
    (finding,) = told(target=db, seen=topology(APP, db, BRIDGE)).dns(Outcome.NAME_NOT_FOUND).judged(RULE)
    assert finding.remedies[0].operations == () and "Swarm task" in finding.remedies[0].advice
