"""Whether two share a network is read from inspect, without a packet."""

from __future__ import annotations

from dataclasses import replace

from rules.build import container, network, topology

from netdoctor.model import Outcome, Ref
from netdoctor.probes.interface import PROBES
from netdoctor.probes.membership import Membership
from netdoctor.vantage.fake import FakeVantage

from .site import ask

PROBE = PROBES.get("membership")
ONE, TWO = network("one"), network("two", icc=False)


def asked(source, target, *more):
    vantage = FakeVantage()
    observation = ask(
        PROBE, Membership(source.ref, target.ref), vantage, seen=topology(ONE, TWO, source, target, *more)
    )
    assert vantage.asked == []
    described = PROBE.describe(Membership(source.ref, target.ref), observation)
    return observation, described


def test_a_shared_network_with_the_targets_address_on_it():
    a, b = container("app1", ONE, TWO), container("db1", ONE)
    observation, described = asked(a, b)
    assert observation.outcome is Outcome.CONNECTED
    assert observation.evidence.shared[0].addresses == (b.endpoints[0].ipv4,)
    assert described == "both on one"


def test_networks_of_one_name_and_two_ids_are_not_shared():
    twin = replace(ONE, id="other")
    a, b = container("app1", ONE), container("db1", twin)
    observation, described = asked(a, b)
    assert observation.outcome is Outcome.NO_ROUTE
    assert described == "none shared: one | one"


def test_a_network_that_forbids_traffic_is_shared_and_says_so():
    observation, described = asked(container("app1", TWO), container("db1", TWO))
    assert observation.outcome is Outcome.CONNECTED
    assert "two forbids traffic" in described


def test_one_namespace_is_together_without_any_network():
    a = container("app1", ONE)
    b = container("side1", network_mode=f"container:{a.id}")
    observation, described = asked(a, b)
    assert (observation.outcome, described) == (Outcome.CONNECTED, "both use one network namespace")


def test_a_namespace_whose_owner_is_gone_shares_nothing():
    a, b = container("app1", ONE), container("side1", network_mode="container:gone")
    observation, described = asked(a, b)
    assert observation.outcome is Outcome.NO_ROUTE
    assert described == "none shared: one | none"


def test_host_mode_reaches_every_bridge():
    a, b = container("metal1", network_mode="host"), container("db1", ONE)
    observation, described = asked(a, b)
    assert (observation.outcome, described) == (Outcome.CONNECTED, "through the host: none | one")


def test_an_end_outside_docker_cannot_be_asked_about():
    a = container("app1", ONE)
    observation = ask(PROBE, Membership(a.ref, Ref("external", "x")), FakeVantage(), seen=topology(ONE, a))
    assert not observation.known
    assert observation.reason
