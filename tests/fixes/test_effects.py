"""Side effects are foreseen from inspect: routes, names, access, resolv.conf."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.fixes.effects import default_route_moves, listed, warnings_of
from netdoctor.model import CreateNetwork

from .build import APP, COOLIFY, OWN, QDRANT, container, endpoint, join, network, topology


def said(*things, operations=None):
    return "\n".join(warnings_of(operations or [join()], topology(*things)))


def test_a_network_that_sorts_first_takes_the_default_route():
    assert default_route_moves(QDRANT, COOLIFY, topology(COOLIFY, OWN, QDRANT)) == "qdrant_default"
    assert "default route of qdrant moves from qdrant_default to coolify" in said(COOLIFY, OWN, APP, QDRANT)


def test_one_that_sorts_later_or_is_internal_does_not():
    where = topology(COOLIFY, OWN, QDRANT)
    assert default_route_moves(APP, OWN, where) is None
    assert default_route_moves(QDRANT, replace(COOLIFY, internal=True), where) is None


def test_names_are_compared_byte_by_byte_as_the_engine_does():
    upper, lower = network("Zoo"), network("ant")
    inside = container("x", lower)
    assert default_route_moves(inside, upper, topology(upper, lower, inside)) == "ant"


def test_leaving_an_isolated_world_is_said():
    inner = network("inner", internal=True)
    closed = container("vault", inner)
    text = said(COOLIFY, inner, APP, closed, operations=[join(closed)])
    assert "internal networks only; through coolify it can reach the outside" in text


def test_a_name_in_use_is_left_to_its_owner_and_named():
    owner = replace(container("other"), endpoints=(endpoint(COOLIFY, "other", "qdrant"),))
    text = said(COOLIFY, OWN, APP, owner, replace(QDRANT, name="qd"), operations=[replace(join(), aliases=("qd",))])
    assert "The name qdrant is in use on coolify by other" in text


def test_a_name_that_would_mean_two_things_is_named():
    """The joiner's own neighbour is called db; on the new network somebody else is."""
    mine = replace(container("mine"), endpoints=(endpoint(OWN, "mine", "db"),))
    theirs = replace(container("theirs"), endpoints=(endpoint(COOLIFY, "theirs", "db"),))
    text = said(COOLIFY, OWN, QDRANT, mine, theirs)
    assert "For qdrant the name db means mine now; on coolify it is also theirs" in text


def test_who_gains_access_is_listed():
    many = [container(f"app{n}", COOLIFY) for n in range(7)]
    assert "can reach each other: app0, app1, app2, app3 and 3 more" in said(COOLIFY, OWN, QDRANT, *many)


def test_a_service_without_credentials_on_a_network_of_many_is_said():
    open_one = replace(QDRANT, image="qdrant/qdrant:v1.16.1", environment=())
    closed = replace(open_one, environment=(("QDRANT__SERVICE__API_KEY", "k"),))
    others = [container("one", COOLIFY), container("two", COOLIFY)]
    assert "asks for no credentials" in said(COOLIFY, OWN, open_one, *others)
    assert "asks for no credentials" not in said(COOLIFY, OWN, closed, *others)


def test_the_default_bridge_s_resolv_conf_changes():
    bridge = network("bridge", default_bridge=True)
    old = container("old", bridge)
    assert "resolv.conf changes" in said(COOLIFY, bridge, APP, old, operations=[join(old)])
    assert "docker restart old" in said(COOLIFY, bridge, APP, old, operations=[join(old)])


def test_on_a_network_of_their_own_only_the_two_see_each_other():
    made = CreateNetwork("own", internal=True)
    both = [
        made,
        replace(join(APP), network="own", network_name="own"),
        replace(join(), network="own", network_name="own"),
    ]
    text = said(COOLIFY, OWN, APP, QDRANT, operations=both)
    assert text.count("On own, app and qdrant can reach each other, and nobody else is there.") == 1
    assert "default route" not in text


def test_one_alone_on_a_network_of_its_own_meets_the_host_there():
    alone = [CreateNetwork("own", internal=True), replace(join(APP), network="own", network_name="own")]
    text = said(COOLIFY, OWN, APP, operations=alone)
    assert "On own, app and the host can reach each other, and nobody else is there." in text


def test_long_lists_are_cut():
    assert listed(["b", "a"]) == "a, b"
    assert listed(list("fedcba")) == "a, b, c, d and 2 more"
