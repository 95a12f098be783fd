"""A kept fix is applied again to a container made anew, proven, and undoable; anything else is left alone."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from fixes.build import APP, COOLIFY, EDGE, QDRANT, RUNNING, asked, desk, edge_report, finding, ident, incident

from netdoctor.errors import EngineUnreachable
from netdoctor.fixes.journal import End
from netdoctor.fixes.plan import PlannedFix
from netdoctor.fixes.run import baseline, carry_out
from netdoctor.fixes.undo import plan_undo, undo
from netdoctor.live.heal import PATIENT, SOON, Healer, questions
from netdoctor.model import Container, Layer, Report, State, Verdict


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Story:
    """The incident, fixed by hand (qdrant joined coolify), and a healer that looks at it."""

    def __init__(self, folder) -> None:
        self.engine = incident()
        self.works: bool | None = None
        self.asked = 0
        self.desk = desk(self.engine, folder, self._ask)
        report = asked(self.engine.now)
        found = finding(EDGE, self.engine.now)
        onto = next(each for each in found.remedies if "qdrant to coolify" in each.title)
        fix = PlannedFix(found, onto)
        with self.desk.journal.locked():
            outcome = carry_out(fix, baseline(report, fix), self.desk)
        assert outcome.kept, outcome
        self.clock, self.told = Clock(), []
        self.healer = self.another()
        self.asked = 0

    def _ask(self, where, edges):
        self.asked += 1
        return asked(where, edges, works=self.works)

    def another(self) -> Healer:
        return Healer(self.desk.journal, self.desk, clock=self.clock, tell=self.told.append)

    def recreate(self, old: Container = QDRANT, number: int = 2, **more) -> Container:
        """Removed, and made anew from its file: a new id, its own networks only."""
        made = replace(old, id=ident(f"{old.name} {number}"), **more)
        self.engine.remove(old.name)
        self.engine.put(made)
        return made

    def heal(self):
        return self.healer.heal(self.engine.now)

    @property
    def fixed(self) -> bool:
        return self.engine.names("qdrant") == {"coolify", "qdrant_default"}


def apart(edges) -> Report:
    """As if the engine said that it is done, and nothing came of it."""
    return Report(Verdict.BROKEN, tuple(edge_report(each, Verdict.BROKEN, Layer.MEMBERSHIP) for each in edges), ())


@pytest.fixture
def story(tmp_path) -> Story:
    return Story(tmp_path)


def test_nothing_is_done_and_nothing_asked_while_nothing_is_missing(story):
    assert story.heal() == story.heal() == ()
    assert story.asked == 0


def test_a_container_made_anew_gets_its_fix_again_proven_and_told(story):
    story.recreate()
    assert not story.fixed
    (done,) = story.heal()
    assert (done.name, done.done, done.tell) == ("qdrant", True, True)
    assert story.fixed
    assert story.healer.healed == 1
    assert story.heal() == ()


def test_a_hundred_times_and_undo_takes_it_back_at_once(story):
    for number in range(100):
        story.recreate(number=number)
        (done,) = story.heal()
        assert done.done, done
    plan = plan_undo(story.desk.journal, story.engine.now)
    assert plan is not None
    assert not plan.moved
    with story.desk.journal.locked():
        assert undo(plan, story.desk).complete
    assert story.engine.names("qdrant") == {"qdrant_default"}
    assert plan_undo(story.desk.journal, story.engine.now) is None


def test_what_somebody_has_undone_is_not_done_again(story):
    story.recreate()
    story.heal()
    plan = plan_undo(story.desk.journal, story.engine.now)
    with story.desk.journal.locked():
        undo(plan, story.desk)
    story.recreate(number=3)
    assert story.heal() == story.another().heal(story.engine.now) == ()
    assert not story.fixed


def test_what_somebody_took_away_by_hand_on_the_same_container_is_left_alone(story):
    story.engine.disconnect(COOLIFY.id, QDRANT.id)
    assert story.heal() == ()
    assert not story.fixed


def test_a_recreation_while_nobody_watched_is_healed_at_the_start(story):
    story.recreate()
    (done,) = story.another().heal(story.engine.now)
    assert done.done


def test_nothing_is_done_where_it_works_without_it(story):
    story.recreate()
    story.works = True
    assert story.heal() == ()
    assert not story.fixed
    story.works = None
    story.recreate(number=3)
    (done,) = story.heal()
    assert done.done


def test_a_container_that_does_not_run_yet_is_waited_for(story):
    story.recreate(state=State("created"))
    assert story.heal() == ()
    assert story.asked == 0
    story.engine.now = replace(
        story.engine.now, containers=tuple(replace(each, state=RUNNING) for each in story.engine.now.containers)
    )
    (done,) = story.heal()
    assert done.done


def test_without_the_other_side_nothing_can_be_proven_and_nothing_is_done_until_it_is_there(story):
    story.recreate()
    story.engine.remove("app")
    for _ in range(5):
        assert story.heal() == ()
        story.clock.now += PATIENT
    assert not story.fixed
    story.engine.put(replace(APP, id=ident("app anew")))
    (done,) = story.heal()
    assert done.done, "the other end, made anew as well, is known by its name"


def test_what_cannot_be_proven_is_told_after_some_attempts_and_stays_what_was_once_confirmed(story):
    story.recreate()
    story.desk = replace(story.desk, recheck=lambda where, edges: apart(edges))
    story.healer = story.another()
    results = []
    for _ in range(6):
        results += story.heal()
        story.clock.now += SOON
    (told,) = [each for each in results if each.tell]
    assert not told.done
    assert "not confirmed" in told.detail
    assert story.healer.failed == 1


def test_a_program_that_does_not_listen_yet_is_told_beside_the_repair(story):
    """Further than before is what a fix is kept for; what is left is said, and watched."""
    story.recreate()
    story.works = False
    (done,) = story.heal()
    assert done.done
    assert "app -> qdrant still fails, later" in done.detail


def test_a_proof_that_comes_late_is_a_repair(story):
    """The program needs some seconds before it listens; the engine was away for a moment."""
    story.recreate()
    fails = [True]
    right = story.desk.recheck

    def ask(where, edges):
        if fails and story.fixed:
            fails.pop()
            raise EngineUnreachable("away")
        return right(where, edges)

    story.desk = replace(story.desk, recheck=ask)
    story.healer = story.another()
    assert story.heal() == ()
    assert story.healer.due() is not None
    story.clock.now += SOON
    (done,) = story.heal()
    assert done.done
    assert story.healer.due() is None


def test_one_that_is_gone_again_before_it_was_proven_is_no_failure(story):
    story.recreate()
    right = story.desk.recheck

    def ask(where, edges):
        if story.fixed:
            story.engine.remove("qdrant")
            raise EngineUnreachable("away")
        return right(where, edges)

    story.desk = replace(story.desk, recheck=ask)
    story.healer = story.another()
    assert story.heal() == ()
    assert (story.healer.failed, story.healer.due()) == (0, None)


def test_an_engine_that_refuses_is_asked_again_later_and_less_and_less_often(story):
    story.recreate()

    def refuse(call):
        raise EngineUnreachable("no")

    story.engine.before = refuse
    times = []
    for _ in range(400):
        calls = len(story.engine.calls)
        story.heal()
        if len(story.engine.calls) > calls:
            times.append(story.clock.now)
        story.clock.now += 1
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert len(times) < 10
    story.engine.before = lambda call: None
    story.clock.now += 1000
    (done,) = story.heal()
    assert done.done


def test_an_attempt_that_something_else_must_come_before_is_not_always_due(story):
    story.recreate()

    def refuse(call):
        raise EngineUnreachable("no")

    story.engine.before = refuse
    story.heal()
    story.clock.now = story.healer.due()
    stopped = tuple(replace(each, state=State("exited")) for each in story.engine.now.containers)
    story.engine.now = replace(story.engine.now, containers=stopped)
    story.heal()
    assert story.healer.due() > story.clock.now


def test_while_another_netdoctor_holds_the_journal_it_waits(story):
    story.recreate()
    other = Story.another(story)
    with story.desk.journal.store.locked():
        assert other.heal(story.engine.now) == ()
    assert other.due() is not None
    story.clock.now += SOON
    (done,) = other.heal(story.engine.now)
    assert done.done


def test_somebody_elses_interrupted_fix_is_said_once_and_touched_never(story):
    journal = story.desk.journal
    with journal.locked():
        begun = journal.begin("half a fix", (), (), {"asked": []}, {})
        step = journal.transactions()[0].steps[0]
        journal.intend(begun, 0, step.operation, step.inverse)
    story.recreate()
    (done,) = story.heal()
    assert done.done
    story.recreate(number=3)
    story.heal()
    assert len(story.told) == 1
    assert "netdoctor undo" in story.told[0]
    assert next(each for each in journal.transactions() if each.id == begun).end is End.OPEN


def test_the_questions_of_a_fix_are_put_between_the_containers_of_now(story):
    made = story.recreate()
    (kept,) = story.desk.journal.in_effect()
    ((was, edge),) = questions(kept, story.engine.now)
    assert was.codes == ("ND101",)
    assert (edge.source, edge.target) == (APP.ref, made.ref)
    assert was.edge.target == QDRANT.ref
