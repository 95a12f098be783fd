"""Containers, networks and endpoints as data: who shares what with whom."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from rules.build import container, network, topology

from netdoctor.model import HOST, Network, Ref, State

ONE, TWO, THREE = network("one"), network("two"), network("three")
A = container("a1", ONE, TWO, environment=(("X", "1"), ("X", "2")))
B = container("b1", TWO, ONE)
C = container("c1", THREE)
SIDE = container("side1", network_mode=f"container:{A.id}")
INNER = container("inner1", network_mode="container:side1")
LOST = container("lost1", network_mode="container:gone")
SEEN = topology(ONE, TWO, THREE, A, B, C, SIDE, INNER, LOST)


def test_things_are_found_by_ref_and_by_id():
    assert SEEN.container(A.ref) is A is SEEN.container(A.id)
    assert SEEN.container(A.ref.at("environment", "X")) is A
    assert SEEN.network(ONE.ref) is ONE is SEEN.network(ONE.id)
    assert SEEN.container("none") is None and SEEN.network("none") is None


def test_shared_networks_come_in_the_callers_order():
    assert SEEN.shared_networks(A, B) == (ONE, TWO)
    assert SEEN.shared_networks(B, A) == (TWO, ONE)
    assert SEEN.shared_networks(A, C) == ()


def test_host_and_none_are_no_shared_networks():
    host = Network("h", "host", driver="host")
    x, y = container("x1", host, network_mode="host"), container("y1", host, network_mode="host")
    assert topology(host, x, y).shared_networks(x, y) == ()


def test_a_borrowed_namespace_is_its_owners_however_many_hands_it_passed():
    assert SEEN.network_owner(SIDE) is A
    assert SEEN.network_owner(INNER) is A
    assert SEEN.endpoints_of(INNER) == A.endpoints
    assert SEEN.shared_networks(INNER, B) == (ONE, TWO)
    assert SEEN.network_owner(LOST) is None
    assert SEEN.endpoints_of(LOST) == ()


def test_a_circle_of_borrowers_has_no_owner():
    x, y = container("x1", network_mode="container:y1"), container("y1", network_mode="container:x1")
    assert topology(x, y).network_owner(x) is None


def test_members_are_those_with_an_endpoint_of_their_own():
    assert SEEN.members(ONE.id) == (A, B)


@pytest.mark.parametrize(
    ("state", "running"),
    [
        (None, False),
        (State("running", running=True), True),
        (State("paused", running=True, paused=True), False),
        (State("restarting", running=True, restarting=True), False),
        (State("exited"), False),
    ],
)
def test_running_means_neither_paused_nor_between_restarts(state, running):
    assert replace(A, state=state).running is running


def test_the_first_of_two_equal_variables_counts_and_an_unknown_environment_has_none():
    assert A.env("X") == "1"
    assert A.env("Y") is None
    assert replace(A, environment=None).env("X") is None


def test_nouns_are_frozen():
    for thing in (A, ONE, SEEN, HOST, A.endpoints[0]):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            thing.id = "other"


def test_a_ref_names_a_thing_or_a_place_in_it():
    place = Ref("container", "x").at("environment", "URL")
    assert place.path == ("environment", "URL")
    assert place.whole == Ref("container", "x") != place
    assert len({place, Ref("container", "x", ("environment", "URL"))}) == 1
