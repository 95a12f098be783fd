"""ND205 is said when names of the outside get no answer at all, and the engine's own names do."""

from __future__ import annotations

import pytest

from netdoctor.model import Answers, Case, Confidence, Edge, Observation, Outcome, Ref
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd205_upstream_dns import RULE

from .build import BRIDGE, container, network, topology

NET = network("net")


def case(outcome, *, control=None, host="api.example.test", app=None, kind="external", dial=None):
    app = app or container("app", NET, dns=("10.0.0.53",))
    edge = Edge(app.ref, Ref(kind, host), name=host, port=443)
    answers = {Dns(app.ref, host): Observation(outcome, DnsEvidence(host))}
    if control is not None:
        answers[Dns(app.ref, app.short_id)] = Observation(control, DnsEvidence(app.short_id))
    if dial is not None:
        answers[Tcp(app.ref, "10.0.0.53", 53)] = Observation(dial, TcpEvidence("10.0.0.53", 53))
    return Case(topology(app, NET, BRIDGE), edge, Answers(answers))


def judged(*args, **fields):
    return tuple(RULE.judge(case(*args, **fields)))


@pytest.mark.parametrize(
    ("control", "confidence"),
    [
        (Outcome.CONNECTED, Confidence.CERTAIN),
        (Outcome.RESOLVER_FAILED, Confidence.POSSIBLE),
        (None, Confidence.LIKELY),
    ],
)
def test_the_control_query_decides_how_sure_it_is(control, confidence):
    (finding,) = judged(Outcome.RESOLVER_FAILED, control=control, dial=Outcome.REFUSED)
    assert finding.confidence is confidence
    assert "the resolvers 10.0.0.53 do not answer" in finding.cause
    assert "tcp 10.0.0.53:53: refused" in finding.evidence


def test_the_control_and_the_servers_are_asked_only_after_a_failure():
    wanted = set(RULE.wants(case(Outcome.RESOLVER_FAILED)))
    app = container("app", NET)
    assert wanted == {Dns(app.ref, app.short_id), Tcp(app.ref, "10.0.0.53", 53)}
    assert set(RULE.wants(case(Outcome.CONNECTED))) == set()


def test_on_the_default_bridge_there_is_no_name_of_its_own_to_ask_for():
    wanted = set(RULE.wants(case(Outcome.RESOLVER_FAILED, app=container("app", BRIDGE, dns=("127.0.0.53",)))))
    assert wanted == set()


@pytest.mark.parametrize("outcome", [Outcome.NAME_NOT_FOUND, Outcome.CONNECTED, Outcome.COULD_NOT_ASK])
def test_an_answer_of_any_kind_shows_that_the_resolver_works(outcome):
    assert judged(outcome) == ()


@pytest.mark.parametrize("host", ["192.0.2.1", "host.docker.internal"])
def test_addresses_and_the_host_s_name_need_no_upstream(host):
    assert judged(Outcome.RESOLVER_FAILED, host=host) == ()


def test_a_container_s_name_is_another_matter():
    assert judged(Outcome.RESOLVER_FAILED, kind="container") == ()
