"""ND505 is said when a failing check asks localhost and the server listens on IPv4 only."""

from __future__ import annotations

import pytest

from netdoctor.model import Answers, Case, Confidence, Fact, Health, HealthCheck, Severity
from netdoctor.probes.listeners import Listeners
from netdoctor.rules.nd505_health_localhost import RULE

from .build import container, network, story, topology

NET = network("n")
APP = container("app", NET)
TEST = ("CMD", "wget", "-q", "--spider", "http://localhost:8080/")
REFUSED = "wget: can't connect to remote host: Connection refused"


def told(test=TEST, output=REFUSED, state="unhealthy"):
    health = Health(state, 3, test, ((1, output),))
    target = container("api", NET, image="nginx:alpine", health=health, healthcheck=HealthCheck(test))
    return story(topology(APP, target, NET), APP, target, name="api", port=8080).works()


def test_an_ipv4_listener_and_a_check_that_is_refused():
    (finding,) = told().listens("0.0.0.0:8080").judged(RULE)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.CERTAIN)
    assert "asks localhost, which may be ::1; the server listens on IPv4 only" in finding.cause
    assert '"http://127.0.0.1:8080/"' in finding.remedies[0].advice


@pytest.mark.parametrize("sockets", [(":::8080",), ("0.0.0.0:8080", ":::8080"), ("0.0.0.0:9090",), ()])
def test_other_listeners_are_other_causes(sockets):
    assert told().listens(*sockets).judged(RULE) == ()


@pytest.mark.parametrize(
    "test",
    [
        ("CMD", "wget", "-q", "http://127.0.0.1:8080/"),
        ("CMD", "wget", "-q", "http://localhost.lab.test:8080/"),
        ("CMD", "test", "-e", "/ready"),
    ],
)
def test_a_check_of_something_else_is_another_cause(test):
    assert told(test).listens("0.0.0.0:8080").judged(RULE) == () and told(test).wanted(RULE) == set()


@pytest.mark.parametrize("output", ["HTTP/1.1 404 Not Found", "sh: wget: not found", "wget: download timed out"])
def test_a_check_that_reached_a_server_or_could_not_run_is_another_cause(output):
    assert told(output=output).listens("0.0.0.0:8080").judged(RULE) == ()


def test_a_healthy_target_costs_no_question():
    assert told(state="healthy").wanted(RULE) == set()
    assert told(state="healthy").listens("0.0.0.0:8080").judged(RULE) == ()
    assert told().wanted(RULE) == {Listeners(told().target.ref)}


@pytest.mark.parametrize(("image", "count"), [("nginx:alpine", 1), ("nginx:1.27", 0)])
def test_files_alone_make_it_possible_only(image, count):
    target = container("api", NET, image=image, healthcheck=HealthCheck(TEST), state=None)
    case = Case(topology(target, NET, knows=frozenset({Fact.DECLARED})), None, Answers())
    found = tuple(RULE.judge(case))
    assert [finding.confidence for finding in found] == [Confidence.POSSIBLE] * count
