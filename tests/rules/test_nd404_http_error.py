"""ND404 tells apart a refused Host header, a path that is not there, and a server that fails itself."""

from __future__ import annotations

import pytest

from netdoctor.model import Outcome
from netdoctor.rules.nd404_http_error import RULE

from .build import container, network, story, topology

NET = network("n")
APP, API = container("app", NET), container("api", NET)
SEEN = topology(APP, API, NET)


def told(status, path=None, name="api"):
    found = story(SEEN, APP, API, name=name, port=80, protocol="http", path=path)
    if name:
        found.dns(Outcome.CONNECTED)
    outcome = Outcome.HTTP_ERROR if path is not None and status >= 400 else Outcome.CONNECTED
    return found.tcp(Outcome.CONNECTED).http(outcome, status=status)


@pytest.mark.parametrize("status", [400, 403, 404, 421])
@pytest.mark.parametrize("path", [None, "/v1"])
def test_a_name_that_the_server_refuses_while_it_accepts_its_address(status, path):
    found = told(status, path)
    (finding,) = found.http(Outcome.CONNECTED, host=found.address, status=200).judged(RULE)
    assert f"answers {status} to the Host api, and accepts its address" in finding.cause
    assert finding.caller_fails
    assert "ALLOWED_HOSTS" in finding.remedies[0].advice


def test_misdirected_to_every_name_is_told_as_such_and_each_answer_once():
    found = told(421, "/")
    (finding,) = found.http(Outcome.HTTP_ERROR, host=found.address, status=421).judged(RULE)
    assert finding.cause == "api answers 421 to the Host api: it does not serve that name, nor its own address."
    assert len(finding.evidence) == 1


def test_a_path_that_is_not_there_while_the_root_is():
    (finding,) = told(404, "/v9").http(Outcome.CONNECTED, path="/", strict=False, status=200).judged(RULE)
    assert finding.cause == "api has nothing at /v9 (/ is there): it answers 404."
    assert not finding.caller_fails


@pytest.mark.parametrize(
    ("status", "said"),
    [(500, "fails itself"), (410, "refuses the request"), (502, "behind it"), (504, "behind it")],
)
def test_other_errors_of_a_path_that_was_asked(status, said):
    (finding,) = told(status, "/v1").judged(RULE)
    assert said in finding.cause


@pytest.mark.parametrize("status", [401, 403, 503])
def test_errors_with_a_code_of_their_own(status):
    assert told(status, "/v1").judged(RULE) == ()


@pytest.mark.parametrize("status", [200, 301, 404, 400, 500])
def test_a_guessed_path_says_nothing_by_its_status(status):
    found = told(status)
    assert found.judged(RULE) == ()
    assert found.http(Outcome.CONNECTED, host=found.address, status=status).judged(RULE) == () or status < 400


def test_controls_are_asked_only_where_they_can_tell_something():
    assert told(200).wanted(RULE) == set()
    assert told(500).wanted(RULE) == set()
    assert {question.host for question in told(400).wanted(RULE)} == {told(400).address}
    found = told(404, "/v1")
    assert {(question.host, question.path) for question in found.wanted(RULE)} == {
        (found.address, "/v1"),
        ("api", "/"),
    }
