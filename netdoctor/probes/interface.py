"""What a probe is. A probe knows the vantage's interface, never an implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from netdoctor.model import Layer, Observation, Outcome, Question, Ref, Topology
from netdoctor.registry import Registry
from netdoctor.vantage.interface import CannotAsk, Vantage

BRIEF = 0.3
"""Seconds for a question whose failure is already explained."""


@dataclass(frozen=True, slots=True)
class World:
    """What a probe may use: the topology, a vantage for each place, the time for one question, a clock."""

    topology: Topology
    vantage_at: Callable[[Ref], Vantage]
    """Raises CannotAsk or NoVantage."""
    timeout: float
    clock: Callable[[], float]
    listed: Callable[[str], Iterable[tuple[str, str, tuple[str, ...]]]] | None = None
    """What the network of that id lists itself: (container id, name, addresses). None: there is no engine."""

    def patience(self, brief: bool) -> float:
        return min(BRIEF, self.timeout) if brief else self.timeout


class Probe(Protocol):
    """``ask`` never raises for what the network does; CannotAsk and errors of ours become ``could_not_ask``."""

    @property
    def question(self) -> type[Question[Any]]:
        """The class of question it answers."""

    @property
    def layer(self) -> Layer:
        """Its rung on the ladder."""

    def ask(self, question: Any, world: World) -> Observation[Any]:
        """Put the question from where it stands."""

    def label(self, question: Any, topology: Topology) -> str:
        """The rung's name in a report: ``tcp 10.0.4.2:6333``."""

    def describe(self, question: Any, observation: Observation[Any]) -> str:
        """What came back, in a few words for a person; the outcome and the time are shown beside it."""


PROBES: Registry[Probe] = Registry("netdoctor.probes")
"""By name; the name is the layer's word in the report (dns, ping, tcp, http, listeners, membership)."""


def could_not_ask(reason: str) -> Observation[Any]:
    return Observation(Outcome.COULD_NOT_ASK, None, reason)


__all__ = ["BRIEF", "PROBES", "CannotAsk", "Probe", "World", "could_not_ask"]
