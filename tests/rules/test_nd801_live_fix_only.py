"""ND801: it works, over a network that no file declares; never said of a path that the files declare too."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Outcome, Severity, Verdict
from netdoctor.rules.nd301_loopback_only import RULE as ND301
from netdoctor.rules.nd801_live_fix_only import RULE

from .build import story, topology
from .drifting import BACK, FRONT, app, between, files, store


def connected_by_hand(**target):
    caller, end = app(FRONT), store(BACK, FRONT, **target)
    return files(between(caller, end), end, undeclared=("shop_front",)), end


def test_a_path_that_rests_on_a_live_connect_is_a_warning():
    told, _ = connected_by_hand()
    (finding,) = judge_edge(told.works().case, [RULE], Verdict.HOLDS)
    assert finding.severity is Severity.WARNING
    assert "      - back\n      - shop_front" in finding.remedies[0].advice


def test_the_lines_to_paste_keep_a_network_with_a_name_of_its_own_by_its_key():
    back = replace(BACK, name="vectors")
    caller, end = app(FRONT), store(back, FRONT)
    told = story(topology(FRONT, back, caller, end), caller, end, name="store", port=80)
    told = files(told, end, undeclared=("shop_front",)).works()
    (finding,) = judge_edge(told.case, [RULE], Verdict.HOLDS)
    assert "    networks:\n      - back\n      - shop_front\nnetworks:" in finding.remedies[0].advice


def test_the_lines_to_paste_bring_default_only_where_nothing_is_declared():
    caller, end = app(FRONT), store(FRONT)
    told = files(between(caller, end), end, undeclared=("shop_front",)).works()
    (finding,) = judge_edge(told.case, [RULE], Verdict.HOLDS)
    assert "    networks:\n      - default\n      - shop_front\nnetworks:" in finding.remedies[0].advice


def test_a_path_that_also_runs_over_a_declared_network_is_not():
    caller, end = app(FRONT, BACK), store(BACK, FRONT)
    told = files(between(caller, end), end, undeclared=("shop_front",)).works()
    assert told.judged(RULE) == ()


def test_what_the_file_declares_is_not():
    caller, end = app(FRONT), store(BACK, FRONT)
    assert files(between(caller, end), end).works().judged(RULE) == ()


def test_what_does_not_work_has_another_cause():
    told, _ = connected_by_hand()
    told.dns(Outcome.CONNECTED).tcp(Outcome.REFUSED).listens("127.0.0.1:80")
    (finding,) = judge_edge(told.case, [ND301, RULE], Verdict.BROKEN)
    assert (finding.code, finding.suppressed) == ("ND301", ())


def test_coolifys_own_connect_is_no_hand_made_one():
    told, _ = connected_by_hand(labels={"coolify.managed": "true"}, aliases={"shop_front": ("store-shop",)})
    assert told.works().judged(RULE) == ()
