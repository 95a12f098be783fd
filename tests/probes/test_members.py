"""The network's own list of members, as the engine tells it."""

from __future__ import annotations

from netdoctor.model import Network, Outcome, Ref, Topology
from netdoctor.probes.interface import PROBES, World
from netdoctor.probes.members import Listed, Members

PROBE = PROBES.get("members")
NETWORK = Network("net-id", "net")
AT = Members(NETWORK.ref)


def world(listed=None):
    def nobody(ref: Ref):
        raise AssertionError("no vantage is needed")

    seen = Topology(knows=frozenset(), containers=(), networks=(NETWORK,))
    return World(seen, nobody, 1.0, iter([1.0, 1.25]).__next__, listed)


def test_the_engine_is_asked_once_for_that_network_and_nobody_else():
    asked = []

    def listed(network):
        asked.append(network)
        return [("0123", "db", ("10.0.0.2",))]

    observation = PROBE.ask(AT, world(listed))
    assert asked == ["net-id"]
    assert (observation.outcome, observation.seconds) == (Outcome.CONNECTED, 0.25)
    assert observation.evidence.listed == (Listed("0123", "db", ("10.0.0.2",)),)
    assert PROBE.describe(AT, observation) == "db"
    assert PROBE.label(AT, world().topology) == "members of net"


def test_an_empty_network_is_an_answer():
    observation = PROBE.ask(AT, world(lambda network: []))
    assert observation.known and PROBE.describe(AT, observation) == "none"


def test_without_an_engine_nothing_is_known():
    observation = PROBE.ask(AT, world())
    assert observation.outcome is Outcome.COULD_NOT_ASK
    assert PROBE.describe(AT, observation) == observation.reason
