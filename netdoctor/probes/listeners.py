"""Which TCP ports does the target really listen on, and on which addresses?"""

from __future__ import annotations

from dataclasses import dataclass

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World
from netdoctor.vantage.interface import ListeningSocket

_ANY = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class ListenersEvidence:
    sockets: tuple[ListeningSocket, ...]

    def on(self, port: int) -> tuple[ListeningSocket, ...]:
        return tuple(socket for socket in self.sockets if socket.port == port)

    def reachable(self, port: int, address: str) -> bool:
        """Whether a listener takes connections to that address and port (any-address counts)."""
        return any(
            socket.address == address or socket.address == "::" or (socket.address == "0.0.0.0" and ":" not in address)
            for socket in self.on(port)
        )

    def loopback_only(self, port: int) -> bool:
        """Something listens on the port, and all of it on loopback."""
        found = self.on(port)
        return bool(found) and all(is_loopback(socket.address) for socket in found)

    @property
    def ports(self) -> tuple[int, ...]:
        """Ports that take connections from other containers, lowest first."""
        return tuple(sorted({socket.port for socket in self.sockets if not is_loopback(socket.address)}))


def is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith(("127.", "::ffff:127."))


@dataclass(frozen=True, slots=True)
class Listeners(Question[ListenersEvidence]):
    """Asked at the target."""


class ListenersProbe:
    question = Listeners
    layer = Layer.TARGET

    def ask(self, question: Listeners, world: World) -> Observation[ListenersEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        evidence = ListenersEvidence(vantage.listeners())
        return Observation(Outcome.CONNECTED, evidence, seconds=world.clock() - began, vantage=vantage.name)

    def label(self, question: Listeners, topology: Topology) -> str:
        container = topology.container(question.at)
        return f"listeners of {container.name if container else question.at.id}"

    def describe(self, question: Listeners, observation: Observation[ListenersEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        return ", ".join(f"{socket.address}:{socket.port}" for socket in evidence.sockets) or "none"


PROBES.add("listeners", ListenersProbe(), home=__name__)
