"""ND107 is said of a caller that is on internal networks only and asks for something outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import (
    HOST,
    Answers,
    Case,
    Confidence,
    Connect,
    CreateNetwork,
    Edge,
    Fact,
    Observation,
    Outcome,
    Ref,
    Severity,
)
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd107_internal_network import RULE

from .build import container, network, topology

INNER = network("inner", internal=True, subnets=("10.9.0.0/16",))
OUTER = network("outer", project="p")


def judged(*networks, host="api.example.test", dns=None, tcp=None, things=(), **fields):
    app = container("app", *networks, project="p", **fields)
    seen = topology(app, INNER, OUTER, *things)
    edge = Edge(app.ref, Ref("external", host), name=host, port=443)
    answers = {}
    if dns is not None:
        given = ("203.0.113.7",) if dns is Outcome.CONNECTED else ()
        answers[Dns(app.ref, host)] = Observation(dns, DnsEvidence(host, given))
    if tcp is not None:
        answers[Tcp(app.ref, "203.0.113.7", 443)] = Observation(tcp, TcpEvidence("203.0.113.7", 443))
    return tuple(RULE.judge(Case(seen, edge, Answers(answers))))


@pytest.mark.parametrize(
    "seen", [{"dns": Outcome.RESOLVER_FAILED}, {"dns": Outcome.CONNECTED, "tcp": Outcome.TIMED_OUT}]
)
def test_no_name_or_no_answer_from_an_internal_network(seen):
    (finding,) = judged(INNER, **seen)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "app is on internal networks only (inner), which have no way out to api.example.test."


def test_an_ordinary_network_of_its_project_is_joined_else_a_new_one_made():
    (finding,) = judged(INNER, dns=Outcome.RESOLVER_FAILED)
    (join,) = finding.remedies[0].operations
    assert isinstance(join, Connect) and join.network == OUTER.id
    stranger = container("app", INNER)
    edge = Edge(stranger.ref, Ref("external", "a.test"), name="a.test", port=80)
    (finding,) = RULE.judge(Case(topology(stranger, INNER, OUTER), edge, Answers()))
    assert isinstance(finding.remedies[0].operations[0], CreateNetwork)


def test_unasked_it_is_likely_only():
    (finding,) = judged(INNER)
    assert finding.confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    "seen",
    [
        {"dns": Outcome.CONNECTED, "tcp": Outcome.CONNECTED},
        {"dns": Outcome.CONNECTED, "tcp": Outcome.REFUSED},
    ],
)
def test_an_answer_from_outside_proves_a_way_out(seen):
    assert judged(INNER, **seen) == ()


def test_one_ordinary_network_is_enough():
    assert judged(INNER, OUTER, dns=Outcome.RESOLVER_FAILED) == ()


def test_an_address_inside_the_network_is_not_outside():
    assert judged(INNER, host="10.9.3.4", tcp=Outcome.TIMED_OUT) == ()


def test_a_missing_name_of_the_host_is_another_cause():
    assert judged(INNER, host="host.docker.internal", dns=Outcome.RESOLVER_FAILED) == ()


def test_host_mode_and_no_network_are_other_causes():
    assert judged(network_mode="host", dns=Outcome.RESOLVER_FAILED) == ()
    assert judged(dns=Outcome.RESOLVER_FAILED) == ()


def test_files_alone_are_enough():
    app = replace(container("app", INNER), state=None)
    seen = replace(topology(app, INNER), knows=frozenset({Fact.DECLARED}))
    edge = Edge(app.ref, Ref("external", "a.test"), name="a.test", port=80)
    assert len(tuple(RULE.judge(Case(seen, edge, Answers())))) == 1


INSIDE = network("inside", internal=True)
WEB = container("web", INSIDE, publish=((8082, 3000),))


def from_the_machine(target, name=None, port=3000, web=WEB, outcome=Outcome.REFUSED):
    seen = topology(WEB if web is WEB else web, INSIDE, network("out"))
    edge = Edge(HOST, target, name=name, port=port)
    address = name or "10.0.0.1"
    answers = Answers({Tcp(HOST, address, port): Observation(outcome)})
    return tuple(RULE.judge(Case(seen, edge, answers)))


def test_a_port_that_an_internal_network_does_not_publish():
    (finding,) = from_the_machine(Ref("external", "localhost"), "localhost", 8082)
    assert finding.cause == (
        "web publishes port 8082 and is on internal networks only (inside), which the engine publishes nothing from: "
        "the machine does not answer there."
    )
    assert from_the_machine(Ref("external", "localhost"), "localhost", 8083) == ()
    assert from_the_machine(Ref("external", "localhost"), "localhost", 8082, outcome=Outcome.CONNECTED) == ()
    assert len(from_the_machine(WEB.ref)) == 1, "its own address answers the machine; what it publishes does not"


def test_one_ordinary_network_is_enough_to_publish_from():
    both = container("web", INSIDE, network("out"), publish=((8082, 3000),))
    assert from_the_machine(Ref("external", "localhost"), "localhost", 8082, web=both) == ()


def test_files_that_publish_from_an_internal_network_are_told():
    seen = topology(WEB, INSIDE, knows=frozenset())
    (finding,) = RULE.judge(Case(seen, None, Answers()))
    assert finding.severity is Severity.WARNING and finding.about[0].path == ("ports",)
