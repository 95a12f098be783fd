"""ND113 is said of a macvlan or ipvlan container and its own host, either way, and of nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import (
    HOST,
    Answers,
    Case,
    Confidence,
    Connect,
    CreateNetwork,
    Edge,
    Observation,
    Outcome,
    Ref,
    Verdict,
)
from netdoctor.probes.addresses import Addresses, AddressesEvidence
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.routes import Routes, RoutesEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules._parents import LOST
from netdoctor.rules.nd113_parent_and_child import RULE
from netdoctor.rules.registry import RULES
from netdoctor.topology.bundle import read_bundle
from netdoctor.vantage.interface import Route

from .build import container, network, topology

HERE, PARENT = "10.9.0.5", "10.9.0.1"
LAN = network("lan", driver="macvlan", subnets=("10.9.0.0/24",), options={"parent": "eth0"})
FLAT = network("flat", driver="ipvlan", subnets=("10.9.0.0/24",), options={"parent": "eth0", "ipvlan_mode": "l2"})
NET = network("net", subnets=("172.20.0.0/16",), gateways=("172.20.0.1",))
OVER_PARENT = Route("10.9.0.0/24", None, "eth0")


def case(seen, edge, outcome, address, *more):
    answers = {Tcp(edge.source, address, edge.port): Observation(outcome, TcpEvidence(address, edge.port))}
    answers.update(more)
    return Case(seen, edge, Answers(answers))


def routes(*found):
    return Routes(HOST), Observation(Outcome.CONNECTED, RoutesEvidence(found))


def addresses(*found):
    return Addresses(HOST), Observation(Outcome.CONNECTED, AddressesEvidence(("127.0.0.1", *found)))


def outwards(outcome=Outcome.NO_ROUTE, *more, nets=(LAN,), source=HOST, address=HERE, others=()):
    app = container("app", *nets, address=HERE)
    seen = topology(*nets, NET, app, *others)
    return case(seen, Edge(source, app.ref, port=80), outcome, address, *more)


def upwards(outcome=Outcome.NO_ROUTE, *more, nets=(LAN,), to=PARENT, name=None, others=(), **fields):
    app = container("app", *nets, address=HERE, **fields)
    seen = topology(*nets, NET, app, *others)
    return case(seen, Edge(app.ref, Ref("external", name or to), name=name, port=80), outcome, to, *more)


@pytest.mark.parametrize("net", [LAN, FLAT])
@pytest.mark.parametrize("outcome", [Outcome.NO_ROUTE, Outcome.TIMED_OUT])
def test_the_host_does_not_reach_a_child_of_its_own_interface(net, outcome):
    (finding,) = RULE.judge(outwards(outcome, routes(OVER_PARENT), nets=(net,)))
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == (
        f"app is only on the {net.driver} network {net.name} on eth0; the kernel delivers nothing between eth0 and "
        "what sits on it, so the host cannot reach app."
    )
    assert "the host's route to 10.9.0.5: 10.9.0.0/24 dev eth0" in finding.evidence


def test_the_routes_are_read_once_the_dial_is_lost():
    assert list(RULE.wants(outwards())) == [Routes(HOST)]
    assert list(RULE.wants(outwards(Outcome.CONNECTED))) == []
    assert list(RULE.wants(upwards())) == [Addresses(HOST)]


def test_without_the_routes_it_is_likely():
    assert [f.confidence for f in RULE.judge(outwards())] == [Confidence.LIKELY]
    assert [f.confidence for f in RULE.judge(outwards(Outcome.NO_ROUTE, routes()))] == [Confidence.LIKELY]


def test_a_way_over_another_interface_is_another_story():
    """A shim that is there already, a second card: then something else keeps the packets."""
    shim = Route("10.9.0.5/32", None, "shim")
    assert list(RULE.judge(outwards(Outcome.TIMED_OUT, routes(OVER_PARENT, shim)))) == []


@pytest.mark.parametrize("outcome", [Outcome.CONNECTED, Outcome.REFUSED, Outcome.COULD_NOT_ASK])
def test_an_answer_of_any_kind_proves_a_way(outcome):
    assert list(RULE.judge(outwards(outcome, routes(OVER_PARENT)))) == []


def test_a_container_that_is_on_a_bridge_too_is_reached_there():
    both = container("app", NET, LAN)
    edge = Edge(HOST, both.ref, port=80)
    assert list(RULE.judge(case(topology(NET, LAN, both), edge, Outcome.TIMED_OUT, both.endpoints[0].ipv4))) == []


def test_a_container_in_host_mode_stands_where_the_host_stands():
    metal = container("metal", network_mode="host")
    (finding,) = RULE.judge(outwards(source=metal.ref, others=(metal,)))
    assert finding.cause.endswith("so metal, in host mode, cannot reach app.")


def test_a_neighbour_on_the_same_parent_is_no_host():
    other = container("other", LAN, address="10.9.0.6")
    assert list(RULE.judge(outwards(source=other.ref, others=(other,)))) == []


def test_a_guest_of_such_a_namespace_is_as_far_away():
    owner = container("vpn", LAN, address=HERE)
    guest = container("app", network_mode=f"container:{owner.id}")
    found = case(topology(LAN, owner, guest), Edge(HOST, guest.ref, port=80), Outcome.NO_ROUTE, HERE)
    (finding,) = RULE.judge(found)
    assert finding.remedies[0].operations[1].container == owner.id


def test_the_fix_is_an_internal_bridge_besides_and_the_shim_is_told_word_for_word():
    (finding,) = RULE.judge(outwards(Outcome.NO_ROUTE, routes(OVER_PARENT)))
    bridge, shim = finding.remedies
    create, connect = bridge.operations
    assert isinstance(create, CreateNetwork) and create.internal and isinstance(connect, Connect)
    assert bridge.safe and connect.network_name == create.name == "netdoctor-host-app"
    assert "ip link add netdoctor-shim link eth0 type macvlan mode bridge" in shim.advice
    assert "ip route add 10.9.0.5/32 dev netdoctor-shim" in shim.advice and not shim.safe
    (finding,) = RULE.judge(outwards(nets=(FLAT,)))
    assert "link eth0 type ipvlan mode l2" in finding.remedies[-1].advice


def test_a_child_does_not_reach_an_address_of_its_host_in_its_own_subnet():
    (finding,) = RULE.judge(upwards(Outcome.NO_ROUTE, addresses(PARENT)))
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == (
        "app sends over the macvlan network lan on eth0, and 10.9.0.1 is its own host; the kernel delivers nothing "
        "between eth0 and what sits on it, so app cannot reach it."
    )
    assert "Then use FREE instead of 10.9.0.1." in finding.remedies[0].advice


def test_host_docker_internal_and_a_bridges_gateway_lead_a_child_nowhere():
    for name in (None, "host.docker.internal"):
        found = upwards(Outcome.TIMED_OUT, addresses(PARENT), to="172.20.0.1", name=name)
        if name:
            asked = Dns(found.edge.source, name), Observation(Outcome.CONNECTED, DnsEvidence(name, ("172.20.0.1",)))
            found = upwards(Outcome.TIMED_OUT, addresses(PARENT), asked, to="172.20.0.1", name=name)
        assert [each.confidence for each in RULE.judge(found)] == [Confidence.LIKELY]


def test_a_machine_that_is_not_the_host_is_not_judged():
    assert list(RULE.judge(upwards(Outcome.TIMED_OUT, addresses(PARENT), to="10.9.0.77"))) == []
    assert list(RULE.judge(upwards(Outcome.TIMED_OUT, addresses(PARENT, "192.0.2.1"), to="192.0.2.1"))) == []
    assert list(RULE.judge(upwards(Outcome.NO_ROUTE))) == []


def test_a_caller_that_is_on_a_bridge_too_reaches_its_host_there_and_not_on_the_lan():
    assert [f.confidence for f in RULE.judge(upwards(Outcome.TIMED_OUT, addresses(PARENT), nets=(NET, LAN)))] == [
        Confidence.CERTAIN
    ]
    over_bridge = upwards(Outcome.TIMED_OUT, addresses(PARENT), nets=(LAN, NET), to="172.20.0.1")
    assert list(RULE.judge(over_bridge)) == []


def test_who_publishes_that_port_is_better_asked_itself():
    api = container("api", NET, publish=((80, 8080),))
    (finding,) = RULE.judge(upwards(Outcome.NO_ROUTE, addresses(PARENT), others=(api,)))
    assert finding.remedies[0].title == "Use api itself" and "use api:8080" in finding.remedies[0].advice


def test_it_is_the_one_cause_when_a_published_port_is_behind_the_hosts_address():
    api = container("api", NET, publish=((80, 8080),))
    found = judge_edge(upwards(Outcome.NO_ROUTE, addresses(PARENT), others=(api,)), RULES, Verdict.BROKEN)
    assert [each.code for each in found] == ["ND113"]


@pytest.mark.parametrize(("name", "to"), [("outwards", "app"), ("upwards", "10.77.0.1")])
def test_a_real_macvlan_on_a_recorded_engine(name, to):
    """Recorded on Engine 20.10 and Linux 6.18: the engine stood in a network namespace with the parent in it."""
    path = Path(__file__).with_name(f"nd113_parent_and_child_{name}.json")
    recorded, answers = read_bundle(path)
    assert any(isinstance(question, Tcp) and seen.outcome in LOST for question, seen in answers)
    app = next(each for each in recorded.containers if each.name == "app")
    edge = Edge(HOST, app.ref, port=8080) if to == "app" else Edge(app.ref, Ref("external", to), name=to, port=8080)
    (finding,) = judge_edge(Case(recorded, edge, answers), RULES, Verdict.BROKEN)
    assert (finding.code, finding.confidence) == ("ND113", Confidence.CERTAIN)
