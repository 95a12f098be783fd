"""ND303 is a fact read at the target: no socket takes connections on the wanted port; the ports that do are listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import Confidence, Health, Layer, Outcome, State, Verdict
from netdoctor.probes.listeners import Listeners
from netdoctor.rules import nd101_no_shared_network, nd301_loopback_only, nd304_filtered
from netdoctor.rules.nd303_nothing_listens import RULE

from .build import container, network, story, topology

NET, ELSE = network("n"), network("else")
APP, WEB, FAR = container("app", NET), container("web", NET, address="10.1.0.5"), container("far", ELSE)
SEEN = topology(APP, WEB, FAR, NET, ELSE)


def told(target=WEB, outcome=Outcome.REFUSED, seen=SEEN):
    return story(seen, APP, target, port=8080).tcp(outcome)


def test_the_ports_that_do_listen_are_listed():
    (finding,) = told().listens("0.0.0.0:80", ":::443", "127.0.0.1:9000").judged(RULE)
    assert (finding.confidence, finding.layer) == (Confidence.CERTAIN, Layer.TARGET)
    assert finding.cause == "web does not listen on port 8080; it takes connections on ports 80, 443."
    assert finding.remedies[0].advice == "Use one of 80, 443 instead of 8080."


def test_a_single_port_is_the_one_to_use():
    (finding,) = told().listens("0.0.0.0:80").judged(RULE)
    assert finding.cause.endswith("it takes connections on port 80.")
    assert finding.remedies[0].advice == "Use port 80 instead of 8080."


def test_a_target_without_any_listener_has_a_server_that_did_not_start():
    (finding,) = told().listens().judged(RULE)
    assert finding.cause.endswith("it takes connections on no port at all.")
    assert finding.remedies[0].advice == "See why nothing listens: docker logs --tail 50 web"


def test_a_listener_on_another_networks_address_does_not_count():
    (finding,) = told().listens("10.9.9.9:8080").judged(RULE)
    assert "listens on port 8080 at 10.9.9.9 only" in finding.cause
    assert "bind 0.0.0.0:8080" in finding.remedies[0].advice


@pytest.mark.parametrize("socket", ["0.0.0.0:8080", ":::8080", "10.1.0.5:8080", "127.0.0.1:8080"])
def test_a_socket_on_the_port_is_another_cause(socket):
    assert told().listens(socket).judged(RULE) == ()


def test_it_is_announced_behind_a_missing_network():
    seen = told(FAR, Outcome.TIMED_OUT).listens("0.0.0.0:80")
    first, second = judge_edge(seen.case, [nd101_no_shared_network.RULE, RULE], Verdict.BROKEN)
    assert (first.code, second.code, second.announced) == ("ND101", "ND303", True)


def test_while_the_health_check_says_starting_it_is_likely_only():
    young = replace(WEB, health=Health("starting"))
    seen = story(topology(APP, young, NET), APP, young, port=8080).tcp(Outcome.REFUSED).listens("0.0.0.0:80")
    assert seen.judged(RULE)[0].confidence is Confidence.LIKELY


def test_a_connection_that_opens_is_fine():
    assert told(outcome=Outcome.CONNECTED).listens().judged(RULE) == ()


def test_without_the_list_nothing_is_known():
    assert told().unanswered().judged(RULE) == ()
    assert told().wanted(RULE) == {Listeners(WEB.ref)}


@pytest.mark.parametrize("state", [State("exited"), State("paused", running=True, paused=True)])
def test_a_target_that_is_down_is_another_cause(state):
    down = replace(WEB, state=state)
    assert told(down, seen=topology(APP, down, NET)).listens("0.0.0.0:80").judged(RULE) == ()


SOCKETS = st.lists(
    st.tuples(
        st.sampled_from(["0.0.0.0", "::", "127.0.0.1", "::1", "10.1.0.5", "10.9.9.9"]), st.sampled_from([80, 8080])
    ),
    unique=True,
)


@given(SOCKETS)
def test_a_refused_dial_to_a_readable_target_has_exactly_one_cause(sockets):
    """Loopback, nothing there, or filtered: whatever the listeners are, one of the three and only one."""
    seen = told().listens(*(f"{address}:{port}" for address, port in sockets))
    rules = (nd301_loopback_only.RULE, RULE, nd304_filtered.RULE)
    assert len([finding for rule in rules for finding in rule.judge(seen.case)]) == 1
