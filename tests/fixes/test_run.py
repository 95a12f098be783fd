"""The loop under every fault: kept only when confirmed, else as it was before, and the journal always knows."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from netdoctor.errors import EngineRefused, EngineUnreachable, FixFailed, Gone
from netdoctor.fixes import store as store_module
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.journal import End, StepState
from netdoctor.fixes.plan import make_plan
from netdoctor.fixes.run import baseline, carry_out, finish, interrupted_error
from netdoctor.model import Edge, Verdict

from .build import APP, COOLIFY, EDGE, QDRANT, asked, container, desk, endpoint, incident


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours may run after it."""


def still_red(where, edges):
    """From inside nothing has changed."""
    return asked(incident().now, edges)


def planned(engine, choices=None):
    report = asked(engine.now)
    (fix,) = make_plan(report, choices or Choices()).fixes
    return fix, baseline(report, fix)


def run(engine, tmp_path, *, choices=None, recheck=asked, **more):
    fix, before = planned(engine, choices)
    place = desk(engine, tmp_path, recheck, **more)
    with place.journal.locked():
        return carry_out(fix, before, place), place.journal


def test_red_fix_green_and_the_journal_has_it(tmp_path):
    engine = incident()
    outcome, journal = run(engine, tmp_path)
    assert outcome.kept
    assert outcome.judgement.fixed == ("ND101",)
    assert engine.names("qdrant") == {"qdrant_default", "coolify"}
    (written,) = journal.transactions()
    assert written.end is End.KEPT
    assert {a.name for a in written.after[0].attachments} == {"qdrant_default", "coolify"}


def test_not_confirmed_it_is_rolled_back_after_a_second_look(tmp_path):
    engine = incident()
    looks = []

    def counted(where, edges):
        looks.append(1)
        return still_red(where, edges)

    outcome, journal = run(engine, tmp_path, recheck=counted)
    assert not outcome.kept
    assert outcome.problems == ()
    assert len(looks) == 2
    assert engine.names("qdrant") == {"qdrant_default"}
    assert journal.transactions()[0].end is End.ROLLED_BACK


def test_an_answer_that_comes_late_is_waited_for(tmp_path):
    answers = iter([False, True])

    def late(where, edges):
        return asked(where, edges, works=next(answers))

    def unhelpful(where, edges):
        from dataclasses import replace

        report = late(where, edges)
        if report.verdict is Verdict.HOLDS:
            return report
        return replace(report, edges=tuple(replace(e, verdict=Verdict.UNKNOWN, reason="busy") for e in report.edges))

    outcome, _ = run(incident(), tmp_path, recheck=unhelpful)
    assert outcome.kept


@pytest.mark.parametrize("error", [EngineRefused("no"), EngineUnreachable("gone"), Gone("vanished")])
def test_a_failure_in_the_middle_of_several_steps_takes_the_earlier_ones_back(tmp_path, error):
    engine = incident()

    def second_connect_fails(call):
        if call[0] == "connect" and call[2] == QDRANT.id:
            raise error

    engine.before = second_connect_fails
    with pytest.raises(FixFailed, match="Everything done so far was rolled back"):
        run(engine, tmp_path, choices=Choices(isolate=True))
    assert engine.names("app") == {"coolify"}
    assert engine.names("qdrant") == {"qdrant_default"}
    assert {n.name for n in engine.now.networks} == {"coolify", "qdrant_default"}
    assert desk(engine, tmp_path).journal.in_effect() == ()


def test_an_error_after_the_engine_did_it_is_not_believed(tmp_path):
    """The status code said no (or the connection broke), but the container is connected."""
    engine = incident()

    def broke_off(call):
        if call[0] == "connect":
            raise EngineUnreachable("the connection broke")

    engine.after = broke_off
    outcome, journal = run(engine, tmp_path)
    assert outcome.kept
    assert journal.transactions()[0].steps[0].state is StepState.DONE


def test_connected_by_somebody_else_meanwhile_is_no_error_and_not_ours_to_take_back(tmp_path):
    engine = incident()
    fix, before = planned(engine)
    engine.connect(COOLIFY.id, QDRANT.id, aliases=["qdrant"])
    place = desk(engine, tmp_path, still_red)
    with place.journal.locked():
        outcome = carry_out(fix, before, place)
    assert not outcome.kept
    assert "coolify" in engine.names("qdrant"), "theirs stays"
    assert outcome.problems == ()


def test_container_removed_between_plan_and_apply(tmp_path):
    engine = incident()
    fix, before = planned(engine)
    engine.remove("qdrant")
    place = desk(engine, tmp_path)
    with place.journal.locked(), pytest.raises(FixFailed, match=r"qdrant is gone.*Nothing was changed"):
        carry_out(fix, before, place)
    assert engine.calls == []
    assert place.journal.transactions() == ()


def test_network_removed_between_plan_and_apply(tmp_path):
    engine = incident()
    fix, before = planned(engine)
    from dataclasses import replace

    engine.now = replace(engine.now, networks=tuple(n for n in engine.now.networks if n.name != "coolify"))
    place = desk(engine, tmp_path)
    with place.journal.locked(), pytest.raises(FixFailed, match=r"network coolify is gone.*Nothing was changed"):
        carry_out(fix, before, place)


def test_alias_taken_meanwhile(tmp_path):
    engine = incident()
    fix, before = planned(engine)
    from dataclasses import replace

    engine.put(replace(container("thief"), endpoints=(endpoint(COOLIFY, "thief", "qdrant"),)))
    place = desk(engine, tmp_path)
    with place.journal.locked(), pytest.raises(FixFailed, match="name qdrant is taken on network coolify"):
        carry_out(fix, before, place)
    assert engine.names("qdrant") == {"qdrant_default"}


@pytest.mark.parametrize("fails", [False, True])
def test_a_reconnect_with_a_lost_alias_and_its_way_back(tmp_path, fails):
    from dataclasses import replace

    from netdoctor.model import Disconnect, Remedy

    from .build import OWN, finding, join

    engine = incident()
    again = (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name), join(QDRANT, OWN, "qdrant", "vectors"))
    told = finding(EDGE, engine.now, remedies=(Remedy("Reconnect", again),))
    report = replace(asked(engine.now), findings=(told,))
    (fix,) = make_plan(report, Choices(disruptive=True)).fixes

    def refuse(call):
        if fails and call[0] == "connect" and len(engine.calls) == 2:
            raise EngineRefused("no address left")

    engine.before = refuse
    green = lambda where, edges: asked(where, edges, works=True)  # noqa: E731
    place = desk(engine, tmp_path, green)
    with place.journal.locked():
        if fails:
            with pytest.raises(FixFailed, match="rolled back"):
                carry_out(fix, baseline(report, fix), place)
        else:
            assert carry_out(fix, baseline(report, fix), place).kept
    (endpoint_now,) = engine.now.container(QDRANT.id).endpoints
    assert endpoint_now.aliases == (("qdrant",) if fails else ("qdrant", "vectors"))


def test_ctrl_c_while_asking_again_rolls_back(tmp_path):
    engine = incident()

    def interrupted(where, edges):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(engine, tmp_path, recheck=interrupted)
    assert engine.names("qdrant") == {"qdrant_default"}
    assert desk(engine, tmp_path).journal.in_effect() == ()


def test_without_a_journal_nothing_is_changed(tmp_path, monkeypatch):
    engine = incident()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    fix, before = planned(engine)
    place = desk(engine, tmp_path)
    with place.journal.locked():
        monkeypatch.setattr(store_module.os, "fsync", full)
        with pytest.raises(store_module.JournalError, match="no space left"):
            carry_out(fix, before, place)
    assert engine.calls == []


def test_a_rollback_that_fails_says_what_is_left_and_leaves_it_for_undo(tmp_path):
    engine = incident()

    def stuck(call):
        if call[0] == "disconnect":
            raise EngineRefused("the engine is busy")

    engine.before = stuck
    outcome, journal = run(engine, tmp_path, recheck=still_red)
    assert not outcome.kept
    assert any("busy" in each for each in outcome.problems)
    assert journal.in_effect()[0].end is End.OPEN


def test_a_bystander_that_breaks_takes_the_fix_back(tmp_path):
    """The default route moved, say, and the way to the other neighbour is lost."""
    engine = incident()
    from dataclasses import replace

    neighbour = container("neighbour", next(n for n in engine.now.networks if n.name == "qdrant_default"))
    engine.put(neighbour)
    other = Edge(QDRANT.ref, neighbour.ref, name="neighbour", port=80)
    report = asked(engine.now, [EDGE])
    (fix,) = make_plan(report).fixes
    before = baseline(report, fix, asked(engine.now, [other]))
    assert len(before.asked) == 2

    def neighbour_lost(where, edges):
        found = asked(where, edges)
        return replace(
            found, edges=tuple(replace(e, verdict=Verdict.BROKEN) if e.edge == other else e for e in found.edges)
        )

    place = desk(engine, tmp_path, neighbour_lost)
    with place.journal.locked():
        outcome = carry_out(fix, before, place)
    assert not outcome.kept
    assert engine.names("qdrant") == {"qdrant_default"}


# --- killed: every point at which the process may end -----------------------------------------------------------


class Counter:
    """Kills at the n-th moment: before and after each journal record and each call of the engine."""

    def __init__(self, engine, monkeypatch, at):
        self.left = at
        real = store_module.Store.append

        def append(store, record):
            self.tick()
            real(store, record)
            self.tick()

        monkeypatch.setattr(store_module.Store, "append", append)
        engine.before = engine.after = lambda call: self.tick()

    def tick(self):
        if self.left == 0:
            raise Killed
        self.left -= 1


@pytest.mark.parametrize("isolate", [False, True])
def test_killed_at_any_moment_the_next_run_can_finish_or_undo(tmp_path, monkeypatch, isolate):
    """Really every moment: the count runs until a run ends unharmed."""
    from netdoctor.fixes import run as run_module
    from netdoctor.fixes.undo import plan_undo, undo

    # After SIGKILL nobody rolls back.
    real_roll_back = run_module._roll_back
    harmed = 0
    for at in range(1000):
        for ending in ("undo", "finish"):
            folder = tmp_path / f"{ending}-{at}"
            engine = incident()
            with monkeypatch.context() as patch:
                patch.setattr(run_module, "_roll_back", lambda *_: (_ for _ in ()).throw(Killed()))
                Counter(engine, patch, at)
                try:
                    outcome, _ = run(engine, folder, choices=Choices(isolate=isolate))
                    unharmed = outcome.kept
                except Killed:
                    unharmed = False
            assert run_module._roll_back is real_roll_back
            engine.before = engine.after = lambda call: None
            if unharmed:
                assert harmed > 8
                return
            harmed += 1
            place = desk(engine, folder)
            interrupted = place.journal.interrupted()
            changed = (
                engine.names("app") | engine.names("qdrant") != {"coolify", "qdrant_default"}
                or len(engine.now.networks) != 2
            )
            changed = changed or engine.names("qdrant") != {"qdrant_default"}
            if changed:
                assert place.journal.in_effect(), f"changed, and the journal does not know (moment {at})"
            if ending == "finish" and interrupted is not None:
                assert "netdoctor undo" in interrupted_error(interrupted).hint
                with place.journal.locked():
                    finished = finish(interrupted, place)
                assert finished.kept
                assert engine.now.shared_networks(*(engine.now.container(c.id) for c in (APP, QDRANT)))
                assert place.journal.interrupted() is None
            else:
                with place.journal.locked():
                    plan = plan_undo(place.journal, engine.now)
                    if plan is not None:
                        assert undo(plan, place).complete
                assert engine.names("app") == {"coolify"}
                assert engine.names("qdrant") == {"qdrant_default"}
                assert {n.name for n in engine.now.networks} == {"coolify", "qdrant_default"}
    raise AssertionError("no run ended unharmed")


def test_no_process_file_is_left_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    run(incident(), tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
