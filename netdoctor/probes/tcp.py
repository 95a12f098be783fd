"""Does a TCP connection open, from inside, to this address and port?"""

from __future__ import annotations

from dataclasses import dataclass, field

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World
from netdoctor.vantage.interface import DialFailed


@dataclass(frozen=True, slots=True)
class TcpEvidence:
    address: str
    port: int
    errno: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tcp(Question[TcpEvidence]):
    """``address`` is an IP literal. ``brief``: its failure is already explained, do not wait for it."""

    address: str
    port: int
    brief: bool = field(default=False, compare=False)


class TcpProbe:
    question = Tcp
    layer = Layer.TCP

    def ask(self, question: Tcp, world: World) -> Observation[TcpEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        try:
            stream = vantage.dial(question.address, question.port, world.patience(question.brief))
        except DialFailed as error:
            return Observation(
                error.outcome,
                TcpEvidence(question.address, question.port, error.errno, error.detail),
                seconds=error.seconds or world.clock() - began,
                vantage=vantage.name,
            )
        stream.close()
        return Observation(
            Outcome.CONNECTED,
            TcpEvidence(question.address, question.port),
            seconds=world.clock() - began,
            vantage=vantage.name,
        )

    def label(self, question: Tcp, topology: Topology) -> str:
        shown = f"[{question.address}]" if ":" in question.address else question.address
        return f"tcp {shown}:{question.port}"

    def describe(self, question: Tcp, observation: Observation[TcpEvidence]) -> str:
        shown = f"[{question.address}]" if ":" in question.address else question.address
        return f"{shown}:{question.port}"


PROBES.add("tcp", TcpProbe(), home=__name__)
