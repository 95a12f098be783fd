"""Which IP addresses does this place have itself?"""

from __future__ import annotations

from dataclasses import dataclass

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World


@dataclass(frozen=True, slots=True)
class AddressesEvidence:
    """IP literals, loopback included."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Addresses(Question[AddressesEvidence]):
    """Asked of a container, or of the engine's machine (``HOST``)."""


class AddressesProbe:
    question = Addresses
    layer = Layer.TARGET

    def ask(self, question: Addresses, world: World) -> Observation[AddressesEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        evidence = AddressesEvidence(vantage.addresses())
        return Observation(Outcome.CONNECTED, evidence, seconds=world.clock() - began, vantage=vantage.name)

    def label(self, question: Addresses, topology: Topology) -> str:
        container = topology.container(question.at)
        return f"addresses of {container.name if container else question.at.id}"

    def describe(self, question: Addresses, observation: Observation[AddressesEvidence]) -> str:
        return observation.reason if observation.evidence is None else ", ".join(observation.evidence.addresses)


PROBES.add("addresses", AddressesProbe(), home=__name__)
