"""From findings to what would be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.errors import FixFailed
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.plan import make_plan
from netdoctor.model import Confidence, Connect, Disconnect, Edge, Layer, Remedy, Report, Severity, Verdict

from .build import APP, COOLIFY, EDGE, OWN, QDRANT, asked, container, endpoint, finding, join, network, topology

WHERE = topology(COOLIFY, OWN, APP, QDRANT)


def with_findings(*findings, where=WHERE):
    return Report(Verdict.BROKEN, (), findings, topology=where)


def test_the_incident_qdrant_joins_the_platform_s_shared_network():
    plan = make_plan(asked(WHERE))
    (fix,) = plan.fixes
    assert fix.commands == ("docker network connect --alias qdrant coolify qdrant",)
    assert [m.network for m in fix.memberships] == ["coolify"]
    assert "--move source: app joins qdrant_default instead" in fix.alternatives
    assert any(each.startswith("--isolate") for each in fix.alternatives)


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": Confidence.LIKELY},
        {"severity": Severity.INFO},
        {"announced": True},
    ],
)
def test_only_what_is_certain_and_shows_now_is_planned(change):
    assert make_plan(with_findings(replace(finding(EDGE, WHERE), **change))).fixes == ()


def test_a_finding_of_another_edge_is_not_planned_when_one_was_named():
    elsewhere = Edge(QDRANT.ref, APP.ref, name="app")
    assert make_plan(with_findings(finding(EDGE, WHERE)), about=[elsewhere]).fixes == ()
    assert len(make_plan(with_findings(finding(EDGE, WHERE)), about=[EDGE]).fixes) == 1


def test_advice_is_passed_on_where_nothing_can_be_applied():
    told = replace(finding(EDGE, WHERE), code="ND301", remedies=(Remedy("Bind 0.0.0.0", advice="HOST=0.0.0.0"),))
    (held,) = make_plan(with_findings(told)).held_back
    assert held.advice == ("HOST=0.0.0.0",)


def test_a_disruptive_remedy_needs_the_word():
    rough = (Remedy("Reconnect", (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name),)),)
    told = with_findings(replace(finding(EDGE, WHERE), remedies=rough))
    (held,) = make_plan(told).held_back
    assert "--disruptive" in held.reason
    (fix,) = make_plan(told, Choices(disruptive=True)).fixes
    assert fix.warnings[0] == "This interrupts connections that work now."


def test_a_reconnect_is_planned_as_a_row_not_each_step_for_itself():
    """Connecting to a network it is on is impossible, but not after it has left."""
    again = (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name), join(QDRANT, OWN, "qdrant", "vectors"))
    told = with_findings(replace(finding(EDGE, WHERE), remedies=(Remedy("Reconnect", again),)))
    (fix,) = make_plan(told, Choices(disruptive=True)).fixes
    assert fix.operations == again
    assert make_plan(told).held_back[0].commands == tuple(op.command() for op in again)


def test_a_safe_remedy_is_chosen_before_a_disruptive_one():
    rough = Remedy("Reconnect", (Disconnect(QDRANT.id, "qdrant", OWN.id, OWN.name),))
    safe = Remedy("Join", (join(),), safe=True)
    told = with_findings(replace(finding(EDGE, WHERE), remedies=(rough, safe)))
    assert make_plan(told, Choices(disruptive=True)).fixes[0].remedy is safe


def test_an_operation_that_is_impossible_by_now_holds_the_finding_back():
    gone = Connect("no-such-id", "ghost", COOLIFY.id, COOLIFY.name)
    told = with_findings(replace(finding(EDGE, WHERE), remedies=(Remedy("Join", (gone,), True),)))
    (held,) = make_plan(told).held_back
    assert "ghost is gone" in held.reason


def test_the_same_operation_for_two_findings_is_done_once():
    first, second = finding(EDGE, WHERE), replace(finding(EDGE, WHERE), code="ND104")
    assert len(make_plan(with_findings(first, second)).fixes) == 1


def test_a_name_that_will_not_lead_there_is_announced():
    shared = network("backend")
    one = container("web", shared)
    other = container("db-1", OWN, service="db", project="p")
    thief = replace(container("thief"), endpoints=(endpoint(shared, "thief", "db"),))
    where = topology(shared, OWN, one, other, thief)
    edge = Edge(one.ref, other.ref, name="db", port=5432)
    told = with_findings(finding(edge, where, remedies=(Remedy("x", (join(other, shared),), True),)), where=where)
    (fix,) = make_plan(told).fixes
    assert any("name db does not lead to db-1" in each for each in fix.warnings), fix.warnings
    assert any("db is in use on backend by thief" in each for each in fix.warnings), fix.warnings


def test_a_report_of_no_topology_cannot_be_planned():
    with pytest.raises(FixFailed):
        make_plan(Report(Verdict.BROKEN, (), ()))


def test_a_likely_reason_for_a_certain_fact_is_planned():
    certain = finding(EDGE, WHERE)
    likely = replace(certain, code="ND102", confidence=Confidence.LIKELY)
    assert make_plan(with_findings(replace(likely, suppressed=(certain,)))).fixes
    assert not make_plan(with_findings(likely)).fixes


def test_two_connections_repaired_by_one_join_are_one_fix_and_both_are_confirmed(tmp_path):
    """Two replicas on one network: the caller joins it once, and each has to answer."""
    from netdoctor.fixes.run import baseline, carry_out

    from .build import FakeEngine, desk, edge_report

    second = container("qdrant-2", OWN, service="qdrant", project="qdrant")
    other = Edge(APP.ref, second.ref, name="qdrant-2", port=6333)
    engine = FakeEngine(topology(COOLIFY, OWN, APP, QDRANT, second))
    report = asked(engine.now, (EDGE, other))
    (fix,) = make_plan(report, Choices(network=OWN.name)).fixes
    assert [each.edge for each in fix.findings] == [EDGE, other]
    before = baseline(report, fix)
    assert [each.codes for each in before.asked] == [("ND101",), ("ND101",)]

    def one_answers(where, edges):
        answer = asked(where, edges)
        failing = edge_report(other, Verdict.BROKEN, Layer.MEMBERSHIP, label="app -> qdrant-2")
        return replace(answer, edges=(answer.edges[0], failing))

    place = desk(engine, tmp_path / "state", one_answers)
    with place.journal.locked():
        outcome = carry_out(fix, before, place)
    assert not outcome.kept
    assert "qdrant-2 still fails" in " ".join(outcome.judgement.against)
