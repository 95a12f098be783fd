"""The highest rung of a protocol that is not HTTP is its greeting; and a caller may fail where our questions pass."""

from __future__ import annotations

from dataclasses import replace

from netdoctor.formats.human import HumanFormat
from netdoctor.formats.interface import Look
from netdoctor.model import Edge, Layer, Outcome, Severity, Topology, Verdict
from netdoctor.vantage.fake import Peer

from .play import healthy, run

ADDRESS = ("10.0.0.3", 80)
LOOK = Look(color=False, width=80, verbose=False, next_command="")


def asked(answer: bytes, protocol: str = "redis", **environment: str):
    seen, vantages, app, db, net = healthy(dials={ADDRESS: Peer(answer=lambda _: answer)})
    said = replace(app, environment=tuple(environment.items()))
    seen = Topology(seen.knows, (said, db), (net,))
    basis = app.ref.at("environment", next(iter(environment))) if environment else None
    return run(seen, vantages, Edge(app.ref, db.ref, name="db", port=80, protocol=protocol, basis=basis))


def test_the_right_service_makes_the_edge_hold_on_a_rung_of_its_own():
    report = asked(b"+PONG\r\n")
    assert report.verdict is Verdict.HOLDS
    assert report.edges[0].steps[-1].layer is Layer.GREETING
    assert "greeting  ok" in HumanFormat().render(report, LOOK)


def test_another_service_breaks_it_although_the_port_opens():
    report = asked(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert report.verdict is Verdict.BROKEN
    assert report.edges[0].steps[-1].observation.outcome is Outcome.WRONG_SERVICE
    assert [finding.code for finding in report.findings] == ["ND406"]


def test_a_service_that_says_it_cannot_serve_is_broken_and_shown_as_an_error():
    report = asked(b"-LOADING Redis is loading the dataset in memory\r\n")
    assert report.verdict is Verdict.BROKEN
    assert [finding.code for finding in report.findings] == ["ND503"]
    assert "greeting  error" in HumanFormat().render(report, LOOK)


def test_a_protocol_without_a_greeting_is_judged_by_its_port():
    report = asked(b"", protocol="tcp")
    assert report.verdict is Verdict.HOLDS
    assert report.edges[0].steps[-1].layer is Layer.TCP


def test_a_caller_that_lacks_the_password_breaks_an_edge_whose_rungs_are_all_good():
    report = asked(b"-NOAUTH Authentication required.\r\n", REDIS_URL="redis://db:80")
    assert all(step.observation.good for step in report.edges[0].steps)
    assert report.verdict is report.edges[0].verdict is Verdict.BROKEN
    assert [(finding.code, finding.severity) for finding in report.findings] == [("ND403", Severity.ERROR)]


def test_with_the_password_the_same_answer_is_health():
    report = asked(b"-NOAUTH Authentication required.\r\n", REDIS_URL="redis://:hunter2@db:80")
    assert (report.verdict, report.findings) == (Verdict.HOLDS, ())
