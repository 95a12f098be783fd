"""Whom does the network itself list as attached? The engine is asked, by its inspect of that one network.

A container's own inspect and the network's list are kept apart in the engine; they differ when something was left
behind. Asked only where an answer points to it: one request for each network.
"""

from __future__ import annotations

from dataclasses import dataclass

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World, could_not_ask


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of the network's list. ``container``: a full id, or the engine's word for an endpoint of its own."""

    container: str
    name: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MembersEvidence:
    listed: tuple[Listed, ...]


@dataclass(frozen=True, slots=True)
class Members(Question[MembersEvidence]):
    """``at`` is the network."""


class MembersProbe:
    question = Members
    layer = Layer.MEMBERSHIP

    def ask(self, question: Members, world: World) -> Observation[MembersEvidence]:
        if world.listed is None:
            return could_not_ask("there is no engine to ask for the network's own list")
        began = world.clock()
        found = tuple(Listed(each, name, addresses) for each, name, addresses in world.listed(question.at.id))
        return Observation(Outcome.CONNECTED, MembersEvidence(found), seconds=world.clock() - began)

    def label(self, question: Members, topology: Topology) -> str:
        network = topology.network(question.at)
        return f"members of {network.name if network is not None else question.at.id}"

    def describe(self, question: Members, observation: Observation[MembersEvidence]) -> str:
        evidence = observation.evidence
        return observation.reason if evidence is None else ", ".join(each.name for each in evidence.listed) or "none"


PROBES.add("members", MembersProbe(), home=__name__)
