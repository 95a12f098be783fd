"""ND203 is said when a name leads to the target and to somebody else, and not of a group behind one alias."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Answers, Case, Confidence, Fact, Outcome, Severity
from netdoctor.rules.nd203_one_name_two_containers import RULE

from .build import container, network, story, topology

SHARED, PRIVATE = network("shared"), network("private")
APP = container("app", SHARED, project="shop", service="app")
DB = container("shop-db", SHARED, project="shop", service="db")
STRANGER = container("other-db", SHARED, project="other", service="db")


def address(one):
    return one.endpoints[0].ipv4


def told(*containers, target=DB, source=APP, answers=None, name="db"):
    seen = topology(source, target, *containers, SHARED, PRIVATE)
    given = answers or [address(one) for one in (target, *containers)]
    return story(seen, source, target, name=name, port=5432).dns(Outcome.CONNECTED, *given)


def test_two_projects_with_one_service_name_on_a_shared_network():
    (finding,) = told(STRANGER).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == "db leads app to shop-db and to other-db, which carries the same name on shared."
    assert finding.remedies[0].advice == "Use shop-db instead of db."
    assert STRANGER.ref in finding.about


def test_a_name_that_leads_to_a_stranger_only():
    renamed = container("shop-db", SHARED, project="shop", aliases=["database"])
    (finding,) = told(STRANGER, target=renamed, answers=[address(STRANGER)]).judged(RULE)
    assert finding.cause == "db leads app to other-db, not to shop-db."


def test_replicas_of_one_service_share_their_name_rightly():
    second = container("shop-db-2", SHARED, project="shop", service="db")
    assert told(second).judged(RULE) == ()


def test_tasks_of_one_swarm_service_do_too():
    labels = {"com.docker.swarm.service.id": "s"}
    one, two = (container(f"db.{n}", SHARED, aliases=["db"], labels=labels) for n in (1, 2))
    assert told(two, target=one).judged(RULE) == ()


@pytest.mark.parametrize("projects", [("shop", "shop"), (None, None)])
def test_a_group_behind_one_alias_that_answers_everywhere_is_meant_so(projects):
    first, second = (
        container(f"node-{n}", SHARED, project=project, aliases=["pool"], image="search:1")
        for n, project in enumerate(projects)
    )
    seen = told(second, target=first, name="pool")
    for one in (first, second):
        seen.tcp(Outcome.CONNECTED, address(one))
    assert seen.judged(RULE) == ()


def test_a_group_of_which_one_does_not_answer_is_likely_the_trouble():
    first, second = (container(f"node-{n}", SHARED, project="shop", aliases=["pool"]) for n in (1, 2))
    seen = told(second, target=first, name="pool").tcp(Outcome.CONNECTED, address(first))
    (finding,) = seen.tcp(Outcome.REFUSED, address(second)).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


def test_another_service_of_the_project_that_takes_the_target_s_own_name_is_no_group():
    second = container("shop-cache", SHARED, project="shop", service="cache", aliases=["db"])
    seen = told(second).tcp(Outcome.CONNECTED, address(DB)).tcp(Outcome.CONNECTED, address(second))
    (finding,) = seen.judged(RULE)
    assert finding.confidence is Confidence.CERTAIN


def test_strangers_that_answer_too_are_worse_not_better():
    seen = told(STRANGER).tcp(Outcome.CONNECTED, address(DB)).tcp(Outcome.CONNECTED, address(STRANGER))
    assert len(seen.judged(RULE)) == 1


def test_answers_that_are_all_the_target_s_own_are_right():
    assert told(STRANGER, answers=[address(DB)]).judged(RULE) == ()


def test_a_stranger_on_a_network_that_the_caller_is_not_on_does_not_matter():
    elsewhere = container("other-db", PRIVATE, project="other", service="db")
    assert told(elsewhere, answers=[address(DB)]).judged(RULE) == ()


def test_files_alone_show_two_projects_on_one_external_network():
    outside = replace(SHARED, external=True)
    seen = topology(DB, STRANGER, outside, knows=frozenset({Fact.DECLARED}))
    (finding,) = RULE.judge(Case(seen, None, Answers()))
    assert finding.severity is Severity.WARNING
    assert finding.cause == "On the external network shared the name db belongs to db of shop and db of other."
    own = topology(DB, STRANGER, SHARED, knows=frozenset({Fact.DECLARED}))
    assert tuple(RULE.judge(Case(own, None, Answers()))) == ()


def test_a_name_in_a_variable_is_one_finding_from_whichever_of_the_two_it_is_asked():
    """Two inferred edges, one ambiguous name."""
    found = []
    for target, other in ((DB, STRANGER), (STRANGER, DB)):
        case = told(other, target=target, answers=[address(DB), address(STRANGER)]).case
        said = replace(case, edge=replace(case.edge, origin="environment DB_URL"))
        found += RULE.judge(said)
    first, second = found
    assert (first.cause, first.about) == (second.cause, second.about)
    assert first.cause == "db leads app to other-db and to shop-db: each carries that name on shared."


def test_an_alias_that_was_typed_is_nobodys_own_name_and_one_finding():
    one, two = (container(name, SHARED, aliases=("queue",), image=name) for name in ("q1", "q2"))
    found = []
    for target in (one, two):
        seen = story(topology(APP, one, two, SHARED), APP, target, name="queue", port=5672)
        seen.dns(Outcome.CONNECTED, address(one), address(two))
        found += seen.tcp(Outcome.CONNECTED, address(one)).tcp(Outcome.REFUSED, address(two)).judged(RULE)
    assert {finding.cause for finding in found} == {
        "queue leads app to q1 and to q2: each carries that name on shared."
    }
    assert len({finding.about for finding in found}) == 1
