"""ND206 is said of an address that is written down and is not the target's any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Answers, Case, Confidence, Edge, Endpoint, Link, Observation, Outcome, Ref
from netdoctor.probes.tcp import Tcp, TcpEvidence
from netdoctor.rules.nd206_stale_address import RULE

from .build import container, network, story, topology

NET = network("net", subnets=("10.20.0.0/16",), gateways=("10.20.0.1",))
STORE = container("store", NET, service="store", address="10.20.0.5")
CACHE = container("cache", NET, address="10.20.0.9")
OLD = "10.20.0.77"


def app(*, hosts=(), **environment):
    given = tuple(environment.items())
    return container("app", NET, address="10.20.0.3", environment=given, extra_hosts=tuple(hosts))


def told(source, *, dialled=OLD, outcome=None, name="store", origin="argument", port=8080):
    seen = story(topology(source, STORE, CACHE, NET), source, STORE, name=name, port=port)
    seen.edge = replace(seen.edge, origin=origin)
    if outcome is not None:
        seen.tcp(outcome, dialled)
    return seen


LOST = [Outcome.NO_ROUTE, Outcome.TIMED_OUT]


@pytest.mark.parametrize("outcome", LOST)
def test_a_line_of_extra_hosts_that_leads_nowhere(outcome):
    (finding,) = told(app(hosts=[f"store:{OLD}"]), outcome=outcome).judged(RULE)
    assert finding.confidence is Confidence.CERTAIN
    assert finding.cause == f"extra_hosts of app holds the address {OLD}, which no container has."
    assert (
        finding.remedies[0].advice
        == f"Take the line store:{OLD} out of extra_hosts of app, and recreate the container."
    )


def test_a_line_that_leads_to_whoever_got_the_address():
    seen = told(app(hosts=["store:10.20.0.9"]), dialled="10.20.0.9", outcome=Outcome.REFUSED)
    (finding,) = seen.judged(RULE)
    assert finding.cause.endswith("holds the address 10.20.0.9, which cache has now.")


@pytest.mark.parametrize("line", ["store:10.20.0.5", "store:host-gateway", f"other:{OLD}"])
def test_a_line_that_is_right_or_for_another_name(line):
    assert told(app(hosts=[line])).judged(RULE) == ()


def test_a_line_to_a_machine_of_the_user_s_own_that_answers():
    seen = told(app(hosts=["store:192.0.2.8"]), dialled="192.0.2.8", outcome=Outcome.REFUSED)
    assert seen.judged(RULE) == ()


@pytest.mark.parametrize(
    "environment",
    [
        {"STORE_URL": f"http://{OLD}:9000/x"},
        {"BACKEND": f"{OLD}:8080"},
        {"ADDRESS": OLD},
        {"STORE_DSN": f"u:p@tcp({OLD}:9000)/d"},
    ],
)
def test_a_variable_that_holds_nobody_s_address(environment):
    seen = told(app(**environment))
    ((question),) = seen.wanted(RULE)
    assert isinstance(question, Tcp) and question.address == OLD
    answers = Answers({question: Observation(Outcome.NO_ROUTE, TcpEvidence(OLD, question.port))})
    (finding,) = RULE.judge(replace(seen.case, seen=answers))
    (variable,) = environment
    assert finding.about[0] == seen.source.ref.at("environment", variable)
    assert finding.confidence is Confidence.CERTAIN
    assert "p@" not in finding.cause


@pytest.mark.parametrize(
    "environment",
    [
        {"NO_PROXY": OLD},
        {"TRUSTED_NETS": "10.20.0.0/16"},
        {"RANGE": f"{OLD}/24"},
        {"PEER": "10.20.0.1"},
        {"PEER": "10.20.0.9"},
        {"PEER": "10.20.0.3"},
        {"PEER": "192.0.2.77"},
        {"RELEASE": "1.10.20.0.77.4"},
    ],
)
def test_addresses_for_other_purposes_or_of_somebody(environment):
    seen = told(app(**environment))
    assert seen.wanted(RULE) == set() and seen.judged(RULE) == ()


@pytest.mark.parametrize(("address", "whose"), [("192.0.2.8", "no container has"), ("10.20.0.9", "cache has now")])
def test_the_target_s_own_variable_means_it_wherever_the_address_lies(address, whose):
    seen = told(app(STORE_HOST=address), dialled=address, outcome=Outcome.TIMED_OUT)
    (finding,) = seen.judged(RULE)
    assert finding.cause == f"STORE_HOST of app holds the address {address}, which {whose}."


def test_the_target_s_own_variable_may_lead_to_a_machine_that_answers_or_to_the_target():
    assert told(app(STORE_HOST="192.0.2.8"), dialled="192.0.2.8", outcome=Outcome.CONNECTED).judged(RULE) == ()
    assert told(app(STORE_HOST="10.20.0.5")).judged(RULE) == ()


def test_a_caller_that_names_the_target_elsewhere_may_mean_something_else():
    seen = told(app(PEER=f"{OLD}:9000", STORE_URL="http://store:8080"), origin="environment STORE_URL")
    assert seen.judged(RULE) == ()


@pytest.mark.parametrize("outcome", [Outcome.CONNECTED, Outcome.REFUSED])
def test_an_address_at_which_something_answers_is_not_dead(outcome):
    seen = told(app(STORE_HOST=OLD), outcome=outcome)
    assert seen.judged(RULE) == ()


def test_an_address_that_was_asked_for_itself():
    source = app()
    edge = Edge(source.ref, Ref("external", OLD), name=OLD, port=80)
    seen = Answers({Tcp(source.ref, OLD, 80): Observation(Outcome.NO_ROUTE, TcpEvidence(OLD, 80))})
    (finding,) = RULE.judge(Case(topology(source, STORE, NET), edge, seen))
    assert finding.cause == f"app uses the address {OLD}, which no container has."


def test_an_overlay_has_addresses_that_nobody_here_has():
    wide = replace(NET, driver="overlay")
    source = replace(app(PEER=OLD), endpoints=(Endpoint(wide.id, "net", ipv4="10.20.0.3"),))
    assert story(topology(source, STORE, wide), source, STORE, name="store", port=80).judged(RULE) == ()


def test_a_link_that_was_written_before_its_target_was_made_anew():
    """``docker run --link db``: the line in the hosts file is as old as the caller's start."""
    db, filler = container("db", NET, address="10.1.0.4"), container("filler", NET, address="10.1.0.2")
    caller = container("app", NET, links=(Link("db", db.id),))
    seen = story(topology(caller, db, filler, NET), caller, db, name="db", port=5432)
    seen.dns(Outcome.CONNECTED, "10.1.0.2").tcp(Outcome.REFUSED, "10.1.0.2")
    (finding,) = seen.judged(RULE)
    assert finding.cause == "The hosts file (--link) of app holds the address 10.1.0.2, which filler has now."
    assert finding.remedies[0].advice.startswith("Recreate the container after db")
    fresh = story(topology(caller, db, filler, NET), caller, db, name="db", port=5432)
    assert fresh.dns(Outcome.CONNECTED, "10.1.0.4").tcp(Outcome.CONNECTED, "10.1.0.4").judged(RULE) == ()
