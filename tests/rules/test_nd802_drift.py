"""ND802: file and runtime disagree on something that touches the connection; listed under the cause of a failure."""

from __future__ import annotations

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Outcome, Severity, Verdict
from netdoctor.probes.compose_files import Changed
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd802_drift import RULE

from .drifting import BACK, FRONT, app, between, files, store


def told(caller=None, target=None, end="target", **evidence):
    caller, target = caller or app(FRONT, BACK), target or store(FRONT)
    return files(between(caller, target), target if end == "target" else caller, **evidence).works()


def test_a_declared_network_that_was_left_by_hand():
    (finding,) = judge_edge(told(missing=("shop_back",)).case, [RULE], Verdict.HOLDS)
    assert finding.severity is Severity.WARNING
    assert "is not on shop_back" in finding.cause


def test_a_name_that_was_lost_or_never_deployed():
    (finding,) = told(aliases=(("shop_front", "vectors"),)).judged(RULE)
    assert "vectors" in finding.cause


def test_a_variable_that_will_lead_elsewhere():
    changed = (Changed("STORE_URL", "store", "newstore"), Changed("KEY", "", ""))
    (finding,) = told(end="caller", changed=changed).judged(RULE)
    assert "newstore" in finding.cause and "KEY" not in repr(finding)


def test_a_service_that_is_gone_from_the_file():
    (finding,) = told(declared=False).judged(RULE)
    assert "no longer in the file" in finding.cause


def test_no_drift_and_drift_that_does_not_touch_the_connection_are_no_finding():
    assert told().judged(RULE) == ()
    assert told(missing=("elsewhere",)).judged(RULE) == ()
    assert told(undeclared=("shop_front",)).judged(RULE) == ()
    assert told(aliases=(("elsewhere", "x"),)).judged(RULE) == ()
    assert told(changed=(Changed("STORE_URL", "store", "x"),)).judged(RULE) == ()
    assert told(end="caller", changed=(Changed("KEY", "", ""), Changed("A_URL", "a", "b"))).judged(RULE) == ()


def test_a_name_that_another_shared_network_gives_is_not_missed():
    caller, target = app(FRONT, BACK), store(FRONT, BACK, aliases={"shop_back": ("vectors",)})
    assert told(caller, target, aliases=(("shop_front", "vectors"),)).judged(RULE) == ()


def test_it_is_listed_under_the_cause_of_a_failure():
    caller, target = app(FRONT), store(BACK)
    story = between(caller, target).dns(Outcome.RESOLVER_FAILED).tcp(Outcome.TIMED_OUT)
    (finding,) = judge_edge(files(story, caller, missing=("shop_back",)).case, [ND101, RULE], Verdict.BROKEN)
    assert finding.code == "ND101"
    assert [each.code for each in finding.suppressed] == ["ND802"]
