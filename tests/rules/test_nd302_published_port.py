"""ND302 is said of a host port used inside the network, where the container's own port is the one that answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Outcome, PortBinding, Verdict
from netdoctor.probes.listeners import Listeners
from netdoctor.rules import nd303_nothing_listens
from netdoctor.rules.nd302_published_port import RULE

from .build import container, network, story, topology

NET, ELSE = network("n"), network("else")
APP = container("app", NET)
WEB = container("web", NET, publish=[(18080, 8080)])
FAR = container("far", ELSE, publish=[(18080, 8080)])
SEEN = topology(APP, WEB, FAR, NET, ELSE)


def told(port: int | None = 18080, target=WEB, seen=SEEN, outcome=Outcome.REFUSED):
    return story(seen, APP, target, port=port).tcp(outcome)


def test_the_host_port_is_named_and_the_container_port_offered():
    (finding,) = told().listens("0.0.0.0:8080").judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause.endswith("inside the network web is reached on port 8080.")
    assert finding.remedies[0].advice == "Use port 8080 instead of 18080."
    assert "web publishes 18080 -> 8080" in finding.evidence


def test_the_variable_that_holds_the_port_is_the_place_to_change():
    seen = told().listens("0.0.0.0:8080")
    seen.edge = replace(seen.edge, origin="environment WEB_URL", basis=APP.ref.at("environment", "WEB_URL"))
    (finding,) = seen.judged(RULE)
    assert finding.remedies[0].advice == "Use port 8080 instead of 18080 in WEB_URL of app."


def test_it_explains_that_nothing_listens_there():
    (finding,) = judge_edge(told().listens("0.0.0.0:8080").case, [nd303_nothing_listens.RULE, RULE], Verdict.BROKEN)
    assert finding.code == "ND302" and [each.code for each in finding.suppressed] == ["ND303"]


def test_a_refusal_alone_makes_it_likely():
    (finding,) = told().unanswered().judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert told(outcome=Outcome.TIMED_OUT).unanswered().judged(RULE) == ()


def test_it_is_read_at_the_target_when_no_network_is_shared():
    (finding,) = told(target=FAR, outcome=Outcome.TIMED_OUT).listens("0.0.0.0:8080").judged(RULE)
    assert finding.confidence is Confidence.CERTAIN


@pytest.mark.parametrize("sockets", [("0.0.0.0:18080", "0.0.0.0:8080"), ("127.0.0.1:18080",), ("127.0.0.1:8080",), ()])
def test_a_listener_on_the_wanted_port_or_none_on_the_inner_one_is_another_cause(sockets):
    assert told().listens(*sockets).judged(RULE) == ()


def test_other_ports_and_equal_mappings_are_other_causes():
    assert told(port=9999).listens("0.0.0.0:8080").judged(RULE) == ()
    same = container("web", NET, publish=[(8080, 8080)])
    assert told(8080, same, topology(APP, same, NET)).listens("0.0.0.0:80").judged(RULE) == ()
    udp = replace(WEB, published=(PortBinding(8080, 18080, protocol="udp"),))
    assert told(target=udp, seen=topology(APP, udp, NET)).listens("0.0.0.0:8080").judged(RULE) == ()


def test_a_connection_that_opens_is_fine():
    assert told(outcome=Outcome.CONNECTED).listens("0.0.0.0:8080").judged(RULE) == ()


def test_the_list_is_wanted_only_for_a_published_port_that_failed():
    assert told().wanted(RULE) == {Listeners(WEB.ref)}
    assert told(port=9999).wanted(RULE) == set()
    assert told(outcome=Outcome.CONNECTED).wanted(RULE) == set()


def test_a_port_in_a_variable_of_its_own_is_the_place_to_change():
    caller = container("app", NET, environment=(("DB_HOST", "db"), ("DB_PORT", "5433")))
    db = container("db", NET, publish=((5433, 5432),))
    seen = story(topology(caller, db, NET), caller, db, name="db", port=5433, origin="environment DB_HOST")
    (finding,) = seen.dns(Outcome.CONNECTED).tcp(Outcome.REFUSED).listens("0.0.0.0:5432").judged(RULE)
    assert finding.remedies[0].advice == "Use port 5432 instead of 5433 in DB_PORT of app."
