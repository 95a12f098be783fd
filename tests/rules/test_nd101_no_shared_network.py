"""ND101 is said of two containers without a common network, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Case, Confidence, Connect, CreateNetwork, Endpoint, Fact, Layer, Network, Outcome, Ref
from netdoctor.rules.nd101_no_shared_network import RULE

from .build import BRIDGE, container, network, story, topology

COOLIFY, OWN = network("coolify"), network("qkkkc8kskocgwo0o8c444cgo")
APP = container("app", COOLIFY, service="web", project="u8088")
QDRANT = container("qdrant", OWN, service="qdrant", project="qkkkc8kskocgwo0o8c444cgo")
SEEN = topology(APP, QDRANT, COOLIFY, OWN)
HOST = Network("host-id", "host", driver="host")
NONE = Network("none-id", "none", driver="null")


def incident():
    told = story(SEEN, APP, QDRANT, name="qdrant", port=6333)
    return told.dns(Outcome.RESOLVER_FAILED).ping(Outcome.TIMED_OUT).tcp(Outcome.TIMED_OUT)


def test_the_incident_in_one_sentence():
    (finding,) = incident().judged(RULE)
    assert finding.cause == "app (on coolify) and qdrant (on qkkkc8kskocgwo0o8c444cgo) share no network."
    assert (finding.code, finding.confidence, finding.layer) == ("ND101", Confidence.CERTAIN, Layer.MEMBERSHIP)
    assert "app is on: coolify" in finding.evidence
    assert "dns qdrant: no answer" in finding.evidence
    assert any(line.startswith("tcp ") and line.endswith(":6333: timed out") for line in finding.evidence)


def test_the_first_remedy_lets_qdrant_join_coolify_and_the_second_moves_the_caller():
    (finding,) = incident().judged(RULE)
    first, second = finding.remedies
    assert first.safe and first.operations == (
        Connect(QDRANT.id, "qdrant", COOLIFY.id, "coolify", aliases=("qdrant",)),
    )
    (other,) = second.operations
    assert isinstance(other, Connect) and (other.container, other.network) == (APP.id, OWN.id)


def test_it_needs_no_answer_and_no_live_engine():
    assert RULE.needs == frozenset()
    declared = replace(SEEN, knows=frozenset({Fact.DECLARED}))
    (finding,) = story(declared, APP, QDRANT, name="qdrant").judged(RULE)
    assert finding.confidence is Confidence.CERTAIN


def test_a_container_on_no_network_shares_none():
    alone = container("alone")
    (finding,) = story(topology(APP, alone, COOLIFY), APP, alone, port=80).judged(RULE)
    assert "alone (on no network)" in finding.cause


def test_equal_names_of_different_networks_do_not_count_as_shared():
    one, two = Network("id-1", "shared"), Network("id-2", "shared")
    a, b = container("a", one), container("b", two)
    assert len(story(topology(a, b, one, two), a, b).judged(RULE)) == 1


def test_an_edge_that_works_all_the_same_is_not_blamed():
    assert story(SEEN, APP, QDRANT, port=6333).works().judged(RULE) == ()
    assert story(SEEN, APP, QDRANT, name="qdrant", port=6333).works().judged(RULE) == ()


def test_an_address_that_opens_does_not_excuse_the_name():
    told = story(SEEN, APP, QDRANT, name="qdrant", port=6333).dns(Outcome.NAME_NOT_FOUND).tcp(Outcome.CONNECTED)
    assert len(told.judged(RULE)) == 1


def test_a_shared_network_is_enough():
    both = container("db", OWN, COOLIFY)
    assert story(topology(APP, both, COOLIFY, OWN), APP, both, name="db", port=1).judged(RULE) == ()


@pytest.mark.parametrize(
    "fields",
    [{"network_mode": "host"}, {"network_mode": "container:else"}, {"network_mode": "none"}],
)
def test_other_modes_are_other_causes(fields):
    odd = container("odd", **fields)
    assert story(topology(APP, odd, COOLIFY), APP, odd, port=80).judged(RULE) == ()
    assert story(topology(APP, odd, COOLIFY), odd, APP, port=80).judged(RULE) == ()


@pytest.mark.parametrize("odd", [HOST, NONE])
def test_host_and_none_are_no_networks_to_share(odd):
    a, b = container("a", odd), container("b", odd)
    assert story(topology(a, b, odd), a, b, port=80).judged(RULE) == ()


def test_nothing_is_said_without_an_edge_backwards_or_about_ends_outside_docker():
    told = incident()
    assert tuple(RULE.judge(Case(SEEN, None, told.case.seen))) == ()
    assert tuple(RULE.judge(Case(SEEN, told.edge.backwards(), told.case.seen))) == ()
    outside = replace(told.edge, target=Ref("external", "example.test"))
    assert tuple(RULE.judge(Case(SEEN, outside, told.case.seen))) == ()


def test_two_that_share_only_swarm_plumbing_share_nothing():
    ingress = network("ingress", driver="overlay")
    a, b = container("a", ingress), container("b", ingress)
    assert len(story(topology(a, b, ingress), a, b, port=80).judged(RULE)) == 1


def test_where_nobody_has_a_network_to_join_a_new_one_is_made():
    deaf = network("deaf", icc=False)
    a, b = container("a", BRIDGE), container("b", deaf)
    (finding,) = story(topology(a, b, BRIDGE, deaf), a, b, name="b", port=80).judged(RULE)
    assert isinstance(finding.remedies[0].operations[0], CreateNetwork)


def test_a_swarm_task_gets_the_command_for_its_service():
    labels = {"com.docker.swarm.task.id": "t", "com.docker.swarm.service.name": "stack_api"}
    task = container("stack_api.1.x", OWN, labels=labels)
    other = container("other.1.y", COOLIFY, labels={"com.docker.swarm.task.id": "u"})
    (finding,) = story(topology(task, other, OWN, COOLIFY), task, other, port=80).judged(RULE)
    assert finding.remedies[0].operations == ()
    assert finding.remedies[0].advice == "docker service update --network-add coolify stack_api"


def test_an_endpoint_on_an_unknown_network_is_still_a_network():
    lost = replace(container("lost"), endpoints=(Endpoint("gone-id", "gone", ipv4="10.9.9.9"),))
    assert len(story(topology(APP, lost, COOLIFY), APP, lost, port=80).judged(RULE)) == 1
