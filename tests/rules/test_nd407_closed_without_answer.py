"""ND407 is said of an open port that closes without a word, and of a published one with nobody behind it."""

from __future__ import annotations

from netdoctor.model import HOST, Answers, Case, Confidence, Edge, Observation, Outcome, Ref
from netdoctor.probes.http import Http, HttpEvidence
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd402_plain_to_tls_port import RULE as TLS
from netdoctor.rules.nd406_different_service import RULE as OTHER
from netdoctor.rules.nd407_closed_without_answer import RULE
from netdoctor.vantage.interface import ListeningSocket

from .build import container, network, story, topology

NET = network("n")
APP, API = container("app", NET), container("api", NET, publish=[(9000, 8080)])
SEEN = topology(APP, API, NET)


def told(**fields):
    return story(SEEN, APP, API, name="api", port=80, **fields).dns(Outcome.CONNECTED)


def from_the_machine(*sockets, port=9000):
    """``http://127.0.0.1:9000/``, closed without a word."""
    edge = Edge(HOST, Ref("external", "127.0.0.1"), name="127.0.0.1", port=port, path="/", protocol="http")
    asked = Http(HOST, "127.0.0.1", port, "127.0.0.1", "/", strict=True)
    seen = {asked: Observation(Outcome.RESET, HttpEvidence("127.0.0.1", port, "/"))}
    if sockets:
        found = tuple(ListeningSocket(address, number, 4) for address, number in sockets)
        seen[Listeners(API.ref)] = Observation(Outcome.CONNECTED, ListenersEvidence(found))
    return Case(SEEN, edge, Answers(seen))


def test_an_answer_that_never_comes():
    (finding,) = told(protocol="http").tcp(Outcome.CONNECTED).http(Outcome.RESET).judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    assert finding.cause == "api takes the connection on port 80 and closes it without an answer to http."
    (finding,) = told(protocol="redis").tcp(Outcome.CONNECTED).greeting(Outcome.RESET).judged(RULE)
    assert finding.cause.endswith("without an answer to redis.")


def test_a_connection_that_is_reset_at_once():
    (finding,) = told().tcp(Outcome.RESET).judged(RULE)
    assert finding.cause == "api takes the connection on port 80 and closes it without an answer."


def test_tls_and_other_services_explain_it():
    assert "ND407" in TLS.suppresses
    assert "ND407" in OTHER.suppresses


def test_a_published_port_with_nobody_behind_it():
    assert set(RULE.wants(from_the_machine())) == {Listeners(API.ref)}
    (finding,) = RULE.judge(from_the_machine(("0.0.0.0", 3000)))
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause.startswith("Port 9000 of the machine is port 8080 of api, which listens there nowhere")
    assert "publish the port that it listens on (3000)" in finding.remedies[0].advice
    (finding,) = RULE.judge(from_the_machine(("127.0.0.1", 8080)))
    assert "listens there on loopback only" in finding.cause


def test_a_published_port_with_a_listener_closes_for_another_reason():
    (finding,) = RULE.judge(from_the_machine(("0.0.0.0", 8080)))
    assert finding.confidence is Confidence.LIKELY
    (finding,) = RULE.judge(from_the_machine(port=9001))
    assert "127.0.0.1 takes the connection on port 9001" in finding.cause


def test_other_ends_are_other_causes():
    assert told(protocol="http").works().judged(RULE) == ()
    assert told(protocol="http").tcp(Outcome.CONNECTED).http(Outcome.TIMED_OUT).judged(RULE) == ()
    refused = {Tcp(APP.ref, "10.1.0.5", 80): Observation(Outcome.REFUSED, TcpEvidence("10.1.0.5", 80))}
    assert list(RULE.judge(Case(SEEN, told().edge, Answers(refused)))) == []


def dialled(outcome, *sockets):
    edge = Edge(HOST, Ref("external", "localhost"), name="localhost", port=9000)
    seen = {Tcp(HOST, "127.0.0.1", 9000): Observation(outcome, TcpEvidence("127.0.0.1", 9000))}
    found = tuple(ListeningSocket(address, number, 4) for address, number in sockets)
    seen[Listeners(API.ref)] = Observation(Outcome.CONNECTED, ListenersEvidence(found))
    return Case(SEEN, edge, Answers(seen))


def test_an_open_port_of_the_machine_is_dockers_own_and_proves_nothing():
    """``check host localhost:9000``: a plain dial is taken by docker-proxy, whoever listens behind it."""
    (finding,) = RULE.judge(dialled(Outcome.CONNECTED, ("0.0.0.0", 3000)))
    assert finding.caller_fails and finding.confidence is Confidence.CERTAIN
    assert finding.cause.endswith("which listens there nowhere: nobody is reached.")
    assert tuple(RULE.judge(dialled(Outcome.CONNECTED, ("0.0.0.0", 8080)))) == ()
    assert len(tuple(RULE.judge(dialled(Outcome.REFUSED, ("0.0.0.0", 3000))))) == 1
