"""ND704: a lost dial and an engine without rules; neither alone is a finding."""

from __future__ import annotations

from netdoctor.model import HOST, Answers, Case, Confidence, Edge, Observation, Outcome, Ref
from netdoctor.probes.firewall import Firewall, FirewallEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd704_chains_gone import RULE

from .build import container, network, story, topology

NET = network("net")
GONE = FirewallEvidence(forward=False, nat=False, drops=True)


def told(evidence: FirewallEvidence | None = GONE, tcp: Outcome = Outcome.TIMED_OUT, net=NET, other=None):
    app, api = container("app", net), container("api", other or net)
    found = story(topology(net, *([other] if other else []), app, api), app, api, name="api", port=80)
    found.dns(Outcome.CONNECTED).tcp(tcp)
    if evidence is not None:
        found.saw(Firewall(HOST), Observation(Outcome.CONNECTED, evidence))
    return found


def test_a_dial_lost_on_a_shared_network_and_no_rules_is_certain():
    (finding,) = told().judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert {"ND304"} <= RULE.suppresses


def test_empty_chains_that_are_left_are_likely():
    (finding,) = told(FirewallEvidence(False, False, True, ("filter DOCKER",))).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_rules_that_are_there_or_not_needed_here_are_no_finding():
    assert told(FirewallEvidence(True, True, True, ("filter DOCKER",))).judged(RULE) == ()
    assert told(FirewallEvidence(False, False, drops=False)).judged(RULE) == ()
    assert told(FirewallEvidence(True, False, True)).judged(RULE) == ()


def test_it_is_asked_only_when_a_dial_was_lost_where_it_should_pass():
    assert told(None).wanted(RULE) == {Firewall(HOST)}
    for outcome in (Outcome.CONNECTED, Outcome.REFUSED):
        assert told(None, outcome).wanted(RULE) == set()
        assert told(GONE, outcome).judged(RULE) == ()
    assert told(other=network("elsewhere")).judged(RULE) == ()
    assert told(net=network("silent", icc=False)).judged(RULE) == ()


def test_unreadable_rules_are_no_finding():
    silent = told(None).saw(Firewall(HOST), Observation(Outcome.COULD_NOT_ASK, None, "only root"))
    assert silent.judged(RULE) == ()


def test_the_way_out_needs_the_translation():
    app = container("app", NET)
    edge = Edge(app.ref, Ref("external", "192.0.2.1"), port=443)
    seen = {
        Tcp(app.ref, "192.0.2.1", 443): Observation(Outcome.TIMED_OUT, TcpEvidence("192.0.2.1", 443)),
        Firewall(HOST): Observation(Outcome.CONNECTED, FirewallEvidence(True, False, False)),
    }
    (finding,) = RULE.judge(Case(topology(NET, app), edge, Answers(seen)))
    assert "nat" in finding.cause
