"""One incident, one cause: what follows is under it, a second cause is announced, the merely possible fails nothing."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.build import container, network, topology

from netdoctor.diagnosis import judge
from netdoctor.diagnosis.judge import Broken, announce, applicable, judge_edge, order, suppress, unjudged
from netdoctor.model import (
    Answers,
    Case,
    Confidence,
    Edge,
    Fact,
    Finding,
    Layer,
    Observation,
    Outcome,
    Report,
    Severity,
    Verdict,
)
from netdoctor.probes.tcp import Tcp

NET = network("net")
A, B = container("app1", NET), container("db1", NET)
SEEN = topology(NET, A, B)
EDGE = Edge(A.ref, B.ref, port=80)
CASE = Case(SEEN, EDGE, Answers())


def finding(code, *, severity=Severity.ERROR, confidence=Confidence.CERTAIN, layer=Layer.TCP):
    return Finding(code, code.lower(), severity, confidence, layer, (A.ref,), f"{code} it is.")


class FakeRule:
    def __init__(self, code, *found, suppresses=(), needs=(), wants=(), fails=None):
        self.code, self.title = code, code
        self.suppresses, self.needs = frozenset(suppresses), frozenset(needs)
        self._found, self._wants, self._fails = found, wants, fails

    def wants(self, case):
        if self._fails == "wants":
            raise RuntimeError("boom")
        return self._wants

    def judge(self, case):
        if self._fails == "judge":
            raise RuntimeError("boom")
        return self._found


def heads(found, suppresses):
    return {each.code: tuple(below.code for below in each.suppressed) for each in suppress(found, suppresses)}


def test_a_cause_takes_its_symptoms_under_it_in_any_order():
    found = [finding("ND101"), finding("ND201"), finding("ND304"), finding("ND501")]
    table = {"ND101": frozenset({"ND201", "ND304"})}
    for mixed in permutations(found):
        assert heads(mixed, table) == {"ND101": ("ND201", "ND304"), "ND501": ()}


def test_a_cause_that_was_not_found_hides_nothing():
    assert heads([finding("ND201")], {"ND101": frozenset({"ND201"})}) == {"ND201": ()}


def test_a_possible_cause_explains_nothing():
    found = [finding("ND101", confidence=Confidence.POSSIBLE), finding("ND201")]
    assert heads(found, {"ND101": frozenset({"ND201"})}) == {"ND101": (), "ND201": ()}


def test_suppression_reaches_through_what_is_suppressed_itself():
    table = {"ND101": frozenset({"ND201"}), "ND201": frozenset({"ND303"})}
    found = [finding("ND101"), finding("ND201"), finding("ND303")]
    assert heads(found, table) == {"ND101": ("ND201", "ND303")}


def test_nothing_is_lost_by_suppression():
    table = {"ND1": frozenset({"ND2"}), "ND2": frozenset({"ND3"}), "ND4": frozenset({"ND3"})}
    for size in range(1, 5):
        for mixed in permutations([finding(f"ND{n}") for n in (1, 2, 3, 4)], size):
            kept = suppress(mixed, table)
            assert {each.code for each in mixed} == {each.code for head in kept for each in (head, *head.suppressed)}


def test_a_fact_read_at_the_target_behind_a_broken_path_is_announced():
    found = announce([finding("ND101", layer=Layer.MEMBERSHIP), finding("ND301", layer=Layer.TARGET)])
    assert [(each.code, each.announced) for each in found] == [("ND101", False), ("ND301", True)]


@pytest.mark.parametrize(
    "path",
    [
        finding("ND101", layer=Layer.MEMBERSHIP, confidence=Confidence.POSSIBLE),
        finding("ND101", layer=Layer.MEMBERSHIP, severity=Severity.WARNING),
        finding("ND304", layer=Layer.TCP),
    ],
)
def test_it_is_blamed_where_the_path_is_not_certainly_broken_before_it(path):
    found = announce([path, finding("ND301", layer=Layer.TARGET)])
    assert not any(each.announced for each in found)


def test_the_order_is_severity_confidence_layer_code_and_announced_last():
    a = finding("ND101", layer=Layer.MEMBERSHIP)
    rest = [
        finding("ND201", layer=Layer.DNS),
        finding("ND301", layer=Layer.TCP),
        finding("ND302", layer=Layer.TCP),
        finding("ND102", layer=Layer.MEMBERSHIP, confidence=Confidence.LIKELY),
        finding("ND001", severity=Severity.WARNING),
        finding("ND000", severity=Severity.INFO),
    ]
    assert sorted([*reversed(rest), a], key=order) == [a, *rest]


def test_an_edge_that_holds_has_no_errors():
    (found,) = judge_edge(CASE, [FakeRule("ND101", finding("ND101"))], Verdict.HOLDS)
    assert found.severity is Severity.WARNING
    (found,) = judge_edge(CASE, [FakeRule("ND101", finding("ND101"))], Verdict.BROKEN)
    assert (found.severity, found.edge) == (Severity.ERROR, EDGE)


def test_what_a_topology_cannot_feed_is_skipped_with_its_reason():
    live, files = FakeRule("ND101", needs={Fact.RUNTIME}), FakeRule("ND802", needs={Fact.DECLARED})
    anything = FakeRule("ND201")
    kept, skipped = applicable([live, files, anything], SEEN)
    assert kept == [live, anything]
    assert [(each.code, each.reason) for each in skipped] == [("ND802", "needs compose files")]
    _, skipped = applicable([live], topology(knows=frozenset({Fact.DECLARED})))
    assert skipped[0].reason == "needs a live engine"


def test_a_question_without_an_answer_is_listed_with_its_reason():
    asked, silent, late = (Tcp(A.ref, "10.0.0.3", port) for port in (1, 2, 3))
    seen = Answers(
        {asked: Observation(Outcome.REFUSED), silent: Observation(Outcome.COULD_NOT_ASK, None, "no vantage")}
    )
    rule = FakeRule("ND303", wants=(asked, silent, late))
    found = list(unjudged(Case(SEEN, EDGE, seen), [rule], Broken()))
    assert [(each.code, each.question) for each in found] == [("ND303", "tcp 10.0.0.3:2"), ("ND303", "tcp 10.0.0.3:3")]
    assert found[0].reason == "no vantage"
    assert "not asked" in found[1].reason


CODES = ("ND1", "ND2", "ND3", "ND4")


@given(
    st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(Confidence)), max_size=6),
    st.dictionaries(st.sampled_from(CODES), st.frozensets(st.sampled_from(CODES)), max_size=4),
)
def test_what_any_other_sure_finding_explains_is_under_it(told, suppresses):
    found = [finding(code, confidence=confidence) for code, confidence in told]
    sure = [each for each in found if each.confidence is not Confidence.POSSIBLE]
    explained = [
        each
        for each in found
        if any(other is not each and each.code in suppresses.get(other.code, ()) for other in sure)
    ]
    got = suppress(found, suppresses)
    assert sorted(each.code for each in got) == sorted(
        each.code for each in found if not any(each is one for one in explained)
    )
    assert {each.code for head in got for each in head.suppressed} <= {each.code for each in explained}


def test_bare_secrets_are_looked_for_once_for_all_findings(monkeypatch):
    from dataclasses import replace

    seen, looked = topology(NET, container("app1", NET, environment=(("DB_PASSWORD", "hunter2hunter2"),)), B), []
    real = judge.secrets_among
    monkeypatch.setattr(judge, "secrets_among", lambda pairs: looked.append(1) or real(pairs))
    rules = [FakeRule(code, replace(finding(code), evidence=("it said hunter2hunter2",))) for code in CODES]
    broken = Broken()
    for _ in range(3):
        found = judge_edge(Case(seen, EDGE, Answers()), rules, Verdict.BROKEN, broken)
        assert [each.evidence for each in found] == [("it said ***",)] * 4
    assert looked == [1]


@pytest.mark.parametrize("where", ["wants", "judge"])
def test_a_rule_that_fails_is_reported_and_the_others_go_on(where):
    broken = Broken()
    rules = [FakeRule("ND101", fails=where), FakeRule("ND201", finding("ND201"))]
    found = judge_edge(CASE, rules, Verdict.BROKEN, broken)
    list(unjudged(CASE, rules, broken))
    assert [each.code for each in found] == ["ND201"]
    assert [(each.code, each.reason) for each in broken.unjudged()] == [
        ("ND101", "the rule itself failed (RuntimeError: boom)")
    ]


def test_the_worst_severity_leaves_out_the_possible_and_the_announced():
    from dataclasses import replace

    possible = finding("ND1", confidence=Confidence.POSSIBLE)
    announced = replace(finding("ND2"), announced=True)
    warning = finding("ND3", severity=Severity.WARNING)
    assert Report(Verdict.BROKEN, (), (possible, announced, warning)).worst() is Severity.WARNING
    assert Report(Verdict.BROKEN, (), (possible,)).worst() is None
