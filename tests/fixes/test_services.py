"""A Swarm service is given a network: its tasks are new ones afterwards, and it is one fix all the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from netdoctor.errors import EngineRefused, FixFailed
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.journal import End
from netdoctor.fixes.plan import make_plan
from netdoctor.fixes.run import baseline, carry_out, finish
from netdoctor.fixes.undo import plan_undo, undo
from netdoctor.model import AddServiceNetwork, CreateNetwork, Edge, Membership, Remedy, RemoveServiceNetwork
from netdoctor.model.joining import joins_new_overlay, service_joins

from .build import FakeEngine, asked, container, desk, finding, network, topology

OPEN = network("open", driver="overlay", scope="swarm", attachable=True)
CLOSED = network("closed", driver="overlay", scope="swarm", attachable=False)
SERVICE = {"com.docker.swarm.service.id": "s1", "com.docker.swarm.service.name": "api"}
APP = container("app", OPEN)
TASK = container("api.1.0", CLOSED, labels=SERVICE)
EDGE = Edge(APP.ref, TASK.ref, name="api", port=8080)


def swarm(task=TASK):
    return FakeEngine(replace(topology(OPEN, CLOSED, APP, task), service_networks={"s1": (CLOSED.id,)}))


def planned(engine, *operations, disruptive=True):
    told = finding(EDGE, engine.now, remedies=(Remedy("Add it", operations),))
    report = replace(asked(engine.now, (EDGE,)), findings=(told,))
    return make_plan(report, Choices(disruptive=disruptive)), report


def adding(engine):
    return service_joins(engine.now, APP, engine.now.container(TASK.id))[0]


def fixed(tmp_path, *operations):
    engine = swarm()
    plan, report = planned(engine, *(operations or (adding(engine),)))
    place = desk(engine, tmp_path / "state")
    with place.journal.locked():
        return engine, place, carry_out(plan.fixes[0], baseline(report, plan.fixes[0]), place)


def test_it_is_disruptive_and_shown_as_the_docker_command_it_is():
    engine = swarm()
    plan, _ = planned(engine, adding(engine), disruptive=False)
    assert plan.fixes == ()
    assert plan.held_back[0].commands == ("docker service update --network-add open api",)
    allowed, _ = planned(engine, adding(engine))
    assert "This interrupts connections that work now." in allowed.fixes[0].warnings
    assert any("tasks of api anew" in warning for warning in allowed.fixes[0].warnings)


def test_the_new_task_is_asked_and_the_fix_is_kept_and_undone(tmp_path):
    engine, place, outcome = fixed(tmp_path)
    assert outcome.kept, outcome
    assert engine.now.container(TASK.id) is None
    assert engine.now.service_networks["s1"] == (CLOSED.id, OPEN.id)
    with place.journal.locked():
        plan = plan_undo(place.journal, engine.now)
        assert plan.moved == ()
        assert plan.commands == ("docker service update --network-rm open api",)
        assert undo(plan, place).complete
    assert engine.now.service_networks["s1"] == (CLOSED.id,)
    assert place.journal.in_effect() == ()


def test_what_cannot_be_confirmed_is_taken_off_again(tmp_path):
    engine = swarm()
    plan, report = planned(engine, adding(engine))

    def silent(where, edges):
        raise EngineRefused("No answer.")

    place = desk(engine, tmp_path / "state", silent)
    with place.journal.locked(), pytest.raises(FixFailed, match="Everything done so far was rolled back"):
        carry_out(plan.fixes[0], baseline(report, plan.fixes[0]), place)
    assert engine.now.service_networks["s1"] == (CLOSED.id,)
    assert place.journal.transactions()[0].end is End.ROLLED_BACK


def test_a_new_overlay_for_a_plain_container_that_is_on_none(tmp_path):
    engine = swarm()
    steps = joins_new_overlay(engine.now, APP, TASK)
    assert [type(each) for each in steps[:2]] == [CreateNetwork, AddServiceNetwork]
    assert steps[0].command() == "docker network create -d overlay --attachable api-open"
    engine, place, outcome = fixed(tmp_path, *steps)
    assert outcome.kept
    assert engine.names("app") == {"open", "api-open"}
    with place.journal.locked():
        assert undo(plan_undo(place.journal, engine.now), place).complete
    assert {each.name for each in engine.now.networks} == {"open", "closed"}
    assert engine.names("app") == {"open"}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("way", [undo, finish])
def test_killed_while_swarm_works_the_next_run_knows(tmp_path, monkeypatch, moment, way):
    engine = swarm()
    plan, report = planned(engine, adding(engine))
    place = desk(engine, tmp_path / "state")

    def kill(call):
        raise Killed

    setattr(engine, moment, kill)
    monkeypatch.setattr("netdoctor.fixes.run._roll_back", lambda *_: ())
    with place.journal.locked(), suppress(Killed):
        carry_out(plan.fixes[0], baseline(report, plan.fixes[0]), place)
    setattr(engine, moment, lambda call: None)
    interrupted = place.journal.interrupted()
    assert interrupted is not None
    with place.journal.locked():
        if way is finish:
            assert finish(interrupted, place).kept
            assert engine.now.service_networks["s1"] == (CLOSED.id, OPEN.id)
            return
        undo(plan_undo(place.journal, engine.now), place)
    assert engine.now.service_networks["s1"] == (CLOSED.id,)


def test_tasks_that_do_not_come_back_roll_it_back(tmp_path):
    engine = swarm()
    plan, report = planned(engine, adding(engine))
    place = desk(engine, tmp_path / "state")
    fail = [True]

    def slow(call):
        if fail.pop() if fail else False:
            raise EngineRefused("The tasks of service api do not run after 60 s.")

    engine.after = slow
    with place.journal.locked():
        # What was asked stands in the service all the same; what its tasks answer decides.
        assert carry_out(plan.fixes[0], baseline(report, plan.fixes[0]), place).kept


def test_on_a_node_that_is_no_manager_nothing_is_offered():
    engine = FakeEngine(topology(OPEN, CLOSED, APP, TASK))
    assert service_joins(engine.now, APP, TASK) == ()
    assert joins_new_overlay(engine.now, APP, TASK) == ()
    step = AddServiceNetwork("s1", "api", OPEN.id, "open")
    plan, _ = planned(engine, step)
    assert "no manager" in plan.held_back[0].reason


def test_only_a_stacks_file_has_to_say_it_too():
    step = AddServiceNetwork("s1", "api", OPEN.id, "open", (TASK.id,))
    assert step.permanent() == ()
    assert replace(step, stack="shop").permanent() == (Membership(TASK.id, "open"),)
    back = step.inverse(topology())
    assert back == RemoveServiceNetwork("s1", "api", OPEN.id, "open", (TASK.id,))
    assert back.inverse(topology()) == step
