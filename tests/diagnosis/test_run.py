"""A whole run: the story, the ways not to know, and that not knowing is never health."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from rules.build import topology

from netdoctor.diagnosis import run as running
from netdoctor.diagnosis.run import CHANGED, overall
from netdoctor.errors import NoVantage
from netdoctor.model import Edge, Layer, Outcome, State, Verdict
from netdoctor.rules.registry import RULES
from netdoctor.vantage.fake import FakeVantages, Peer
from netdoctor.vantage.interface import CannotAsk, DialFailed
from netdoctor.vantage.recorded import Recorded

from .play import APP, QDRANT, healthy, http_peer, incident, inside, run

STORY = Edge(APP.ref, QDRANT.ref, name="qdrant", port=6333, path="/healthz", protocol="http")


def outcomes(report):
    return {step.layer: step.observation.outcome for step in report.edges[0].steps}


def test_the_incident_has_one_cause():
    report = run(*incident(), STORY)
    assert report.verdict is Verdict.BROKEN
    assert [finding.code for finding in report.findings] == ["ND101"]
    assert report.edges[0].label == "app -> qdrant:6333/healthz"
    assert outcomes(report) == {
        Layer.MEMBERSHIP: Outcome.NO_ROUTE,
        Layer.DNS: Outcome.RESOLVER_FAILED,
        Layer.PING: Outcome.TIMED_OUT,
        Layer.TCP: Outcome.TIMED_OUT,
    }
    assert report.edges[0].reverse_label == "qdrant -> app"
    assert report.edges[0].reverse_verdict is Verdict.BROKEN
    assert report.edges[0].vantages == ("fake",)


def test_a_healthy_edge_holds_on_every_rung():
    seen, vantages, app, db, _ = healthy()
    report = run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol="http"))
    assert report.verdict is Verdict.HOLDS
    assert report.findings == ()
    assert report.unjudged == ()
    assert [step.layer for step in report.edges[0].steps] == [
        Layer.MEMBERSHIP, Layer.DNS, Layer.PING, Layer.TCP, Layer.HTTP,
    ]  # fmt: skip
    assert report.edges[0].reverse_verdict is Verdict.HOLDS


def test_no_question_is_put_twice():
    seen, vantages, app, db, _ = healthy()
    edge = Edge(app.ref, db.ref, name="db", port=80, protocol="http")
    run(seen, vantages, edge, edge, replace(edge, origin="again"))
    asked = [call for call in vantages.at(app.ref).asked if call[0] in ("ping", "dial")]
    # TCP and HTTP dial the same port: two questions.
    assert sorted(asked) == [("dial", "10.0.0.3", 80)] * 2 + [("ping", "10.0.0.3")]


@pytest.mark.parametrize(
    "nobody", [NoVantage("Nothing can be asked from inside app: netns: no."), CannotAsk("app is restarting")]
)
def test_without_a_vantage_nothing_is_healthy_and_every_reason_is_listed(nobody):
    seen, _, app, db, _ = healthy()
    vantages = FakeVantages({app.ref: nobody, db.ref: nobody})
    report = run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80))
    assert report.verdict is Verdict.UNKNOWN
    assert report.edges[0].verdict is Verdict.UNKNOWN
    assert report.edges[0].reason
    labels = {each.question for each in report.unjudged if each.code in ("dns", "ping", "tcp")}
    assert labels == {"dns db", "ping 10.0.0.3", "tcp 10.0.0.3:80"}
    assert all(each.reason for each in report.unjudged)
    steps = {step.layer: step for step in report.edges[0].steps}
    assert steps[Layer.TCP].detail == report.edges[0].reason


def test_a_recorded_run_asks_nothing_new():
    seen, vantages, app, db, _ = healthy()
    edge = Edge(app.ref, db.ref, name="db", port=80, protocol="http")
    first = run(seen, vantages, edge)
    again = running.diagnose(seen, [edge], Recorded(), recorded=first.seen, timeout=0.1)
    assert (again.verdict, again.findings, again.edges[0].steps) == (Verdict.HOLDS, (), first.edges[0].steps)
    bare = running.diagnose(seen, [edge], Recorded(), timeout=0.1)
    assert bare.verdict is Verdict.UNKNOWN
    assert "recorded" in bare.edges[0].reason


def test_a_failure_of_a_target_that_moved_meanwhile_is_unknown():
    seen, vantages, app, db, _ = healthy(dials={("10.0.0.3", 80): Outcome.REFUSED})
    moving = FakeVantages(
        {app.ref: vantages.at(app.ref), db.ref: vantages.at(db.ref)}, changed={db.ref: "db was restarted"}
    )
    report = run(seen, moving, Edge(app.ref, db.ref, name="db", port=80))
    assert report.edges[0].verdict is Verdict.UNKNOWN
    assert report.edges[0].reason == f"{CHANGED}: db was restarted"
    assert run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80)).verdict is Verdict.BROKEN


def test_a_port_that_nobody_named_comes_from_the_targets_listeners():
    seen, vantages, app, db, _ = healthy()
    report = run(seen, vantages, Edge(app.ref, db.ref, name="db"))
    assert (report.edges[0].edge.port, report.edges[0].edge.origin) == (80, "listeners")
    assert report.edges[0].label == "app -> db:80"


def test_an_exposed_listener_is_taken_before_a_lower_one():
    _, vantages, app, db, net = healthy()
    exposed = replace(db, exposed=((8080, "tcp"), (70, "udp")))
    at_db = inside(listens=["0.0.0.0:70", "0.0.0.0:8080"])
    where = topology(app, exposed, net)
    report = run(where, FakeVantages({app.ref: vantages.at(app.ref), db.ref: at_db}), Edge(app.ref, db.ref))
    assert report.edges[0].edge.port == 8080


def test_a_target_without_any_listener_is_unknown():
    seen, vantages, app, db, _ = healthy()
    silent = FakeVantages({app.ref: vantages.at(app.ref), db.ref: inside(listens=[])})
    report = run(seen, silent, Edge(app.ref, db.ref, name="db"))
    assert report.verdict is Verdict.UNKNOWN
    assert "no port is known" in report.edges[0].reason


def test_a_stopped_target_is_broken_with_its_own_cause():
    _, vantages, app, db, net = healthy(knows={})
    stopped = replace(db, state=State("exited", exit_code=1), endpoints=(replace(db.endpoints[0], ipv4=None),))
    nobody = CannotAsk("db is not running (exited)")
    where = topology(app, stopped, net)
    report = run(where, FakeVantages({app.ref: vantages.at(app.ref), db.ref: nobody}), Edge(app.ref, db.ref, "db", 80))
    assert report.verdict is Verdict.BROKEN
    assert report.findings[0].code == "ND501"


def test_several_edges_have_several_verdicts_and_the_worst_counts():
    seen, vantages, app, db, _ = healthy(
        dials={("10.0.0.3", 80): http_peer(), ("10.0.0.3", 81): Outcome.REFUSED, ("10.0.0.3", 82): CannotAsk("x")}
    )
    report = run(seen, vantages, *(Edge(app.ref, db.ref, port=port) for port in (80, 81, 82)))
    assert [each.verdict for each in report.edges] == [Verdict.HOLDS, Verdict.BROKEN, Verdict.UNKNOWN]
    assert report.verdict is Verdict.BROKEN


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.UNKNOWN),
        ([Verdict.HOLDS], Verdict.HOLDS),
        ([Verdict.HOLDS, Verdict.UNKNOWN], Verdict.UNKNOWN),
        ([Verdict.HOLDS, Verdict.UNKNOWN, Verdict.BROKEN], Verdict.BROKEN),
    ],
)
def test_broken_beats_unknown_beats_holds_and_nothing_is_unknown(verdicts, expected):
    assert overall(verdicts) is expected


def test_only_and_skip_choose_the_rules():
    assert [f.code for f in run(*incident(), STORY, skip=frozenset({"ND101"})).findings if f.code == "ND101"] == []
    assert run(*incident(), STORY, only=frozenset({"ND501"})).findings == ()
    assert run(*incident(), STORY, only=frozenset({"ND501"})).verdict is Verdict.BROKEN


def test_one_cause_on_several_edges_is_one_finding():
    seen, vantages = incident()
    report = run(seen, vantages, STORY, replace(STORY, port=6334, path=None, protocol="grpc"))
    assert len(report.edges) == 2
    assert [finding.code for finding in report.findings] == ["ND101"]


def test_an_explained_path_does_not_take_its_whole_patience():
    seen, _ = incident()
    patient = FakeVantages({APP.ref: _patient(inside()), QDRANT.ref: _patient(inside())})
    began = time.monotonic()
    run(seen, patient, STORY, timeout=4.0)
    assert time.monotonic() - began < 3


def _patient(vantage):
    vantage._patient = True
    return vantage


def test_a_rule_that_fails_does_not_end_the_run(monkeypatch):
    def boom(case):
        raise RuntimeError("boom")

    monkeypatch.setattr(type(RULES.get("ND201")), "judge", lambda self, case: boom(case))
    report = run(*incident(), STORY)
    assert [finding.code for finding in report.findings] == ["ND101"]
    assert ("ND201", "the rule itself failed (RuntimeError: boom)") in [(u.code, u.reason) for u in report.unjudged]


def test_what_was_used_on_the_way_is_in_the_report():
    seen, vantages, app, db, _ = healthy()
    using = FakeVantages({app.ref: vantages.at(app.ref), db.ref: vantages.at(db.ref)}, used=["app was asked by exec"])
    assert run(seen, using, Edge(app.ref, db.ref, port=80)).notices == ("app was asked by exec",)


def test_http_that_fails_on_an_open_port_is_broken():
    seen, vantages, app, db, _ = healthy(dials={("10.0.0.3", 80): Peer(answer=lambda _: b"SSH-2.0-x\r\n")})
    report = run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol="http"))
    assert report.verdict is Verdict.BROKEN
    assert outcomes(report)[Layer.HTTP] is Outcome.WRONG_SERVICE


def test_a_dial_failure_with_its_own_words_reaches_the_report():
    seen, vantages, app, db, _ = healthy(dials={("10.0.0.3", 80): DialFailed(Outcome.NO_ROUTE, "no", errno=113)})
    report = run(seen, vantages, Edge(app.ref, db.ref, port=80))
    assert outcomes(report)[Layer.TCP] is Outcome.NO_ROUTE
