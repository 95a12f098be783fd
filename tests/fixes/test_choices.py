"""--network, --move and --isolate do what they say, or say why not."""

from __future__ import annotations

import pytest

from netdoctor.errors import FixFailed, NotFound, UsageError
from netdoctor.fixes.choices import Choices, Side, shape
from netdoctor.model import Connect, CreateNetwork, Edge

from .build import APP, COOLIFY, EDGE, OWN, QDRANT, container, network, topology

BACK = network("backend")
WHERE = topology(COOLIFY, OWN, BACK, APP, QDRANT)


def joined(remedy):
    return [(op.container_name, op.network_name) for op in remedy.operations if isinstance(op, Connect)]


def test_move_source_and_move_target_are_the_two_ways():
    assert joined(shape(WHERE, EDGE, Choices(move=Side.SOURCE))) == [("app", "qdrant_default")]
    assert joined(shape(WHERE, EDGE, Choices(move=Side.TARGET))) == [("qdrant", "coolify")]


def test_a_named_network_is_joined_by_whoever_is_not_on_it():
    assert joined(shape(WHERE, EDGE, Choices(network="coolify"))) == [("qdrant", "coolify")]
    assert joined(shape(WHERE, EDGE, Choices(network="backend"))) == [("app", "backend"), ("qdrant", "backend")]


def test_a_network_may_be_named_by_its_id():
    assert joined(shape(WHERE, EDGE, Choices(network=COOLIFY.id[:12]))) == [("qdrant", "coolify")]


def test_isolate_makes_a_network_of_two_that_takes_nobody_s_default_route():
    remedy = shape(WHERE, EDGE, Choices(isolate=True))
    made = remedy.operations[0]
    assert isinstance(made, CreateNetwork)
    assert made.internal
    assert joined(remedy) == [("app", made.name), ("qdrant", made.name)]


def test_a_name_that_two_networks_have_needs_an_id():
    twin = network("twin")
    other = network("other")
    from dataclasses import replace

    where = topology(COOLIFY, OWN, twin, replace(other, name="twin"), APP, QDRANT)
    with pytest.raises(UsageError, match="names 2 networks"):
        shape(where, EDGE, Choices(network="twin"))


def test_an_unknown_network_lists_the_candidates():
    with pytest.raises(NotFound) as caught:
        shape(WHERE, EDGE, Choices(network="nope"))
    assert caught.value.candidates == ("backend", "coolify", "qdrant_default")


@pytest.mark.parametrize(
    ("net", "why"),
    [
        (network("bridge", default_bridge=True), "no names"),
        (network("quiet", icc=False), "may not talk"),
        (network("swarmy", driver="overlay", attachable=False), "cannot join"),
    ],
)
def test_a_network_that_would_not_help_is_refused(net, why):
    with pytest.raises(UsageError, match=why):
        shape(topology(COOLIFY, OWN, net, APP, QDRANT), EDGE, Choices(network=net.name))


def test_moving_one_to_a_network_where_the_other_is_not_is_refused():
    with pytest.raises(UsageError, match="does not help"):
        shape(WHERE, EDGE, Choices(network="backend", move=Side.SOURCE))


def test_both_on_it_already_is_refused():
    both = container("both", COOLIFY)
    with pytest.raises(UsageError, match="already"):
        shape(topology(COOLIFY, APP, both), Edge(APP.ref, both.ref), Choices(network="coolify"))


def test_a_container_in_host_mode_cannot_be_moved_and_the_reason_is_given():
    hosted = container("hosted", network_mode="host")
    where = topology(COOLIFY, APP, hosted)
    with pytest.raises(FixFailed, match="uses the host's network"):
        shape(where, Edge(APP.ref, hosted.ref), Choices(move=Side.TARGET))


def test_of_a_borrowed_namespace_the_owner_is_connected():
    guest = container("guest", network_mode=f"container:{QDRANT.id}")
    where = topology(COOLIFY, OWN, APP, QDRANT, guest)
    assert joined(shape(where, Edge(APP.ref, guest.ref), Choices(network="coolify"))) == [("qdrant", "coolify")]


@pytest.mark.parametrize("also", [{"network": "x"}, {"move": Side.SOURCE}])
def test_isolate_excludes_the_others(also):
    with pytest.raises(UsageError, match="exclude each other"):
        Choices(isolate=True, **also)
