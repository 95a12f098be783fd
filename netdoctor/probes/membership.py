"""Do the two share a network that carries traffic between them? Answered from inspect, without a packet."""

from __future__ import annotations

from dataclasses import dataclass

from netdoctor.model import Layer, Observation, Outcome, Question, Ref, Topology
from netdoctor.probes.interface import PROBES, World, could_not_ask


@dataclass(frozen=True, slots=True)
class Shared:
    """A network both are on, and the target's addresses there."""

    network: str
    name: str
    addresses: tuple[str, ...]
    icc: bool = True


@dataclass(frozen=True, slots=True)
class MembershipEvidence:
    """Networks by name, in the caller's and the target's own order. ``same_namespace``: they are one namespace."""

    shared: tuple[Shared, ...]
    source_networks: tuple[str, ...]
    target_networks: tuple[str, ...]
    same_namespace: bool = False


@dataclass(frozen=True, slots=True)
class Membership(Question[MembershipEvidence]):
    target: Ref


class MembershipProbe:
    question = Membership
    layer = Layer.MEMBERSHIP

    def ask(self, question: Membership, world: World) -> Observation[MembershipEvidence]:
        topology = world.topology
        source, target = topology.container(question.at), topology.container(question.target)
        if source is None or target is None:
            return could_not_ask("one end is not a container of this engine")
        source_owner, target_owner = topology.network_owner(source), topology.network_owner(target)
        same = source_owner is not None and target_owner is not None and source_owner.id == target_owner.id
        shared = tuple(
            Shared(network.id, network.name, _addresses(topology, question.target, network.id), network.icc)
            for network in topology.shared_networks(source, target)
        )
        evidence = MembershipEvidence(
            shared,
            tuple(endpoint.network_name for endpoint in topology.endpoints_of(source)),
            tuple(endpoint.network_name for endpoint in topology.endpoints_of(target)),
            same,
        )
        # A caller in host mode routes to every bridge of its engine without being a member of any.
        routed = source.network_mode == "host" or target.network_mode == "host"
        outcome = Outcome.CONNECTED if shared or same or routed else Outcome.NO_ROUTE
        return Observation(outcome, evidence)

    def label(self, question: Membership, topology: Topology) -> str:
        return "networks"

    def describe(self, question: Membership, observation: Observation[MembershipEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        if evidence.same_namespace:
            return "both use one network namespace"
        if evidence.shared:
            names = ", ".join(network.name for network in evidence.shared)
            closed = [network.name for network in evidence.shared if not network.icc]
            return f"both on {names}" + "".join(f"; {name} forbids traffic between containers" for name in closed)
        mine, theirs = (", ".join(each) or "none" for each in (evidence.source_networks, evidence.target_networks))
        return f"through the host: {mine} | {theirs}" if observation.good else f"none shared: {mine} | {theirs}"


def _addresses(topology: Topology, target: Ref, network: str) -> tuple[str, ...]:
    container = topology.container(target)
    if container is None:
        return ()
    return tuple(a for e in topology.endpoints_of(container) if e.network == network for a in e.addresses)


PROBES.add("membership", MembershipProbe(), home=__name__)
