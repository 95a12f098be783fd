"""How large a packet do the interfaces of that namespace take, and which of them leads outside?"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, CannotAsk, World

DEFAULT = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Interface:
    """``mtu`` in bytes; ``address`` is its IPv4 address, "" for none, or where it is not told. ``outward``: the default
    route goes here. ``subnets``: what is reached through it without a gateway, CIDR."""

    name: str
    address: str
    mtu: int
    outward: bool = False
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MtuEvidence:
    interfaces: tuple[Interface, ...] = ()

    def of(self, address: str | None) -> int | None:
        """The MTU of the interface with that address; where no address is told, of the one that leads to its subnet."""
        if not address:
            return None
        having = (each.mtu for each in self.interfaces if each.address == address)
        leading = (each.mtu for each in self.interfaces if not each.address and _leads(each, address))
        return next(having, None) or next(leading, None)

    @property
    def outward(self) -> Interface | None:
        return next((each for each in self.interfaces if each.outward), None)


@dataclass(frozen=True, slots=True)
class Mtu(Question[MtuEvidence]):
    """``needed``: something fails that it may explain, so that not being able to ask is worth a word."""

    needed: bool = field(default=False, compare=False)


def _leads(interface: Interface, address: str) -> bool:
    own = ipaddress.ip_address(address)
    return any(own in ipaddress.ip_network(subnet) for subnet in interface.subnets if subnet != DEFAULT)


class MtuProbe:
    question = Mtu
    layer = Layer.TARGET

    def ask(self, question: Mtu, world: World) -> Observation[MtuEvidence]:
        began = world.clock()
        try:
            vantage = world.vantage_at(question.at)
            sizes, routes = vantage.mtus(), vantage.routes()
            outward = {route.interface for route in routes if route.destination == DEFAULT}
            direct = [(route.interface, route.destination) for route in routes if route.gateway is None]
            found = tuple(
                Interface(name, address, size, name in outward, tuple(to for by, to in direct if by == name))
                for name, address, size in sizes
            )
        except (CannotAsk, OSError) as error:
            if question.needed:
                raise CannotAsk(str(error)) from error
            return Observation(Outcome.CONNECTED, MtuEvidence(), str(error))
        return Observation(Outcome.CONNECTED, MtuEvidence(found), seconds=world.clock() - began, vantage=vantage.name)

    def label(self, question: Mtu, topology: Topology) -> str:
        container = topology.container(question.at)
        return f"packet sizes of {container.name if container else question.at.id}"

    def describe(self, question: Mtu, observation: Observation[MtuEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None or not evidence.interfaces:
            return observation.reason
        return ", ".join(f"{each.name} {each.mtu}" for each in evidence.interfaces)


PROBES.add("mtu", MtuProbe(), home=__name__)
