"""ND308 is said when the caller's own connections go to an address on a shared network that nobody there has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Endpoint, Observation, Outcome, State
from netdoctor.probes.connections import Connections, ConnectionsEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd308_stale_address import RULE
from netdoctor.vantage.interface import Connection

from .build import container, network, story, topology

NET = network("n", subnets=("10.1.0.0/24",), gateways=("10.1.0.1",))
OLD = State("running", running=True, pid=1, started_at="2026-01-01T00:00:00Z")
NEW = State("running", running=True, pid=2, started_at="2026-01-02T00:00:00Z")
PROXY = container("proxy", NET, address="10.1.0.2", state=OLD)
API = container("api", NET, address="10.1.0.9", state=NEW)
OTHER = container("other", NET, address="10.1.0.8")


def told(remote=("10.1.0.5", 8080), state="syn_sent", proxy=PROXY, api=API, net=NET):
    found = story(topology(proxy, api, OTHER, net), proxy, api, name="api", port=8080).works()
    rows = (Connection(("10.1.0.2", 5000), remote, state),) if remote else ()
    return found.saw(Connections(proxy.ref), Observation(Outcome.CONNECTED, ConnectionsEvidence(rows)))


@pytest.mark.parametrize(("state", "said"), [("syn_sent", "waits for"), ("established", "holds a connection to")])
def test_an_address_that_nobody_has(state, said):
    (finding,) = told(state=state).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.caller_fails
    assert finding.cause == f"proxy {said} 10.1.0.5:8080 on n, which nobody there has; api is at 10.1.0.9."
    assert "docker restart proxy" in finding.remedies[0].advice


def test_a_caller_that_started_after_the_target_makes_it_likely():
    (finding,) = told(api=replace(API, state=OLD), proxy=replace(PROXY, state=NEW)).judged(RULE)
    assert finding.confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    "remote",
    [
        None,
        ("10.1.0.9", 8080),
        ("10.1.0.8", 8080),
        ("10.1.0.1", 8080),
        ("10.1.0.5", 9090),
        ("192.0.2.1", 8080),
        ("not an address", 8080),
    ],
)
def test_other_peers_are_no_cause(remote):
    assert told(remote).judged(RULE) == ()


def test_our_own_dials_do_not_count():
    found = told()
    found.saw(Tcp(PROXY.ref, "10.1.0.5", 8080), Observation(Outcome.TIMED_OUT, TcpEvidence("10.1.0.5", 8080)))
    assert found.judged(RULE) == ()


def test_networks_over_several_machines_are_not_judged():
    wide = replace(NET, driver="overlay", scope="swarm")
    assert told(net=wide).judged(RULE) == ()


def test_the_connections_are_asked_for_at_the_caller():
    assert told().wanted(RULE) == {Connections(PROXY.ref)}
    stopped = replace(API, state=State("exited"), endpoints=(Endpoint(NET.id, "n"),))
    assert told(api=stopped).wanted(RULE) == set()


def test_nginx_looks_names_up_once_so_a_later_start_of_its_upstream_is_worth_a_word():
    nginx = replace(PROXY, image="nginx:1.27-alpine")
    (finding,) = told(remote=None, proxy=nginx).judged(RULE)
    assert finding.confidence is Confidence.POSSIBLE and not finding.caller_fails
    assert "looks names up once, when it starts; api was started after it" in finding.cause
    assert told(remote=None, proxy=nginx, api=replace(API, state=OLD)).judged(RULE) == ()
    assert told(remote=None).judged(RULE) == ()
