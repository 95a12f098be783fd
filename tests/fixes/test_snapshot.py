"""What counts as moved: networks, aliases, fixed addresses. Never what a restart changes by itself."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.fixes.snapshot import Snapshot, moved, snapshot_of, successor

from .build import COOLIFY, OWN, QDRANT, container, endpoint, ident, topology


def test_it_survives_json():
    assert Snapshot.from_json(snapshot_of(QDRANT).to_json()) == snapshot_of(QDRANT)


def test_a_restart_moves_nothing():
    """EndpointID, dynamic address and MAC are new after each restart."""
    now = replace(
        QDRANT, endpoints=tuple(replace(e, ipv4="10.9.9.9", mac="02:42", endpoint_id="new") for e in QDRANT.endpoints)
    )
    assert moved(snapshot_of(QDRANT), now) == ()


def test_a_lost_network_a_new_one_other_aliases_and_another_fixed_address_are_named():
    lost = replace(QDRANT, endpoints=())
    more = replace(QDRANT, endpoints=(*QDRANT.endpoints, endpoint(COOLIFY, "qdrant")))
    renamed = replace(QDRANT, endpoints=(endpoint(OWN, "qdrant", "db"),))
    fixed = replace(QDRANT, endpoints=(endpoint(OWN, "qdrant", "qdrant", user_ipv4="10.0.0.9"),))
    was = snapshot_of(QDRANT)
    assert moved(was, lost) == ("qdrant is no longer on network qdrant_default",)
    assert moved(was, more) == ("qdrant is now also on network coolify",)
    assert "aliases of qdrant on qdrant_default are db, not qdrant" in moved(was, renamed)[0]
    assert "fixed address of qdrant on qdrant_default is 10.0.0.9, not none" in moved(was, fixed)[0]


def anew(**more):
    return replace(QDRANT, id=ident("another"), **more)


def test_what_compose_made_anew_in_its_place_is_its_successor():
    was = snapshot_of(QDRANT)
    assert successor(topology(anew()), was) == anew()
    assert successor(topology(anew(name="qdrant2")), was) is None
    assert successor(topology(anew(labels={})), was) is None


def test_of_a_successor_only_the_names_of_its_networks_count():
    new_ids = tuple(replace(e, network="new-id", aliases=("x",)) for e in QDRANT.endpoints)
    assert moved(snapshot_of(QDRANT), anew(endpoints=new_ids)) == ()
    assert moved(snapshot_of(QDRANT), anew(endpoints=())) == ("qdrant is no longer on network qdrant_default",)


def test_a_container_by_hand_is_succeeded_by_one_by_hand_of_its_name_only():
    by_hand = container("redis", OWN)
    again = replace(by_hand, id=ident("other"))
    assert successor(topology(again), snapshot_of(by_hand)) == again
    composed = replace(container("redis", OWN, service="redis", project="shop"), id=ident("other"))
    assert successor(topology(composed), snapshot_of(by_hand)) is None
    assert successor(topology(replace(again, name="valkey")), snapshot_of(by_hand)) is None
