"""ND208 is information while a name with an underscore works, and an error where it is proven to be refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Answers, Case, Confidence, Observation, Outcome, Severity
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.rules.nd208_underscore import RULE

from .build import container, network, story, topology

NET = network("net")
APP = container("app", NET)
API = container("shop-api", NET, service="my_api", aliases=["my_api"])
ADDRESS = API.endpoints[0].ipv4


def case(*statuses, name="my_api", protocol="http", origin="environment API_URL", resolves=True, target=API):
    """``statuses``: of the request under that name, and of the one with a hyphen."""
    seen = story(topology(APP, target, NET), APP, target, name=name, port=80)
    edge = replace(seen.edge, protocol=protocol, origin=origin)
    given = (ADDRESS,) if resolves else ()
    outcome = Outcome.CONNECTED if resolves else Outcome.RESOLVER_FAILED
    answers = {Dns(APP.ref, name): Observation(outcome, DnsEvidence(name, given))}
    for host, strict, status in zip((name, name.replace("_", "-")), (False, True), statuses, strict=False):
        good = status < 400 or not strict
        evidence = HttpEvidence(ADDRESS, 80, "/", status=status)
        question = Http(APP.ref, ADDRESS, 80, host, strict=strict)
        answers[question] = Observation(Outcome.CONNECTED if good else Outcome.HTTP_ERROR, evidence)
    return Case(seen.topology, edge, Answers(answers))


def failing(*statuses, **fields):
    told = case(*statuses, **fields)
    answers = {}
    for question, observation in told.seen:
        if isinstance(question, Http) and "_" in question.host:
            question = replace(question, strict=True)
            observation = replace(observation, outcome=Outcome.HTTP_ERROR)
        answers[question] = observation
    return replace(told, seen=Answers(answers))


def judged(told):
    return tuple(RULE.judge(told))


def test_the_same_request_with_a_hyphen_is_answered():
    (finding,) = judged(failing(400, 200))
    assert (finding.severity, finding.confidence) == (Severity.ERROR, Confidence.CERTAIN)
    assert "my_api: 400; my-api: 200" in finding.evidence
    assert "alias my-api" in finding.remedies[0].advice and "in API_URL of app" in finding.remedies[0].advice


def test_the_control_differs_in_the_host_line_only_and_is_asked_after_an_error_only():
    ((question),) = RULE.wants(failing(400))
    assert (question.host, question.address, question.path) == ("my-api", ADDRESS, "/")
    assert list(RULE.wants(case(200))) == []


def test_an_error_with_a_hyphen_too_has_another_cause():
    (finding,) = judged(failing(400, 400))
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(("protocol", "confidence"), [("http", Confidence.LIKELY), ("tcp", Confidence.POSSIBLE)])
def test_while_it_works_it_is_information(protocol, confidence):
    (finding,) = judged(case(200, protocol=protocol))
    assert (finding.severity, finding.confidence) == (Severity.INFO, confidence)


@pytest.mark.parametrize("protocol", ["redis", "postgres", "mysql", "amqp"])
def test_protocols_that_never_read_the_name_do_not_care(protocol):
    assert judged(case(protocol=protocol)) == ()


def test_a_container_s_name_that_was_typed_is_not_what_the_caller_uses():
    v1 = container("shop_api_1", NET, service="api")
    assert judged(case(200, name="shop_api_1", origin="argument", target=v1)) == ()
    assert len(judged(case(200, name="shop_api_1", target=v1))) == 1


def test_a_name_that_leads_nowhere_has_a_worse_trouble():
    assert judged(case(resolves=False)) == ()


def test_names_without_one_are_fine():
    assert judged(failing(400, 200, name="my-api")) == ()
