"""ND105 is said when a name fails because one of the two is in host mode, and of nothing that works."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netdoctor.model import Confidence, Fact, Outcome, State
from netdoctor.rules.nd105_host_networking import RULE

from .build import container, network, story, topology

NET = network("net")
HOST = network("host", driver="host")
HOSTED = {"network_mode": "host"}
FAILED = [Outcome.NAME_NOT_FOUND, Outcome.RESOLVER_FAILED]


def between(source, target, **fields):
    return story(topology(source, target, NET, HOST), source, target, name="api", port=80, **fields)


def inside(name, **fields):
    return container(name, NET, **fields)


def outside(name, **fields):
    return container(name, HOST, **HOSTED, **fields)


@pytest.mark.parametrize("outcome", FAILED)
def test_a_caller_in_host_mode_has_no_docker_names(outcome):
    target = inside("api", publish=[(18080, 80)])
    (finding,) = between(outside("app"), target).dns(outcome).judged(RULE)
    assert finding.cause == "app uses the host's network, which has no Docker names, so api leads nowhere."
    assert finding.confidence is Confidence.CERTAIN
    assert finding.remedies[0].advice == "Use 127.0.0.1:18080 instead of api:80."


def test_a_port_that_is_not_published_must_be_first():
    (finding,) = between(outside("app"), inside("api")).dns(FAILED[0]).judged(RULE)
    assert '["127.0.0.1:80:80"]' in finding.remedies[0].advice


@pytest.mark.parametrize("outcome", FAILED)
def test_a_target_in_host_mode_carries_no_name(outcome):
    (finding,) = between(inside("app"), outside("api")).dns(outcome).judged(RULE)
    assert finding.about[0] == container("api").ref
    assert "host.docker.internal:host-gateway" in finding.remedies[0].advice


def test_both_in_host_mode_talk_through_loopback():
    (finding,) = between(outside("app"), outside("api")).dns(FAILED[0]).judged(RULE)
    assert finding.remedies[0].advice == "Use 127.0.0.1:80 instead of api."


@pytest.mark.parametrize(("source", "target"), [(inside, outside), (outside, inside), (outside, outside)])
def test_a_name_that_resolves_is_no_matter_of_names(source, target):
    assert between(source("app"), target("api")).dns(Outcome.CONNECTED, "192.0.2.1").judged(RULE) == ()


def test_two_ordinary_containers_are_another_matter():
    assert between(inside("app"), inside("api")).dns(FAILED[0]).judged(RULE) == ()


def test_an_address_needs_no_name():
    source, target = outside("app"), inside("api")
    seen = topology(source, target, NET, HOST)
    assert story(seen, source, target, port=80).judged(RULE) == ()
    assert story(seen, source, target, name="10.0.0.2", port=80).judged(RULE) == ()


def test_a_target_that_is_down_is_another_cause():
    down = outside("api", state=State("exited"))
    assert between(inside("app"), down).dns(FAILED[0]).judged(RULE) == ()


def test_files_alone_make_it_likely_unless_they_give_the_name_themselves():
    source, target = replace(inside("app"), state=None), replace(outside("api"), state=None)
    seen = replace(topology(source, target, NET, HOST), knows=frozenset({Fact.DECLARED}))
    (finding,) = story(seen, source, target, name="api", port=80).judged(RULE)
    assert finding.confidence is Confidence.LIKELY
    told = replace(source, extra_hosts=("api:host-gateway",))
    seen = replace(topology(told, target, NET, HOST), knows=frozenset({Fact.DECLARED}))
    assert story(seen, told, target, name="api", port=80).judged(RULE) == ()
