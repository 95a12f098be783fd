"""ND204 is said when a container's name is answered from outside the engine."""

from __future__ import annotations

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Answers, Case, Confidence, Observation, Outcome, Verdict
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd204_name_leaks import RULE

from .build import container, network, story, topology

NET, OTHER = network("net", subnets=("10.0.0.0/8",)), network("other", subnets=("172.30.0.0/16",))
APP = container("app", NET)
STORE = container("store", NET, service="stores")
OUTSIDE = "192.0.2.1"


def told(answer=OUTSIDE, *, target=STORE, name="stor", source="nameserver", asked=("stor.office.test.", "stor.")):
    seen = story(topology(APP, target, NET, OTHER), APP, target, name=name, port=80)
    evidence = DnsEvidence(name, (answer,), source, "127.0.0.11", asked)
    answers = Answers({Dns(APP.ref, name): Observation(Outcome.CONNECTED, evidence)})
    return Case(seen.topology, seen.edge, answers)


def judged(case):
    return tuple(RULE.judge(case))


def test_an_address_outside_every_network_of_the_engine():
    (finding,) = judged(told())
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause.endswith("was asked outside and leads to 192.0.2.1, which is no container's address.")
    assert "also asked as: stor.office.test" in finding.evidence
    assert finding.remedies[0].advice == "Use stores instead of stor."


def test_an_address_inside_the_engine_s_networks_did_not_leak():
    assert judged(told("172.30.4.4")) == ()
    assert judged(told(STORE.endpoints[0].ipv4)) == ()


def test_a_line_in_the_hosts_file_is_somebody_s_will():
    assert judged(told(source="hosts")) == ()


def test_a_name_that_the_engine_knows_is_not_asked_outside():
    assert judged(told(name="stores")) == ()


def test_without_a_common_network_the_leak_follows_from_that():
    case = told(target=container("store", OTHER))
    (head,) = judge_edge(case, [ND101, RULE], Verdict.BROKEN)
    assert head.code == "ND101" and [each.code for each in head.suppressed] == ["ND204"]
