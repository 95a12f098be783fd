"""The ladder asks what an edge needs, more as answers arrive, and nothing that inspect has answered already."""

from __future__ import annotations

from dataclasses import replace

from rules.build import container, network, topology

from netdoctor.diagnosis.ladder import addresses, ladder, path_explained
from netdoctor.model import HOST, Answers, Case, Edge, Observation, Outcome, Ref, State
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.http import Http
from netdoctor.probes.membership import Membership
from netdoctor.probes.ping import Ping
from netdoctor.probes.tcp import Tcp

NET, OTHER = network("net"), network("other")
A = container("app1", NET)
B = container("db1", NET, service="db", address="10.0.0.3")
FAR = container("far1", OTHER, address="10.7.0.3")
SEEN = topology(NET, OTHER, A, B, FAR)
EDGE = Edge(A.ref, B.ref, name="db", port=80, protocol="http")


def asked(edge, seen=None, where=SEEN):
    return list(dict.fromkeys(ladder(Case(where, edge, Answers(seen)))))


def dns(*answers, outcome=Outcome.CONNECTED):
    return {Dns(A.ref, "db"): Observation(outcome, DnsEvidence("db", answers))}


def test_the_first_round_asks_everything_that_inspect_predicts():
    assert asked(EDGE) == [
        Membership(A.ref, B.ref), Dns(A.ref, "db"), Ping(A.ref, "10.0.0.3"), Tcp(A.ref, "10.0.0.3", 80),
    ]  # fmt: skip


def test_http_waits_for_an_open_port_and_for_nothing_else():
    opened = {Tcp(A.ref, "10.0.0.3", 80): Observation(Outcome.CONNECTED)}
    assert Http(A.ref, "10.0.0.3", 80, "db") in asked(EDGE, opened)
    refused = {Tcp(A.ref, "10.0.0.3", 80): Observation(Outcome.REFUSED)}
    assert not any(isinstance(question, Http) for question in asked(EDGE, refused))
    assert not any(isinstance(question, Http) for question in asked(replace(EDGE, protocol="redis"), opened))


def test_an_address_that_only_dns_knows_is_dialled_too():
    questions = asked(EDGE, dns("10.9.9.9"))
    assert Tcp(A.ref, "10.9.9.9", 80) in questions
    assert Tcp(A.ref, "10.0.0.3", 80) in questions
    assert addresses(SEEN, EDGE, Answers(dns("10.9.9.9"))) == ("10.9.9.9",)


def test_no_more_than_eight_addresses_are_dialled():
    questions = asked(EDGE, dns(*(f"10.9.9.{n}" for n in range(1, 30))))
    assert len([question for question in questions if isinstance(question, Tcp)]) == 8


def test_without_a_port_nothing_is_dialled_but_the_name_is_asked():
    questions = asked(replace(EDGE, port=None))
    assert {type(question) for question in questions} == {Membership, Dns, Ping}


def test_an_explained_path_is_asked_briefly():
    edge = Edge(A.ref, FAR.ref, name="far1", port=80)
    assert path_explained(SEEN, edge)
    assert all(question.brief for question in asked(edge) if not isinstance(question, Membership))
    assert not path_explained(SEEN, EDGE)
    assert not any(question.brief for question in asked(EDGE) if not isinstance(question, Membership))


def test_a_name_that_nobody_carries_is_asked_briefly_but_the_address_is_not():
    edge = replace(EDGE, name="typo")
    brief = {type(question): question.brief for question in asked(edge) if not isinstance(question, Membership)}
    assert brief == {Dns: True, Ping: False, Tcp: False}
    dotted = replace(EDGE, name="db.example")
    assert not next(question for question in asked(dotted) if isinstance(question, Dns)).brief


def test_host_mode_and_one_namespace_are_not_explained_by_membership():
    metal = container("metal1", network_mode="host")
    side = container("side1", network_mode=f"container:{A.id}")
    where = topology(NET, OTHER, A, FAR, metal, side)
    assert not path_explained(where, Edge(metal.ref, FAR.ref))
    assert not path_explained(where, Edge(side.ref, A.ref))
    assert Tcp(side.ref, "127.0.0.1", 80) in asked(Edge(side.ref, A.ref, port=80), where=where)
    assert path_explained(where, Edge(side.ref, FAR.ref))


def test_an_end_outside_docker_has_no_membership():
    edge = Edge(A.ref, Ref("external", "example"), name="example", port=443, protocol="https")
    assert {type(question) for question in asked(edge)} == {Dns}
    assert {type(q) for q in asked(Edge(HOST, B.ref, port=80))} == {Ping, Tcp}


def test_the_way_back_asks_for_the_network_and_an_echo():
    assert {type(question) for question in asked(EDGE.backwards())} == {Membership, Ping}


def test_a_stopped_target_has_no_address_to_dial():
    gone = replace(B, state=State("exited"), endpoints=(replace(B.endpoints[0], ipv4=None),))
    assert not any(isinstance(q, Tcp | Ping) for q in asked(EDGE, where=topology(NET, A, gone)))


def test_no_edge_no_questions():
    assert list(ladder(Case(SEEN, None, Answers()))) == []
