"""Which TCP connections does this container hold, or try to open, right now?"""

from __future__ import annotations

from dataclasses import dataclass

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World
from netdoctor.vantage.interface import Connection

LIMIT = 512
"""Rows kept; a busy proxy has thousands, and a few of each peer are enough."""


@dataclass(frozen=True, slots=True)
class ConnectionsEvidence:
    """Each peer once; ours are among them."""

    connections: tuple[Connection, ...]

    def to_port(self, port: int) -> tuple[Connection, ...]:
        return tuple(each for each in self.connections if each.remote[1] == port)


@dataclass(frozen=True, slots=True)
class Connections(Question[ConnectionsEvidence]):
    """Asked at the caller."""


class ConnectionsProbe:
    question = Connections
    layer = Layer.TCP

    def ask(self, question: Connections, world: World) -> Observation[ConnectionsEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        peers = {(each.remote, each.state): each for each in vantage.connections()}
        evidence = ConnectionsEvidence(tuple(peers.values())[:LIMIT])
        return Observation(Outcome.CONNECTED, evidence, seconds=world.clock() - began, vantage=vantage.name)

    def label(self, question: Connections, topology: Topology) -> str:
        container = topology.container(question.at)
        return f"connections of {container.name if container else question.at.id}"

    def describe(self, question: Connections, observation: Observation[ConnectionsEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        return ", ".join(f"{each.remote[0]}:{each.remote[1]} {each.state}" for each in evidence.connections) or "none"


PROBES.add("connections", ConnectionsProbe(), home=__name__)
