"""Expectations are asked as often as they allow; what somebody accepts is said, and fails nothing until it expires."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from rules.build import container, network, topology

from netdoctor.cli.common import is_green, status_of
from netdoctor.cli.settings import Settings
from netdoctor.diagnosis.everyone import diagnose_pairs
from netdoctor.diagnosis.expected import meet
from netdoctor.edges.expectation_file import parse
from netdoctor.edges.pairs import pairs
from netdoctor.model import Confidence, Finding, Layer, Outcome, Report, Severity, Verdict
from netdoctor.probes.dns import Dns
from netdoctor.probes.tcp import Tcp
from netdoctor.vantage.fake import FakeVantages, Peer

from .play import healthy, inside, run

TODAY = date(2030, 1, 1)
LOOPBACK = {"listens": ["127.0.0.1:80"]}


def ask(lines, *, refused_times=0, today=TODAY, findings=()):
    """The healthy pair app -> db; its first dials are refused that often."""
    asked = []

    def diagnose(edges, seen):
        asked.append(list(edges))
        refused = len(asked) <= refused_times
        dials = {("10.0.0.3", 80): Outcome.REFUSED} if refused else None
        seen, vantages, *_ = healthy(**({"dials": dials} if refused else {}))
        report = run(seen, vantages, *edges)
        extra = tuple(replace(each, edge=edges[0]) for each in findings)
        return replace(report, findings=extra if findings else report.findings)

    text = "version: 1\nexpectations:\n" + "".join(f"  {line}\n" for line in lines)
    seen = healthy()[0]
    pauses = []
    report = meet(parse(text.encode(), "f"), lambda _: seen, diagnose, today=today, sleep=pauses.append)
    return report, asked, pauses


def status(report, **settings):
    return int(status_of(report, Settings(**settings)))


def test_what_holds_holds():
    report, asked, pauses = ask(["- app -> http://db:80/"])
    assert (report.verdict, status(report), len(asked), pauses) == (Verdict.HOLDS, 0, 1, [])


def test_an_expectation_is_asked_again_while_attempts_are_left():
    report, asked, pauses = ask(["- {from: app, to: 'http://db:80/', attempts: 3}"], refused_times=2)
    assert (report.verdict, len(asked), len(pauses), report.findings) == (Verdict.HOLDS, 3, 2, ())
    report, asked, _ = ask(["- {from: app, to: 'http://db:80/', attempts: 2}"], refused_times=9)
    assert (report.verdict, status(report), len(asked)) == (Verdict.BROKEN, 1, 2)


def test_only_what_is_not_met_is_asked_again():
    lines = ["- {from: app, to: 'http://db:80/', attempts: 2}", "- db -> app:1"]
    _, asked, _ = ask(lines, refused_times=1)
    assert [len(edges) for edges in asked] == [2, 1]


def test_an_unknown_name_keeps_its_place_and_is_never_healthy():
    report, *_ = ask(["- app -> ghost:1", "- app -> http://db:80/"])
    assert [each.verdict for each in report.edges] == [Verdict.UNKNOWN, Verdict.HOLDS]
    assert (report.verdict, status(report), is_green(report, Settings())) == (Verdict.UNKNOWN, 3, False)
    assert status(report, exit_zero=True) == 0


def test_severity_is_weighed_against_fail_on():
    report, *_ = ask(["- {from: app, to: 'http://db:80/', severity: warning}"], refused_times=9)
    assert {finding.severity for finding in report.findings} <= {Severity.WARNING, Severity.INFO}
    assert (report.verdict, status(report), status(report, fail_on="warning")) == (Verdict.BROKEN, 0, 1)
    assert is_green(report, Settings())


CAUSE = Finding("ND303", "nothing listens", Severity.ERROR, Confidence.CERTAIN, Layer.TARGET, (), "x")
SUPPRESSED = ["- from: app", "  to: http://db:80/", "  suppress: [{code: ND303, reason: at night, until: 2030-01-01}]"]


def test_an_accepted_cause_fails_nothing_and_is_said():
    report, *_ = ask(SUPPRESSED, refused_times=9, findings=[CAUSE])
    assert (report.edges[0].verdict, report.findings, status(report)) == (Verdict.BROKEN, (), 0)
    assert report.edges[0].accepted == "ND303: at night"
    assert any("ND303 is accepted until 2030-01-01: at night" in notice for notice in report.notices)


def test_a_second_cause_beside_an_accepted_one_still_fails():
    other = replace(CAUSE, code="ND304", cause="y")
    report, *_ = ask(SUPPRESSED, refused_times=9, findings=[CAUSE, other])
    assert ([finding.code for finding in report.findings], status(report)) == (["ND304"], 1)
    assert report.edges[0].accepted == ""


def test_an_expired_suppression_counts_no_more_and_is_reported():
    report, *_ = ask(SUPPRESSED, refused_times=9, findings=[CAUSE], today=date(2030, 1, 2))
    assert ([finding.code for finding in report.findings], status(report)) == (["ND303"], 1)
    assert any(notice.startswith("f:5: ") and "expired on 2030-01-01" in notice for notice in report.notices)


def test_nothing_asked_is_not_health():
    assert int(status_of(Report(Verdict.UNKNOWN, (), ()), Settings())) == 3


def crowd():
    """Two networks of three; on the first nobody is reached on one address."""
    nets = [network("one"), network("two")]
    members = [
        container(f"c{number}", nets[number % 2], address=f"10.{number % 2}.0.{number}", environment=())
        for number in range(6)
    ]
    known = {each.name: [f"10.{number % 2}.0.{number}"] for number, each in enumerate(members)}
    dials = {(f"10.{number % 2}.0.{number}", 80): Peer() for number in range(6)}
    vantages = {
        each.ref: inside(
            listens=["0.0.0.0:80"],
            knows={name: found for name, found in known.items() if found[0].startswith(f"10.{number % 2}.")},
            dials={key: peer for key, peer in dials.items() if key[0].startswith(f"10.{number % 2}.")},
        )
        for number, each in enumerate(members)
    }
    return topology(*members, *nets), FakeVantages(vantages), members, vantages


def test_of_all_pairs_those_apart_cost_one_dial_and_no_name_and_are_one_cause():
    seen, standing, members, vantages = crowd()
    report = diagnose_pairs(seen, pairs(seen).edges, standing, timeout=0.2)
    assert len(report.edges) == 30
    verdicts = [each.verdict for each in report.edges]
    assert (verdicts.count(Verdict.HOLDS), verdicts.count(Verdict.BROKEN)) == (12, 18)
    assert [finding.code for finding in report.findings if not finding.announced] == ["ND101"]
    assert sum(1 for each in report.edges if each.like) == 17
    far = {seen.container(m.ref).endpoints[0].ipv4 for m in members[1::2]}
    quiet = vantages[members[4].ref]
    assert sorted(call[1] for call in quiet.asked if call[0] == "dial" and call[1] in far) == sorted(far)
    apart = [each for each in report.edges if each.verdict is Verdict.BROKEN and each.like]
    assert not any(isinstance(step.question, Dns) for each in apart for step in each.steps)
    assert all(sum(isinstance(step.question, Tcp) for step in each.steps) == 1 for each in apart)


def test_a_target_without_any_listener_is_left_out_and_said():
    seen, standing, members, vantages = crowd()
    silent = members[0]
    standing = FakeVantages({**vantages, silent.ref: inside(listens=[], knows={})})
    report = diagnose_pairs(seen, pairs(seen).edges, standing, timeout=0.2)
    assert len(report.edges) == 25
    assert f"{silent.name} listens on no port, and is no target here" in report.notices
