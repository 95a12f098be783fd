"""ND210 is said when a service's virtual address is dead and its tasks answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Case, Confidence, Observation, Outcome
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd210_swarm_vip import RULE

from .build import container, network, story, topology

NET = network("net", driver="overlay", scope="swarm")
APP = container("app", NET)
LABELS = {"com.docker.swarm.service.name": "api", "com.docker.swarm.service.id": "s"}
TASK = container("api.1.x", NET, aliases=["api", "tasks.api"], labels=LABELS)
VIP, ADDRESS = "10.0.1.2", TASK.endpoints[0].ipv4 or ""
LOST = Outcome.TIMED_OUT


def case(vip=LOST, task=Outcome.CONNECTED, *, answer=VIP, tasks=True, target=TASK, name="api"):
    told = story(topology(APP, target, NET), APP, target, name=name, port=80).dns(Outcome.CONNECTED, answer)
    told.tcp(vip, answer)
    answers = {}
    if tasks:
        answers[Dns(APP.ref, "tasks.api")] = Observation(Outcome.CONNECTED, DnsEvidence("tasks.api", (ADDRESS,)))
        answers[Tcp(APP.ref, ADDRESS, 80)] = Observation(task, TcpEvidence(ADDRESS, 80))
    return Case(told.topology, told.edge, told.case.seen.plus(answers) if answers else told.case.seen)


def judged(*args, **fields):
    return tuple(RULE.judge(case(*args, **fields)))


@pytest.mark.parametrize("outcome", [LOST, Outcome.NO_ROUTE, Outcome.REFUSED])
def test_the_virtual_address_is_dead_and_a_task_answers(outcome):
    (finding,) = judged(outcome)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.remedies[0].advice == "Use tasks.api instead of api."
    assert "--endpoint-mode dnsrr api" in finding.remedies[1].advice


def test_the_tasks_are_asked_for_by_name_and_then_dialled():
    assert list(RULE.wants(case(tasks=False))) == [Dns(APP.ref, "tasks.api")]
    assert set(RULE.wants(case())) == {Dns(APP.ref, "tasks.api"), Tcp(APP.ref, ADDRESS, 80)}
    assert list(RULE.wants(case(Outcome.CONNECTED))) == []


def test_tasks_that_do_not_answer_either_are_the_service_s_own_trouble():
    assert judged(task=Outcome.REFUSED) == ()
    assert judged(tasks=False) == ()


def test_a_virtual_address_that_answers_is_fine():
    assert judged(Outcome.CONNECTED) == ()


def test_an_address_of_a_task_itself_is_no_virtual_one():
    assert judged(answer=ADDRESS) == ()


def test_a_plain_container_has_no_virtual_address():
    assert judged(target=replace(TASK, labels={})) == ()
