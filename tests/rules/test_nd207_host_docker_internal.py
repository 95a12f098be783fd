"""ND207 is said of the name that only Docker Desktop gives, and of a host that listens on loopback only."""

from __future__ import annotations

import pytest

from netdoctor.model import HOST, Answers, Case, Confidence, Edge, Fact, Observation, Outcome, Ref, Severity
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd207_host_docker_internal import RULE
from netdoctor.vantage.interface import ListeningSocket

from .build import container, network, topology

NET = network("net")
NAME, BRIDGE_ADDRESS = "host.docker.internal", "172.17.0.1"
API = container("api", NET, service="api", publish=[(18080, 8080)])


def case(dns=None, tcp=None, listens=None, *, host=NAME, port=18080, **fields):
    app = container("app", NET, **fields)
    edge = Edge(app.ref, Ref("external", host), name=host, port=port)
    answers = {}
    if dns is not None:
        given = (BRIDGE_ADDRESS,) if dns is Outcome.CONNECTED else ()
        answers[Dns(app.ref, host)] = Observation(dns, DnsEvidence(host, given))
    if tcp is not None:
        answers[Tcp(app.ref, BRIDGE_ADDRESS, port)] = Observation(tcp, TcpEvidence(BRIDGE_ADDRESS, port))
    if listens is not None:
        sockets = (ListeningSocket(listens, port, 4),)
        answers[Listeners(HOST)] = Observation(Outcome.CONNECTED, ListenersEvidence(sockets))
    return Case(topology(app, API, NET), edge, Answers(answers))


def judged(*args, **fields):
    return tuple(RULE.judge(case(*args, **fields)))


@pytest.mark.parametrize("outcome", [Outcome.RESOLVER_FAILED, Outcome.NAME_NOT_FOUND])
def test_the_name_is_missing_and_a_container_is_behind_the_port(outcome):
    (finding,) = judged(outcome)
    assert finding.confidence is Confidence.CERTAIN
    assert "no engine on Linux knows by itself" in finding.cause
    assert "use api:8080 on a network that both share" in finding.remedies[0].advice
    assert "host.docker.internal:host-gateway" in finding.remedies[1].advice


def test_a_port_that_is_published_for_both_families_is_one_remedy():
    twice = container("api", NET, service="api", publish=[(18080, 8080), (18080, 8080)])
    app = container("app", NET)
    edge = Edge(app.ref, Ref("external", NAME), name=NAME, port=18080)
    seen = Answers({Dns(app.ref, NAME): Observation(Outcome.NAME_NOT_FOUND, DnsEvidence(NAME))})
    (finding,) = RULE.judge(Case(topology(app, twice, NET), edge, seen))
    assert len(finding.remedies) == 2


def test_a_line_that_the_engine_did_not_write_is_not_said_to_be_missing():
    """Podman 4 with host-gateway."""
    (finding,) = judged(Outcome.NAME_NOT_FOUND, extra_hosts=("host.docker.internal:host-gateway",))
    assert "has a line for it, but the engine wrote no such name" in finding.cause
    assert "Write the host's own address" in finding.remedies[0].advice


def test_the_host_takes_the_port_on_loopback_only():
    hosts = (f"{NAME}:host-gateway",)
    (finding,) = judged(Outcome.CONNECTED, Outcome.REFUSED, "127.0.0.1", extra_hosts=hosts)
    assert finding.cause == "app uses host.docker.internal:18080, and on the host that port is taken on loopback only."
    assert all("host-gateway" not in remedy.advice for remedy in finding.remedies)


def test_the_host_s_listeners_are_asked_for_after_a_refusal_only():
    assert set(RULE.wants(case(Outcome.CONNECTED, Outcome.REFUSED))) == {Listeners(HOST)}
    assert set(RULE.wants(case(Outcome.CONNECTED, Outcome.CONNECTED))) == set()


@pytest.mark.parametrize(
    "seen",
    [
        (Outcome.CONNECTED, Outcome.CONNECTED),
        (Outcome.CONNECTED, Outcome.REFUSED),
        (Outcome.CONNECTED, Outcome.REFUSED, "0.0.0.0"),
        (Outcome.CONNECTED, Outcome.TIMED_OUT, "127.0.0.1"),
    ],
)
def test_what_connects_or_is_refused_for_another_reason(seen):
    assert judged(*seen) == ()


def test_other_names_and_callers_in_host_mode():
    assert judged(Outcome.RESOLVER_FAILED, host="api.example.test") == ()
    assert judged(Outcome.RESOLVER_FAILED, network_mode="host") == ()


def declared(*environment, hosts=(), **fields):
    app = container("app", NET, service="app", environment=environment, extra_hosts=hosts, state=None, **fields)
    seen = topology(app, NET, knows=frozenset({Fact.DECLARED}))
    return tuple(RULE.judge(Case(seen, None, Answers())))


def test_files_alone_are_a_warning_at_the_variable():
    (finding,) = declared(("API_URL", f"http://{NAME}:8080"))
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LIKELY)
    assert finding.about[0].path == ("environment", "API_URL")


def test_files_that_give_the_name_or_do_not_use_it():
    assert declared(("API_URL", f"http://{NAME}:8080"), hosts=(f"{NAME}:host-gateway",)) == ()
    assert declared(("NO_PROXY", NAME), ("A", "b")) == ()
    assert declared(("API_URL", f"http://{NAME}:8080"), network_mode="host") == ()
