"""ND702: an address that two claim, and no address left; a dead address of the own subnet is somebody else's case."""

from __future__ import annotations

from netdoctor.model import HOST, Answers, Case, Edge, Fact, Network, Observation, Outcome, Ref, Severity
from netdoctor.probes.host_routes import HostRoute, HostRoutes, HostRoutesEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd702_subnet_overlap import POOLS, RULE

from .build import container, network, story, topology

NET = network("shop", subnets=("10.231.0.0/16",))
ADDRESS = "10.231.7.50"


def told(*routes: HostRoute, outcome: Outcome = Outcome.NO_ROUTE, more=()):
    app = container("app", NET, address="10.231.0.2")
    edge = Edge(app.ref, Ref("external", ADDRESS), name=ADDRESS, port=80)
    seen = {
        Tcp(app.ref, ADDRESS, 80): Observation(outcome, TcpEvidence(ADDRESS, 80)),
        HostRoutes(HOST): Observation(Outcome.CONNECTED, HostRoutesEvidence(routes)),
    }
    return Case(topology(NET, app, *more), edge, Answers(seen))


BRIDGE, VPN = HostRoute("10.231.0.0/16", f"br-{NET.id[:12]}"), HostRoute("10.231.7.0/24", "wg0")


def test_what_the_machine_would_route_elsewhere_is_swallowed_by_the_containers_own_subnet():
    (finding,) = RULE.judge(told(BRIDGE, VPN))
    assert "wg0" in finding.cause and "10.231.0.0/16" in finding.cause
    assert HostRoutes(HOST) in set(RULE.wants(told(BRIDGE, VPN)))


def test_a_dead_address_that_only_the_own_bridge_claims_is_not():
    assert list(RULE.judge(told(BRIDGE))) == []
    assert list(RULE.judge(told(BRIDGE, HostRoute("192.0.2.0/24", "eth0")))) == []


def test_a_bridge_that_podman_numbered_is_the_networks_own_by_its_subnet():
    own = HostRoute("10.231.0.0/16", "podman7")
    assert list(RULE.judge(told(own))) == []
    (finding,) = RULE.judge(told(own, VPN))
    assert "10.231.7.0/24 by wg0" in finding.cause


def test_what_answers_or_refuses_is_reached():
    for outcome in (Outcome.CONNECTED, Outcome.REFUSED):
        assert list(RULE.judge(told(BRIDGE, VPN, outcome=outcome))) == []
        assert list(RULE.wants(told(BRIDGE, VPN, outcome=outcome))) == []


def test_a_container_on_another_network_with_an_address_of_the_callers_subnet():
    overlay = network("far", driver="overlay", subnets=("10.231.7.0/24",))
    other = container("erp", overlay, address=ADDRESS)
    (finding,) = RULE.judge(told(BRIDGE, more=(overlay, other)))
    assert "erp" in finding.cause


def test_a_member_of_the_own_network_that_does_not_answer_has_another_cause():
    assert list(RULE.judge(told(BRIDGE, VPN, more=(container("peer", NET, address=ADDRESS),)))) == []


def many(subnets):
    networks = [network(f"n{number}", subnets=(subnet,)) for number, subnet in enumerate(subnets)]
    app, db = container("app", networks[0]), container("db", networks[1])
    found = story(topology(*networks, app, db), app, db, name="db", port=80)
    return found.dns(Outcome.RESOLVER_FAILED).tcp(Outcome.TIMED_OUT)


def test_when_every_pool_is_taken_no_network_can_be_made():
    (finding,) = many(POOLS).judged(RULE)
    assert finding.severity is Severity.WARNING
    assert many(POOLS[:-1]).judged(RULE) == ()


def test_files_that_give_one_range_to_two_networks():
    def made(name, *subnets, project="shop", **fields):
        return Network(name, name, subnets=subnets, labels={"com.docker.compose.project": project}, **fields)

    def judged(*networks):
        seen = topology(*networks, knows=frozenset({Fact.DECLARED}), source="compose")
        return list(RULE.judge(Case(seen, None, Answers())))

    front = made("front", "10.1.0.0/16")
    (finding,) = judged(front, made("back", "10.1.2.0/24"))
    assert finding.about[0].id == "back"
    assert judged(front, made("back", "10.2.0.0/16")) == []
    assert judged(front, made("six", "fd00::/64"), made("none"), made("bad", "x")) == []
