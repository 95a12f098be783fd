"""ND106 is said of containers without a network of their own, when that is why an edge fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.diagnosis.judge import judge_edge
from netdoctor.model import (
    Answers,
    Case,
    Confidence,
    Connect,
    Disconnect,
    Edge,
    Endpoint,
    Fact,
    Outcome,
    Ref,
    State,
    Verdict,
)
from netdoctor.rules.nd106_no_namespace_of_its_own import RULE
from netdoctor.rules.nd303_nothing_listens import RULE as NOTHING_LISTENS

from .build import container, ident, network, story, topology

NET, OTHER = network("net"), network("other")
NONE = network("none", driver="null")
EARLY = State("running", running=True, pid=1, started_at="2026-01-01T10:00:00.5Z")
LATE = State("running", running=True, pid=2, started_at="2026-01-01T10:00:00.75123456Z")
FAILED = Outcome.RESOLVER_FAILED


def told(source, target, *things, name="api"):
    seen = topology(source, target, NET, OTHER, NONE, *things)
    return story(seen, source, target, name=name, port=80)


def borrower(name, owner, **fields):
    return container(name, network_mode=f"container:{ident(owner)}", **fields)


def alone(name):
    full = container(name, network_mode="none")
    return replace(full, endpoints=(Endpoint(NONE.id, "none"),))


def test_a_container_with_none_leaves_it_and_joins_the_other_s_network():
    source, target = alone("app"), container("api", NET)
    (finding,) = told(source, target).dns(FAILED).tcp(Outcome.NO_ROUTE).judged(RULE)
    assert finding.cause == "app has no network at all (network_mode: none)."
    leave, join = finding.remedies[0].operations
    assert isinstance(leave, Disconnect) and leave.network == NONE.id
    assert isinstance(join, Connect) and join.network == NET.id and "app" in join.aliases


@pytest.mark.parametrize("at_the_target", [True, False])
def test_an_owner_that_is_gone(at_the_target):
    lost, other = borrower("app", "vpn"), container("api", NET)
    ends = (other, lost) if at_the_target else (lost, other)
    (finding,) = told(*ends).dns(FAILED).judged(RULE)
    assert finding.cause.endswith("which is gone.") and finding.about[0] == lost.ref
    assert finding.confidence is Confidence.CERTAIN
    # Whom it asked for names says nothing: it has no way to anybody.
    assert {"ND205", "ND211"} <= RULE.suppresses


def test_an_owner_that_does_not_run():
    owner = container("vpn", NET, state=State("exited"))
    (finding,) = told(borrower("app", "vpn"), container("api", NET), owner).judged(RULE)
    assert finding.remedies[0].advice == "docker start vpn && docker restart app"


def test_an_owner_that_was_restarted_after_the_borrower():
    owner = container("vpn", NET, state=LATE)
    (finding,) = told(borrower("app", "vpn", state=EARLY), container("api", NET), owner).dns(FAILED).judged(RULE)
    assert "had before it was restarted" in finding.cause
    assert finding.remedies[0].advice == "docker restart app"


def test_an_owner_that_was_there_first_is_alive():
    owner = container("vpn", NET, state=EARLY)
    seen = told(borrower("app", "vpn", state=LATE), container("api", NET), owner)
    assert seen.dns(Outcome.CONNECTED, "10.0.0.9").judged(RULE) == ()


def test_the_owner_shares_no_network_with_the_other_and_is_the_one_that_joins():
    owner, target = container("vpn", NET), container("api", OTHER)
    (finding,) = told(borrower("app", "vpn"), target, owner).dns(FAILED).judged(RULE)
    joins = [op for remedy in finding.remedies for op in remedy.operations]
    assert joins and all(isinstance(op, Connect) and op.container != ident("app") for op in joins)


def test_a_borrower_s_own_name_is_carried_by_nobody():
    owner = container("vpn", NET, service="tunnel")
    (finding,) = told(container("app", NET), borrower("api", "vpn"), owner).dns(FAILED).judged(RULE)
    assert finding.remedies[0].advice == "Use tunnel instead of api."


def test_files_alone_show_that_a_borrower_s_name_is_carried_by_nobody():
    owner = replace(container("vpn", NET, service="tunnel"), state=None)
    source, target = (replace(each, state=None) for each in (container("app", NET), borrower("api", "vpn")))
    seen = topology(source, target, owner, NET, knows=frozenset({Fact.DECLARED}))
    assert len(story(seen, source, target, name="api", port=80).judged(RULE)) == 1
    assert story(seen, source, target, name="tunnel", port=80).judged(RULE) == ()


def test_who_only_waits_for_another_may_be_meant_to_be_alone():
    seen = told(alone("job"), container("api", NET), name=None)
    seen.edge = replace(seen.edge, origin="depends_on")
    assert seen.judged(RULE) == ()


def test_two_in_one_namespace_talk_through_loopback():
    owner = container("vpn", NET)
    (finding,) = told(borrower("app", "vpn"), borrower("api", "vpn"), owner).dns(FAILED).judged(RULE)
    assert finding.remedies[0].advice == "Use 127.0.0.1 instead of api."


@pytest.mark.parametrize("source", [container("app", NET), borrower("app", "vpn")])
def test_what_works_is_left_alone(source):
    target = container("api", NET)
    assert told(source, target, container("vpn", NET)).works().judged(RULE) == ()


def test_two_ordinary_containers_are_another_matter():
    assert told(container("app", NET), container("api", OTHER)).dns(FAILED).judged(RULE) == ()


def test_a_stopped_container_without_a_network_is_stopped_first_of_all():
    stopped = replace(alone("api"), state=State("exited"))
    assert told(container("app", NET), stopped).dns(FAILED).judged(RULE) == ()


def test_the_outside_cannot_be_reached_without_a_network_either():
    lone = alone("app")
    edge = Edge(lone.ref, Ref("external", "a.test"), name="a.test", port=80)
    (finding,) = RULE.judge(Case(topology(lone, NET, NONE), edge, Answers()))
    assert finding.about == (lone.ref, edge.target)
    assert finding.remedies[-1].advice == "Take network_mode: none away from app and recreate it."


def test_who_asks_the_owner_is_told_of_the_server_that_was_left_behind():
    """``http://vpn:8080``: the server lived in the network of vpn, which was restarted without it."""
    vpn, caller = container("vpn", NET, state=LATE), container("arr", NET)
    server = borrower("torrent", "vpn", state=EARLY)
    (finding,) = told(caller, vpn, server, name="vpn").dns(Outcome.CONNECTED).tcp(Outcome.REFUSED).judged(RULE)
    assert finding.cause == (
        "Nobody serves at vpn:80: torrent lives in the network that vpn had before it was restarted; "
        "only loopback is left there."
    )
    assert finding.confidence is Confidence.LIKELY and finding.remedies[0].advice == "docker restart torrent"
    assert "ND503" in RULE.suppresses
    heard = told(caller, vpn, server, name="vpn").tcp(Outcome.REFUSED).listens()
    assert heard.judged(NOTHING_LISTENS) == (), "that nothing listens is how it shows"
    fresh = borrower("torrent", "vpn", state=LATE)
    assert told(caller, vpn, fresh, name="vpn").dns(Outcome.CONNECTED).tcp(Outcome.REFUSED).judged(RULE) == ()
    works = told(caller, vpn, server, name="vpn").dns(Outcome.CONNECTED).tcp(Outcome.CONNECTED)
    assert works.judged(RULE) == ()


def test_a_wrong_port_behind_a_name_that_nobody_carries_is_announced():
    vpn, caller = container("vpn", NET, address="10.1.0.9"), container("arr", NET)
    seen = told(caller, borrower("torrent", "vpn"), vpn, name="torrent")
    seen.dns(FAILED).tcp(Outcome.REFUSED, "10.1.0.9").listens("0.0.0.0:9091")
    first, second = judge_edge(seen.case, [RULE, NOTHING_LISTENS], Verdict.BROKEN)
    assert (first.code, second.code, second.announced) == ("ND106", "ND303", True)


def test_an_owner_that_was_made_anew_left_its_servers_behind_too():
    vpn, caller = container("shop-vpn-1", NET, project="shop", service="vpn"), container("arr", NET)
    after = {"com.docker.compose.depends_on": "vpn:service_started:true"}
    server = borrower("torrent", "the-old-vpn", project="shop", service="torrent", labels=after)
    (finding,) = told(caller, vpn, server, name="vpn").dns(Outcome.CONNECTED).tcp(Outcome.REFUSED).judged(RULE)
    assert "torrent lives in the network of container" in finding.cause and "which is gone" in finding.cause
