"""Does an ICMP echo come back? Evidence only: many networks drop it and work."""

from __future__ import annotations

from dataclasses import dataclass, field

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World

PATIENCE = 1.0
"""Seconds. An echo between containers takes microseconds; a second of silence is an answer."""


@dataclass(frozen=True, slots=True)
class PingEvidence:
    address: str
    sent: int
    received: int
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ping(Question[PingEvidence]):
    address: str
    brief: bool = field(default=False, compare=False)


class PingProbe:
    question = Ping
    layer = Layer.PING

    def ask(self, question: Ping, world: World) -> Observation[PingEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        reply = vantage.ping(question.address, min(PATIENCE, world.patience(question.brief)))
        return Observation(
            Outcome.CONNECTED if reply.received else Outcome.TIMED_OUT,
            PingEvidence(question.address, reply.sent, reply.received, reply.seconds, reply.detail),
            seconds=world.clock() - began,
            vantage=vantage.name,
        )

    def label(self, question: Ping, topology: Topology) -> str:
        return f"ping {question.address}"

    def describe(self, question: Ping, observation: Observation[PingEvidence]) -> str:
        return question.address


PROBES.add("ping", PingProbe(), home=__name__)
