"""An edge that must not work holds by proof only: dialled in vain, explained by inspect, and the target alive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rules.build import container, network, topology

from netdoctor.diagnosis.isolation import SILENCE, wants, ways
from netdoctor.diagnosis.run import diagnose
from netdoctor.model import Answers, Apart, Case, Edge, Expect, Expectation, Outcome, PortBinding, Verdict
from netdoctor.probes.dns import Dns
from netdoctor.probes.tcp import Tcp
from netdoctor.vantage.fake import FakeVantages, Peer

from .play import inside

PORT = 5432
NEAR = network("near", gateways=("10.1.0.1",))
FAR = network("far", gateways=("10.2.0.1",))
ALIVE = Peer()
WEB = container("web", NEAR, address="10.1.0.2", environment=())
DB_IP = "10.2.0.3"


def db(*networks, **fields):
    return container("db", *(networks or (FAR,)), address=DB_IP, environment=(), **fields)


def judged(target, *networks, dials=None, alive=ALIVE, web=WEB, port=PORT, reason=Apart.ISOLATED, policy="", **more):
    """``dials``: what answers the caller; everything else is silence. ``alive``: what the target says to itself."""
    edge = Edge(
        web.ref, target.ref, name="db", port=port,
        expectation=Expectation(Expect.ISOLATED, reason=reason, policy=policy),
    )  # fmt: skip
    seen = topology(web, target, *(networks or (NEAR, FAR)))
    vantages = FakeVantages(
        {
            web.ref: inside(dials=dials or {}),
            target.ref: inside(dials={(DB_IP, PORT): alive}, listens=[f"0.0.0.0:{PORT}"]),
        },
        **more,
    )
    report = diagnose(seen, [edge], vantages, timeout=0.1)
    (only,) = report.edges
    assert report.verdict is only.verdict
    assert report.findings == ()
    return only


def test_silence_explained_and_a_living_target_hold():
    edge = judged(db())
    assert (edge.verdict, edge.label) == (Verdict.HOLDS, "web -x> db:5432")
    assert "share no network" in edge.reason
    assert any("asked from db itself" in step.detail for step in edge.steps)
    assert not any(isinstance(step.question, Dns) for step in edge.steps)


def test_what_answers_is_broken_with_the_way_it_took():
    edge = judged(db(), dials={(DB_IP, PORT): Peer()})
    assert edge.verdict is Verdict.BROKEN
    assert f"{DB_IP}:{PORT} (on far)" in edge.reason


@pytest.mark.parametrize("gateway", ["10.1.0.1", "10.2.0.1"])
def test_a_published_port_through_either_gateway_is_a_way_in(gateway):
    edge = judged(db(publish=[(15432, PORT)]), dials={(gateway, 15432): Peer()})
    assert edge.verdict is Verdict.BROKEN
    assert f"published port 15432 through {gateway}" in edge.reason


def test_every_published_port_counts_not_only_the_expected_one():
    assert judged(db(publish=[(19100, 9100)]), dials={("10.1.0.1", 19100): Peer()}).verdict is Verdict.BROKEN


def test_a_refusal_at_a_gateway_is_explained_by_a_binding_to_loopback_and_by_nothing_else():
    refused = {("10.1.0.1", 15432): Outcome.REFUSED, ("10.2.0.1", 15432): Outcome.REFUSED}
    bound = db()
    loopback = PortBinding(PORT, 15432, "127.0.0.1")
    assert judged(replace(bound, published=(loopback,)), dials=refused).verdict is Verdict.HOLDS
    anywhere = judged(db(publish=[(15432, PORT)]), dials=refused)
    assert anywhere.verdict is Verdict.UNKNOWN
    assert "only with a named policy" in anywhere.reason


def test_a_refusal_counts_with_a_named_policy_only():
    refused = {(DB_IP, PORT): Outcome.REFUSED}
    assert judged(db(), dials=refused).verdict is Verdict.UNKNOWN
    named = judged(db(), dials=refused, reason=Apart.POLICY, policy="the firewall")
    assert named.verdict is Verdict.HOLDS
    assert "the firewall" in named.reason


def test_a_target_that_does_not_answer_itself_proves_nothing():
    edge = judged(db(), alive=Outcome.REFUSED)
    assert edge.verdict is Verdict.UNKNOWN
    assert "does not answer itself" in edge.reason


def test_silence_on_a_shared_network_is_not_explained():
    edge = judged(db(NEAR), NEAR)
    assert edge.verdict is Verdict.UNKNOWN
    assert "inspect does not say why" in edge.reason


def test_icc_off_explains_and_is_not_another_reason():
    closed = network("closed", icc=False)
    web = container("web", closed, address="10.1.0.2", environment=())
    assert judged(db(closed), closed, web=web).verdict is Verdict.HOLDS
    assert judged(db(closed), closed, web=web, reason=Apart.INTERNAL).verdict is Verdict.UNKNOWN


def test_one_open_network_beside_a_closed_one_explains_nothing():
    closed = network("closed", icc=False)
    web = container("web", NEAR, closed, environment=())
    assert judged(db(NEAR, closed), NEAR, closed, web=web).verdict is Verdict.UNKNOWN


def test_internal_is_confirmed_by_inspect():
    inner = network("inner", internal=True)
    assert judged(db(inner), NEAR, inner, reason=Apart.INTERNAL).verdict is Verdict.HOLDS
    assert judged(db(), reason=Apart.INTERNAL).verdict is Verdict.UNKNOWN


def test_without_a_port_all_listeners_are_tried():
    edge = judged(db(), port=None, dials={(DB_IP, PORT): Peer()})
    assert edge.verdict is Verdict.BROKEN


def test_a_target_that_moved_while_it_was_asked_is_unknown_even_when_nothing_answered():
    target = db()
    edge = judged(target, changed={target.ref: "db was restarted"})
    assert edge.verdict is Verdict.UNKNOWN
    assert "target changed while it was asked: db was restarted" in edge.reason


def test_explained_silence_is_waited_for_briefly_and_unexplained_silence_in_full():
    target = db()
    edge = Edge(WEB.ref, target.ref, port=PORT, expectation=Expectation(Expect.ISOLATED))
    apart = dict(wants(Case(topology(WEB, target, NEAR, FAR), edge, Answers()), 4.0))
    assert apart[Tcp(WEB.ref, DB_IP, PORT)] == SILENCE
    together = db(NEAR)
    edge = Edge(WEB.ref, together.ref, port=PORT, expectation=Expectation(Expect.ISOLATED))
    assert dict(wants(Case(topology(WEB, together, NEAR), edge, Answers()), 4.0))[Tcp(WEB.ref, DB_IP, PORT)] == 4.0


def test_a_caller_on_the_host_also_tries_loopback():
    host = container("agent", environment=(), network_mode="host")
    target = db(publish=[(15432, PORT)])
    edge = Edge(host.ref, target.ref, port=PORT, expectation=Expectation(Expect.ISOLATED))
    found = ways(Case(topology(host, target, FAR), edge, Answers()))
    assert ("127.0.0.1", 15432) in {(way.address, way.port) for way in found}
