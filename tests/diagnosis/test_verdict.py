"""An edge is decided by its highest known layer, and by its name; what nobody could ask is never health."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rules.build import container, network, topology

from netdoctor.diagnosis.ladder import ladder
from netdoctor.diagnosis.verdict import decide
from netdoctor.model import Answers, Case, Edge, Observation, Outcome, State, Verdict
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.http import Http
from netdoctor.probes.membership import Membership
from netdoctor.probes.ping import Ping
from netdoctor.probes.tcp import Tcp

NET = network("net")
A = container("app1", NET)
B = container("db1", NET, address="10.0.0.3")
SEEN = topology(NET, A, B)
EDGE = Edge(A.ref, B.ref, name="db", port=80, protocol="http")

NAME = Dns(A.ref, "db")
GOOD, REFUSED, LOST = (Observation(each) for each in (Outcome.CONNECTED, Outcome.REFUSED, Outcome.TIMED_OUT))
UNKNOWN = Observation(Outcome.COULD_NOT_ASK, None, "nobody stands there")


def resolved(*addresses):
    return Observation(Outcome.CONNECTED, DnsEvidence("db", addresses or ("10.0.0.3",)))


def tcp(address="10.0.0.3"):
    return Tcp(A.ref, address, 80)


def http(address="10.0.0.3"):
    return Http(A.ref, address, 80, "db")


def verdict(seen, edge=EDGE, where=SEEN):
    return decide(Case(where, edge, Answers(seen)))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({NAME: resolved(), tcp(): GOOD, http(): GOOD}, Verdict.HOLDS),
        ({NAME: resolved(), tcp(): GOOD, http(): REFUSED}, Verdict.BROKEN),
        ({NAME: resolved(), tcp(): REFUSED}, Verdict.BROKEN),
        ({NAME: resolved(), tcp(): GOOD, http(): UNKNOWN}, Verdict.HOLDS),
        ({NAME: resolved(), tcp(): UNKNOWN}, Verdict.UNKNOWN),
        ({NAME: resolved()}, Verdict.UNKNOWN),
        ({NAME: LOST, tcp(): GOOD, http(): GOOD}, Verdict.BROKEN),
        ({NAME: UNKNOWN, tcp(): GOOD, http(): GOOD}, Verdict.UNKNOWN),
        ({NAME: UNKNOWN, tcp(): REFUSED}, Verdict.BROKEN),
        ({NAME: LOST, tcp(): UNKNOWN}, Verdict.BROKEN),
        ({tcp(): GOOD, http(): GOOD}, Verdict.UNKNOWN),
        ({}, Verdict.UNKNOWN),
    ],
)
def test_the_highest_known_layer_and_the_name(seen, expected):
    found, reason = verdict(seen)
    assert found is expected
    assert bool(reason) == (found is Verdict.UNKNOWN)


@pytest.mark.parametrize("lost", [{Ping(A.ref, "10.0.0.3"): LOST}, {Ping(A.ref, "10.0.0.3"): UNKNOWN}])
def test_ping_decides_nothing(lost):
    assert verdict({NAME: resolved(), tcp(): GOOD, http(): GOOD, **lost})[0] is Verdict.HOLDS


def test_without_a_name_the_path_decides_alone():
    bare = replace(EDGE, name=None)
    assert verdict({tcp(): GOOD}, bare)[0] is Verdict.HOLDS
    assert verdict({tcp(): LOST}, bare)[0] is Verdict.BROKEN


def test_without_a_port_nothing_is_healthy():
    found, reason = verdict({NAME: resolved()}, replace(EDGE, port=None))
    assert found is Verdict.UNKNOWN
    assert "port" in reason
    assert verdict({NAME: LOST}, replace(EDGE, port=None))[0] is Verdict.BROKEN


def test_every_address_of_a_name_must_do_within_its_family():
    both = {NAME: resolved("10.0.0.3", "10.0.0.4"), tcp(): GOOD, http(): GOOD}
    assert verdict({**both, tcp("10.0.0.4"): LOST})[0] is Verdict.BROKEN
    assert verdict({**both, tcp("10.0.0.4"): UNKNOWN})[0] is Verdict.UNKNOWN
    assert verdict({**both, tcp("10.0.0.4"): GOOD})[0] is Verdict.HOLDS


def test_one_family_that_works_is_enough():
    both = {NAME: resolved("10.0.0.3", "fd00::3"), tcp("fd00::3"): REFUSED}
    assert verdict({**both, tcp(): GOOD, http(): GOOD})[0] is Verdict.HOLDS
    assert verdict({**both, tcp(): REFUSED})[0] is Verdict.BROKEN
    assert verdict({**both, tcp(): UNKNOWN})[0] is Verdict.UNKNOWN


def test_an_address_that_dns_did_not_give_does_not_count():
    seen = {NAME: resolved("10.9.9.9"), tcp(): GOOD, http(): GOOD, tcp("10.9.9.9"): LOST}
    assert verdict(seen)[0] is Verdict.BROKEN


def test_a_target_that_does_not_run_and_has_no_address_is_broken_not_unknown():
    gone = replace(B, state=State("exited"), endpoints=(replace(B.endpoints[0], ipv4=None),))
    assert verdict({NAME: LOST}, where=topology(NET, A, gone))[0] is Verdict.BROKEN
    assert verdict({}, replace(EDGE, name=None), topology(NET, A, gone))[0] is Verdict.BROKEN


def test_no_edge_is_unknown():
    assert decide(Case(SEEN, None, Answers()))[0] is Verdict.UNKNOWN


BACK = EDGE.backwards()


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({Ping(B.ref, A.endpoints[0].ipv4): GOOD}, Verdict.HOLDS),
        ({Ping(B.ref, A.endpoints[0].ipv4): LOST}, Verdict.BROKEN),
        ({Ping(B.ref, A.endpoints[0].ipv4): UNKNOWN}, Verdict.UNKNOWN),
        ({Membership(B.ref, A.ref): Observation(Outcome.NO_ROUTE)}, Verdict.BROKEN),
        ({Membership(B.ref, A.ref): GOOD}, Verdict.UNKNOWN),
        ({}, Verdict.UNKNOWN),
    ],
)
def test_the_way_back_is_judged_by_what_came_back(seen, expected):
    found, reason = verdict(seen, BACK)
    assert found is expected
    assert bool(reason) == (found is Verdict.UNKNOWN)


def test_a_port_of_udp_is_unknown_unless_its_name_or_its_server_is_missing():
    edge = replace(EDGE, protocol="udp")
    verdict, reason = decide(Case(SEEN, edge, Answers({NAME: resolved()})))
    assert verdict is Verdict.UNKNOWN and "UDP" in reason
    lost = Observation(Outcome.NAME_NOT_FOUND, DnsEvidence("db", ()))
    assert decide(Case(SEEN, edge, Answers({NAME: lost})))[0] is Verdict.BROKEN
    assert [type(each) for each in ladder(Case(SEEN, edge, Answers({NAME: resolved()})))] == [Membership, Dns, Ping]
