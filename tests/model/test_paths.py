"""What inspect alone predicts: who carries a name, and which addresses a dial would take."""

from __future__ import annotations

from dataclasses import replace

from rules.build import BRIDGE, container, network, topology

from netdoctor.model import HOST, Edge, Ref, State, carriers, network_of_address, predicted_addresses

ONE, TWO = network("one"), network("two")
A = container("a1", ONE, TWO)
B = container("b1", TWO, service="db", address="10.0.0.2")
TWICE = container("twice1", ONE, TWO, service="both")
FAR = container("far1", network("far"), address="10.9.0.2")
HOST_NET = replace(network("host"), driver="host")
METAL = container("metal1", network_mode="host")
SEEN = topology(ONE, TWO, A, B, TWICE, FAR, METAL)


def who(caller, name, where=SEEN):
    return [(member.name, endpoint.network_name) for member, endpoint in carriers(where, caller, name)]


def test_a_name_is_carried_on_the_callers_networks_only():
    assert who(A, "db") == [("b1", "two")]
    assert who(A, "DB.") == [("b1", "two")]
    assert who(A, "far1") == []
    assert who(FAR, "db") == []


def test_a_name_with_its_network_is_pinned_to_it():
    assert who(A, "both") == [("twice1", "one"), ("twice1", "two")]
    assert who(A, "both.two") == [("twice1", "two")]
    assert who(A, "both.three") == []


def test_a_stopped_container_has_no_record():
    stopped = replace(B, state=State("exited"))
    assert who(A, "db", topology(ONE, TWO, A, stopped)) == []


def test_the_default_bridge_carries_no_names():
    x, y = container("x1", BRIDGE), container("y1", BRIDGE)
    assert who(x, "y1", topology(BRIDGE, x, y)) == []


def test_a_borrower_asks_with_its_owners_networks():
    side = container("side1", network_mode=f"container:{A.id}")
    assert who(side, "db", topology(ONE, TWO, A, B, side)) == [("b1", "two")]


def test_addresses_on_shared_networks_come_alone():
    assert predicted_addresses(SEEN, Edge(A.ref, B.ref)) == ("10.0.0.2",)
    assert set(predicted_addresses(SEEN, Edge(A.ref, TWICE.ref))) == {e.ipv4 for e in TWICE.endpoints}
    assert predicted_addresses(SEEN, Edge(B.ref, TWICE.ref)) == (TWICE.endpoints[1].ipv4,)


def test_without_a_shared_network_every_address_is_tried():
    assert predicted_addresses(SEEN, Edge(A.ref, FAR.ref)) == ("10.9.0.2",)
    assert predicted_addresses(SEEN, Edge(HOST, B.ref)) == ("10.0.0.2",)


def test_one_namespace_is_loopback():
    side = container("side1", network_mode=f"container:{A.id}")
    other = container("metal2", network_mode="host")
    where = topology(ONE, TWO, A, side, METAL, other)
    for edge in (Edge(A.ref, side.ref), Edge(side.ref, A.ref), Edge(METAL.ref, other.ref), Edge(HOST, METAL.ref)):
        assert predicted_addresses(where, edge) == ("127.0.0.1",)
    assert predicted_addresses(where, Edge(A.ref, METAL.ref)) == ()


def test_an_end_outside_docker_has_none():
    assert predicted_addresses(SEEN, Edge(A.ref, Ref("external", "x"))) == ()


def test_an_address_leads_back_to_its_network():
    assert network_of_address(SEEN, B, "10.0.0.2") == TWO
    assert network_of_address(SEEN, B, "10.0.0.3") is None


def test_from_the_host_a_bridge_is_taken_where_there_is_one():
    """The host has no leg in a macvlan or an overlay: an address there proves nothing against the one on a bridge."""
    lan = network("lan", driver="macvlan")
    both, only = container("both2", lan, ONE), container("only2", lan)
    where = topology(lan, ONE, both, only, METAL)
    for caller in (HOST, METAL.ref):
        assert predicted_addresses(where, Edge(caller, both.ref)) == (both.endpoints[1].ipv4,)
        assert predicted_addresses(where, Edge(caller, only.ref)) == (only.endpoints[0].ipv4,)
