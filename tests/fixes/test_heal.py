"""What a container made anew lacks is done again, and is one fix still."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from netdoctor.errors import EngineRefused, FixFailed
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.heal import find_lacking, reapply
from netdoctor.fixes.journal import End
from netdoctor.fixes.plan import make_plan
from netdoctor.fixes.run import baseline, carry_out
from netdoctor.fixes.undo import plan_undo, undo
from netdoctor.model import Connect, Disconnect, Remedy

from .build import (
    APP,
    COOLIFY,
    EDGE,
    OWN,
    QDRANT,
    asked,
    container,
    desk,
    endpoint,
    finding,
    ident,
    incident,
    join,
    network,
)


def fixed(tmp_path, engine=None, *, report=None, choices=None, works=None):
    engine = engine or incident()
    report = report or asked(engine.now)
    (fix,) = make_plan(report, choices or Choices(disruptive=True)).fixes
    place = desk(engine, tmp_path / "state", lambda where, edges: asked(where, edges, works=works))
    with place.journal.locked():
        assert carry_out(fix, baseline(report, fix), place).kept
    return engine, place


def made_anew(engine, name="qdrant", number=1, **more):
    """As Compose does it: another id, the networks of its file."""
    old = next(each for each in engine.now.containers if each.name == name)
    engine.remove(name)
    engine.put(replace(QDRANT if name == "qdrant" else APP, id=ident(f"{name} {number}"), labels=old.labels, **more))
    return ident(f"{name} {number}")


def heal(place, engine):
    with place.journal.locked():
        return [reapply(each, place) for each in find_lacking(place.journal, engine.now)]


def test_nothing_is_lacking_where_nothing_was_made_anew(tmp_path):
    engine, place = fixed(tmp_path)
    assert find_lacking(place.journal, engine.now) == ()


def test_a_container_made_anew_is_connected_again_and_the_edge_names_it(tmp_path):
    engine, place = fixed(tmp_path)
    anew = made_anew(engine)
    assert engine.names("qdrant") == {"qdrant_default"}
    (done,) = heal(place, engine)
    assert engine.names("qdrant") == {"qdrant_default", "coolify"}
    assert [(each.source.id, each.target.id, each.port) for each in done.edges] == [(APP.id, anew, 6333)]
    assert find_lacking(place.journal, engine.now) == ()


def test_one_undo_takes_it_back_however_often_it_was_applied(tmp_path):
    engine, place = fixed(tmp_path)
    for number in range(5):
        made_anew(engine, number=number)
        assert len(heal(place, engine)) == 1
    (transaction,) = place.journal.transactions()
    assert transaction.end is End.KEPT
    assert len(transaction.standing) == 1
    with place.journal.locked():
        assert undo(plan_undo(place.journal, engine.now), place).complete
    assert engine.names("qdrant") == {"qdrant_default"}
    assert plan_undo(place.journal, engine.now) is None
    made_anew(engine, number=9)
    assert find_lacking(place.journal, engine.now) == ()


def test_what_somebody_took_back_by_hand_is_left_alone(tmp_path):
    engine, place = fixed(tmp_path)
    engine.disconnect(COOLIFY.id, QDRANT.id)
    assert find_lacking(place.journal, engine.now) == ()


def test_a_container_of_that_name_of_another_project_is_nobodys_successor(tmp_path):
    engine, place = fixed(tmp_path)
    engine.remove("qdrant")
    engine.put(container("qdrant", OWN, service="qdrant", project="else"))
    assert find_lacking(place.journal, engine.now) == ()


def test_only_the_containers_asked_for_are_looked_at(tmp_path):
    engine, place = fixed(tmp_path)
    anew = made_anew(engine)
    assert find_lacking(place.journal, engine.now, [APP.id]) == ()
    assert [each.container.id for each in find_lacking(place.journal, engine.now, [anew])] == [anew]


def test_a_name_taken_meanwhile_is_left_to_who_has_it(tmp_path):
    engine, place = fixed(tmp_path)
    made_anew(engine)
    engine.put(replace(container("thief"), endpoints=(endpoint(COOLIFY, "thief", "qdrant"),)))
    (lacking,) = find_lacking(place.journal, engine.now)
    assert lacking.dropped == ("qdrant",)
    heal(place, engine)
    assert engine.now.container(ident("qdrant 1")).endpoint_on(COOLIFY.id).aliases == ()


def test_a_network_made_anew_is_joined_by_its_name(tmp_path):
    engine, place = fixed(tmp_path)
    again = replace(COOLIFY, id=ident("coolify again"))
    bare = replace(engine.now.container(QDRANT.id), endpoints=QDRANT.endpoints)
    engine.now = replace(
        engine.now, networks=(OWN, again), containers=(replace(APP, endpoints=(endpoint(again, "app"),)), bare)
    )
    heal(place, engine)
    assert engine.now.container(QDRANT.id).endpoint_on(again.id) is not None


def test_a_network_that_is_gone_is_said_and_nothing_is_done(tmp_path):
    engine, place = fixed(tmp_path)
    made_anew(engine)
    engine.now = replace(engine.now, networks=(OWN,))
    (lacking,) = find_lacking(place.journal, engine.now)
    assert "coolify" in lacking.refused
    with pytest.raises(FixFailed, match="coolify"):
        heal(place, engine)
    engine.now = replace(engine.now, networks=(OWN, COOLIFY))
    heal(place, engine)
    assert engine.names("qdrant") == {"qdrant_default", "coolify"}


def test_a_network_that_the_fix_made_is_made_again(tmp_path):
    engine, place = fixed(tmp_path, choices=Choices(isolate=True))
    made = next(each for each in engine.now.networks if each.name.startswith("netdoctor-"))
    anew = made_anew(engine)
    engine.now = replace(
        engine.now,
        networks=(OWN, COOLIFY),
        containers=tuple(
            replace(each, endpoints=tuple(e for e in each.endpoints if e.network != made.id))
            for each in engine.now.containers
        ),
    )
    heal(place, engine)
    assert engine.names("qdrant") == {"qdrant_default", made.name}
    assert engine.names("app") == {"coolify", made.name}
    assert engine.now.container(anew).endpoint_on(made.id) is not None
    with place.journal.locked():
        assert undo(plan_undo(place.journal, engine.now), place).complete
    assert {each.name for each in engine.now.networks} == {"qdrant_default", "coolify"}


def test_a_lost_alias_is_given_again_and_what_the_new_container_has_is_kept(tmp_path):
    start = incident()
    again = (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name), join(QDRANT, OWN, "qdrant", "vectors"))
    told = finding(EDGE, start.now, remedies=(Remedy("Reconnect", again),))
    engine, place = fixed(tmp_path, start, report=replace(asked(start.now), findings=(told,)), works=True)
    anew = made_anew(engine, endpoints=(endpoint(OWN, "qdrant", "other"),))
    heal(place, engine)
    assert set(engine.now.container(anew).endpoint_on(OWN.id).aliases) == {"qdrant", "vectors", "other"}


def test_a_step_that_fails_is_taken_back_and_tried_again_later(tmp_path):
    engine, place = fixed(tmp_path)
    anew = made_anew(engine)

    def refuse(call):
        raise EngineRefused("no more addresses")

    engine.before = refuse
    with pytest.raises(EngineRefused, match="no more addresses"):
        heal(place, engine)
    engine.before = lambda call: None
    assert engine.names("qdrant") == {"qdrant_default"}
    assert [each.container.id for each in find_lacking(place.journal, engine.now)] == [anew]
    heal(place, engine)
    assert engine.names("qdrant") == {"qdrant_default", "coolify"}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(8))
def test_killed_at_any_step_the_next_run_completes_it_and_one_undo_takes_it_back(tmp_path, monkeypatch, moment):
    engine, place = fixed(tmp_path)
    made_anew(engine)
    left = [moment]

    def tick(*_):
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    append = place.journal.store.append

    def killing(record):
        tick()
        append(record)
        tick()

    with monkeypatch.context() as patch:
        patch.setattr(place.journal.store, "append", killing)
        # A dead process takes nothing back.
        patch.setattr("netdoctor.fixes.heal._taken_back", lambda *_: ())
        engine.before = engine.after = tick
        with suppress(Killed):
            heal(place, engine)
        engine.before = engine.after = lambda call: None
    heal(place, engine)
    assert engine.names("qdrant") == {"qdrant_default", "coolify"}
    assert find_lacking(place.journal, engine.now) == ()
    with place.journal.locked():
        assert undo(plan_undo(place.journal, engine.now), place).complete
    assert engine.names("qdrant") == {"qdrant_default"}
    assert place.journal.in_effect() == ()


def test_a_fix_taken_back_meanwhile_is_not_applied_again(tmp_path):
    engine, place = fixed(tmp_path)
    made_anew(engine)
    (lacking,) = find_lacking(place.journal, engine.now)
    with place.journal.locked():
        place.journal.end(lacking.transaction.id, End.UNDONE)
        with pytest.raises(FixFailed, match="taken back meanwhile"):
            reapply(lacking, place)
    assert engine.names("qdrant") == {"qdrant_default"}


def test_a_container_run_by_hand_again_under_its_name_takes_the_place_of_the_old_one(tmp_path):
    """``docker run --name app`` again; the app had joined the network of the other."""
    engine, place = fixed(tmp_path, choices=Choices(network="qdrant_default"))
    assert engine.names("app") == {"coolify", "qdrant_default"}
    made_anew(engine, "app")
    heal(place, engine)
    assert engine.names("app") == {"coolify", "qdrant_default"}
    assert isinstance(place.journal.transactions()[0].standing[0][1].operation, Connect)
    assert network("coolify").id == COOLIFY.id
