"""ND506 warns of a target that says it is ill, and is an error where the edge fails behind an open port."""

from __future__ import annotations

import pytest

from netdoctor.model import Health, Outcome, Severity, State
from netdoctor.rules.nd506_unhealthy import RULE

from .build import container, network, story, topology

NET = network("n")
APP = container("app", NET)


def told(status="unhealthy", **fields):
    health = Health(status, 4, ("CMD", "check"), ((0, "fine"), (1, "replica\nlost")))
    target = container("api", NET, health=health, **fields)
    return story(topology(APP, target, NET), APP, target, name="api", port=80, protocol="http").dns(Outcome.CONNECTED)


def test_an_edge_that_works_makes_it_a_warning():
    (finding,) = told().works().judged(RULE)
    assert finding.severity is Severity.WARNING
    assert finding.cause == "api is unhealthy: its own check failed 4 times in a row."
    assert "its log: exit code 1, replica lost" in finding.evidence
    assert "docker logs --tail 50 api" in finding.remedies[0].advice


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.RESET, Outcome.HTTP_ERROR])
def test_an_edge_that_fails_behind_an_open_port_makes_it_an_error(outcome):
    (finding,) = told().tcp(Outcome.CONNECTED).http(outcome, status=500).judged(RULE)
    assert finding.severity is Severity.ERROR


def test_an_edge_that_fails_before_it_has_another_cause():
    (finding,) = told().tcp(Outcome.REFUSED).judged(RULE)
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("status", ["healthy", "starting"])
def test_other_states_of_health_are_no_finding(status):
    assert told(status).works().judged(RULE) == ()


def test_a_target_that_does_not_run_is_another_cause():
    assert told(state=State("exited")).judged(RULE) == ()


@pytest.mark.parametrize(("condition", "held"), [("service_healthy", True), ("service_started", False)])
def test_a_caller_that_waits_for_health_was_never_started_because_of_it(condition, held):
    labels = {"com.docker.compose.depends_on": f"cache:service_started:false,api:{condition}:false"}
    caller = container("shop-app-1", NET, project="shop", state=State("created"), labels=labels)
    health = Health("unhealthy", 4, ("CMD", "check"), ((1, ""),))
    target = container("shop-api-1", NET, project="shop", service="api", health=health)
    (finding,) = story(topology(caller, target, NET), caller, target, name="api", port=80).judged(RULE)
    assert (finding.severity is Severity.ERROR) is held
    assert ("shop-app-1 waits for it to be healthy, and so was never started." in finding.cause) is held
