"""ND705: said beside a connect that would take the default route along, and never of what works."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Outcome, Severity, Verdict
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd705_default_route import RULE

from .build import container, network, story, topology


def apart(mine: str, theirs: str, **fields):
    """The target's network is one to share, so the caller joins it."""
    own, other = network(mine, project="a"), network(theirs, **fields)
    app = container("app", own, service="app", project="a")
    store = container("store", other, service="store", project="b")
    seen = topology(own, other, app, store, container("neighbour", other), engine_version="20.10.24")
    return story(seen, app, store, name="store", port=80)


def failing(mine: str, theirs: str, **fields):
    return apart(mine, theirs, **fields).dns(Outcome.RESOLVER_FAILED).tcp(Outcome.TIMED_OUT)


def test_a_network_that_sorts_first_takes_the_route_and_the_note_stands_under_the_cause():
    (finding,) = judge_edge(failing("zeta", "alpha").case, [ND101, RULE], Verdict.BROKEN)
    assert finding.code == "ND101"
    (note,) = finding.suppressed
    assert (note.code, note.severity, note.confidence) == ("ND705", Severity.WARNING, Confidence.CERTAIN)
    assert "from zeta" in note.cause


@pytest.mark.parametrize(("mine", "theirs"), [("alpha", "zeta"), ("Zeta", "alpha")])
def test_one_that_sorts_later_byte_by_byte_does_not(mine, theirs):
    assert failing(mine, theirs).judged(RULE) == ()


def test_an_internal_network_never_has_the_route():
    assert failing("zeta", "alpha", internal=True).judged(RULE) == ()


def test_a_connection_that_works_is_left_alone():
    assert apart("zeta", "alpha").works().judged(RULE) == ()


def test_an_engine_with_gateway_priorities_may_do_otherwise():
    told = failing("zeta", "alpha")
    told.topology = replace(told.topology, engine_version="28.1.1")
    (finding,) = told.judged(RULE)
    assert finding.confidence is Confidence.LIKELY
