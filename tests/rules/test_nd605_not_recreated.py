"""ND605: the file was corrected after the container was made; it explains what the old settings break."""

from __future__ import annotations

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Outcome, Severity, Verdict
from netdoctor.probes.compose_files import Changed, ComposeFiles
from netdoctor.rules.nd101_no_shared_network import RULE as ND101
from netdoctor.rules.nd605_not_recreated import RULE
from netdoctor.rules.nd802_drift import RULE as ND802

from .drifting import BACK, FRONT, app, between, files, store


def apart(**evidence):
    caller, target = app(FRONT), store(BACK)
    told = between(caller, target).dns(Outcome.RESOLVER_FAILED).tcp(Outcome.TIMED_OUT)
    return files(told, caller, **evidence)


def test_a_network_that_the_edited_file_adds_is_the_cause_and_the_rest_is_listed_under_it():
    case = apart(newer=True, missing=("shop_back",)).case
    (finding,) = judge_edge(case, [ND101, RULE, ND802], Verdict.BROKEN)
    assert (finding.code, finding.confidence) == ("ND605", Confidence.CERTAIN)
    assert {each.code for each in finding.suppressed} == {"ND101", "ND802"}
    assert finding.remedies[0].operations[0].command().startswith("docker network connect")
    assert "docker compose up -d app" in finding.remedies[1].advice


def test_both_sides_may_be_about_to_join_a_third_network():
    told = apart(newer=True, missing=("hub",))
    files(told, store(BACK), newer=True, missing=("hub",))
    assert len(told.judged(RULE)) == 2
    assert all("compose up" in each.remedies[0].advice for each in told.judged(RULE))


def test_an_older_file_and_another_network_are_not_the_cause():
    assert apart(newer=False, missing=("shop_back",)).judged(RULE) == ()
    assert apart(newer=True, missing=("elsewhere",)).judged(RULE) == ()
    assert apart(newer=True).judged(RULE) == ()


def test_a_variable_that_leads_to_the_target_in_the_file_only_breaks_the_callers_own_way():
    caller, target = app(FRONT), store(FRONT)
    told = files(between(caller, target).works(), caller, newer=True, changed=(Changed("STORE_URL", "old", "store"),))
    (finding,) = told.judged(RULE)
    assert finding.severity is Severity.ERROR and finding.caller_fails
    assert finding.about[0].path == ("environment", "STORE_URL")


def test_the_variable_that_a_failing_edge_rests_on_was_edited():
    caller, target = app(FRONT), store(FRONT)
    basis = caller.ref.at("environment", "STORE_URL")
    told = between(caller, target, origin="environment STORE_URL", basis=basis).dns(Outcome.CONNECTED)
    told.tcp(Outcome.REFUSED)
    files(told, caller, newer=True, changed=(Changed("STORE_URL", "store", "store"),))
    assert len(told.judged(RULE)) == 1


def test_other_variables_and_edges_that_work_are_left_alone():
    caller, target = app(FRONT), store(FRONT)
    told = between(caller, target).works()
    files(told, caller, newer=True, changed=(Changed("KEY", "", ""), Changed("STORE_URL", "store", "elsewhere")))
    assert told.judged(RULE) == ()


def test_files_are_opened_for_what_fails_and_only_stamped_for_what_cannot_differ():
    caller, target = app(FRONT), store(FRONT)
    healthy = between(caller, target).works()
    assert healthy.wanted(RULE) == {ComposeFiles(caller.ref, True), ComposeFiles(target.ref, True)}
    failing = between(caller, target).dns(Outcome.CONNECTED).tcp(Outcome.REFUSED)
    assert ComposeFiles(caller.ref) in failing.wanted(RULE)
    assert ComposeFiles(caller.ref) in between(caller, store(BACK)).wanted(RULE)
