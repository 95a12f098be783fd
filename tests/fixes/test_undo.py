"""Undo restores what it can, says what it cannot, and refuses when somebody has moved things."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.compose_edit import plan_join
from netdoctor.errors import FixFailed
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.journal import End
from netdoctor.fixes.plan import make_plan
from netdoctor.fixes.run import baseline, carry_out
from netdoctor.fixes.undo import forget, plan_undo, undo
from netdoctor.model import Connect, Disconnect, Remedy

from .build import (
    APP,
    COOLIFY,
    EDGE,
    OWN,
    QDRANT,
    FakeEngine,
    asked,
    desk,
    endpoint,
    finding,
    ident,
    incident,
    topology,
)

COMPOSE = b"services:\n  qdrant:\n    image: x\n"


def fixed(tmp_path, engine=None, *, inside=None, report=None, choices=None):
    engine = engine or incident()
    report = report or asked(engine.now)
    (fix,) = make_plan(report, choices or Choices(disruptive=True)).fixes
    place = desk(engine, tmp_path / "state", read_inside=inside)
    with place.journal.locked():
        assert carry_out(fix, baseline(report, fix), place).kept
    return engine, place


def taken_back(place, engine):
    with place.journal.locked():
        plan = plan_undo(place.journal, engine.now)
        assert plan is not None
        return undo(plan, place)


def test_green_undo_red(tmp_path):
    engine, place = fixed(tmp_path)
    done = taken_back(place, engine)
    assert done.complete
    assert engine.names("qdrant") == {"qdrant_default"}
    assert place.journal.transactions()[0].end is End.UNDONE
    assert plan_undo(place.journal, engine.now) is None


def test_a_network_that_the_fix_made_is_removed_again(tmp_path):
    engine, place = fixed(tmp_path, choices=Choices(isolate=True))
    assert len(engine.now.networks) == 3
    assert taken_back(place, engine).complete
    assert len(engine.now.networks) == 2


def test_aliases_and_a_fixed_address_come_back(tmp_path):
    """A fix that disconnected something gives it back as the user had it."""
    start = incident()
    qdrant = replace(
        QDRANT, endpoints=(endpoint(OWN, "qdrant", "vectors", user_ipv4="10.0.0.77", user_ipv6="fd00::77"),)
    )
    start.now = topology(COOLIFY, OWN, APP, qdrant)
    swap = (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name), Connect(QDRANT.id, "qdrant", COOLIFY.id, "coolify"))
    report = asked(start.now)
    told = finding(EDGE, start.now, remedies=(Remedy("move it", swap),))
    engine, place = fixed(tmp_path, start, report=replace(report, findings=(told,)))
    assert engine.names("qdrant") == {"coolify"}
    assert taken_back(place, engine).complete
    (back,) = engine.now.container(QDRANT.id).endpoints
    assert (back.network_name, back.aliases) == ("qdrant_default", ("vectors",))
    assert (back.user_ipv4, back.user_ipv6) == ("10.0.0.77", "fd00::77")


@pytest.mark.parametrize("anew", [False, True])
def test_a_reconnect_is_taken_back_to_the_old_aliases_never_to_no_network(tmp_path, anew):
    from .build import join

    start = incident()
    again = (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name), join(QDRANT, OWN, "qdrant", "vectors"))
    told = finding(EDGE, start.now, remedies=(Remedy("Reconnect", again),))
    report = replace(asked(start.now), findings=(told,))
    (fix,) = make_plan(report, Choices(disruptive=True)).fixes
    place = desk(start, tmp_path / "state", lambda where, edges: asked(where, edges, works=True))
    with place.journal.locked():
        assert carry_out(fix, baseline(report, fix), place).kept
    if anew:
        found = start.now.container(QDRANT.id)
        start.now = replace(start.now, containers=(APP, replace(found, id=ident("anew"))))
    done = taken_back(place, start)
    assert done.complete, done
    (back,) = next(each for each in start.now.containers if each.name == "qdrant").endpoints
    assert (back.network, back.aliases) == (OWN.id, ("qdrant",))


@pytest.mark.parametrize("move", ["another network", "ours is gone", "aliases"])
def test_when_somebody_has_moved_things_nothing_is_touched_and_what_moved_is_said(tmp_path, move):
    engine, place = fixed(tmp_path)
    found = engine.now.container(QDRANT.id)
    changed = {
        "another network": replace(found, endpoints=(*found.endpoints, endpoint(replace(OWN, id="x", name="x"), "q"))),
        "ours is gone": replace(found, endpoints=found.endpoints[:1]),
        "aliases": replace(found, endpoints=(found.endpoints[0], endpoint(COOLIFY, "qdrant", "other"))),
    }[move]
    engine.now = replace(engine.now, containers=(APP, changed))
    before = engine.now
    with pytest.raises(FixFailed, match=r"state has moved.*qdrant.*Nothing was changed") as caught:
        taken_back(place, engine)
    assert engine.now is before
    assert "--forget" in caught.value.hint


def test_addresses_and_macs_of_a_restart_are_no_move(tmp_path):
    engine, place = fixed(tmp_path)
    found = engine.now.container(QDRANT.id)
    new = tuple(replace(e, ipv4="10.7.7.7", mac="02:42", endpoint_id="new") for e in found.endpoints)
    engine.now = replace(engine.now, containers=(APP, replace(found, endpoints=new)))
    assert taken_back(place, engine).complete


def test_a_container_that_compose_made_anew_is_disconnected_in_its_place(tmp_path):
    engine, place = fixed(tmp_path)
    found = engine.now.container(QDRANT.id)
    engine.now = replace(engine.now, containers=(APP, replace(found, id=ident("anew"))))
    assert taken_back(place, engine).complete
    assert engine.names("qdrant") == {"qdrant_default"}


def test_a_fix_whose_container_is_gone_is_passed_over(tmp_path):
    engine, place = fixed(tmp_path)
    engine.remove("qdrant")
    assert plan_undo(place.journal, engine.now) is None


def test_forgetting_changes_nothing_but_the_list(tmp_path):
    engine, place = fixed(tmp_path)
    calls = len(engine.calls)
    with place.journal.locked():
        forget(plan_undo(place.journal, engine.now), place.journal)
    assert len(engine.calls) == calls
    assert plan_undo(place.journal, engine.now) is None


def test_what_only_a_restart_restores_is_reported(tmp_path):
    """Measured: the default bridge's resolv.conf keeps Docker's nameserver after the way back."""
    text = {"/etc/resolv.conf": [b"nameserver 10.0.0.1\n", b"nameserver 127.0.0.11\n"], "/etc/hosts": [b"x", b"x"]}

    def inside(container, path):
        return text[path].pop(0) if text[path] else b""

    engine, place = fixed(tmp_path, inside=inside)
    done = taken_back(place, engine)
    assert done.complete
    assert done.lasting == (
        "/etc/resolv.conf in qdrant differs from before; only a restart restores that: docker restart qdrant",
    )


# --- the compose file -------------------------------------------------------------------------------------------


def with_file(tmp_path):
    from netdoctor.fixes.files import read_file
    from netdoctor.fixes.persist import Patch, Permanent, write_patches
    from netdoctor.model import Membership

    file = tmp_path / "compose.yml"
    file.write_bytes(COMPOSE)
    engine, place = fixed(tmp_path)
    edit = plan_join(COMPOSE, "qdrant", "coolify")
    patch = Patch("qdrant", Membership(QDRANT.id, "coolify"), read_file(file), edit)
    with place.journal.locked():
        written, failed = write_patches(Permanent((patch,)), place.journal, place.journal.transactions()[0].id)
    assert (len(written), failed) == (1, ())
    assert file.read_bytes() == edit.result
    return engine, place, file


def test_the_file_is_byte_for_byte_what_it_was(tmp_path):
    engine, place, file = with_file(tmp_path)
    done = taken_back(place, engine)
    assert done.restored_files == (str(file),)
    assert file.read_bytes() == COMPOSE


def test_a_file_that_was_changed_since_is_left_alone_and_the_way_back_is_printed(tmp_path):
    engine, place, file = with_file(tmp_path)
    theirs = file.read_bytes() + b"# mine\n"
    file.write_bytes(theirs)
    done = taken_back(place, engine)
    assert not done.complete
    assert file.read_bytes() == theirs
    assert "-      - coolify" in done.by_hand[0]
    assert engine.names("qdrant") == {"qdrant_default"}, "the live part is taken back all the same"


def test_what_is_refused_says_that_the_file_still_has_its_lines(tmp_path):
    engine, place, file = with_file(tmp_path)
    found = engine.now.container(QDRANT.id)
    alone = replace(found, endpoints=found.endpoints[:1])
    engine.now = replace(engine.now, containers=(APP, alone))
    with pytest.raises(FixFailed, match=r"state has moved") as caught:
        taken_back(place, engine)
    assert f"take the added lines out of {file}" in caught.value.hint


def test_a_file_that_somebody_put_back_already_is_fine(tmp_path):
    engine, place, file = with_file(tmp_path)
    file.write_bytes(COMPOSE)
    assert taken_back(place, engine).complete


def test_the_last_fix_first_then_the_one_before(tmp_path):
    from .build import container, network

    other = network("other")
    web = container("web", other)
    start = FakeEngine(topology(COOLIFY, OWN, other, APP, QDRANT, web))
    engine, place = fixed(tmp_path, start)
    edge = replace(EDGE, source=web.ref)
    report = asked(engine.now, [edge])
    (fix,) = make_plan(report).fixes
    with place.journal.locked():
        assert carry_out(fix, baseline(report, fix), place).kept
    assert taken_back(place, engine).complete
    assert engine.names("web") == {"other"}
    assert "coolify" in engine.names("qdrant")
    assert taken_back(place, engine).complete
    assert engine.names("qdrant") == {"qdrant_default"}
