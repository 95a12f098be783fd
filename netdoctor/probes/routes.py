"""Where does this container send what: the IPv4 routes of its namespace."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, World
from netdoctor.vantage.interface import Route


@dataclass(frozen=True, slots=True)
class RoutesEvidence:
    """In the kernel's order; IPv4 only."""

    routes: tuple[Route, ...]

    def way_to(self, address: str) -> Route | None:
        """The route that an IPv4 address takes: the longest prefix that holds it, the first of equals. None: no way."""
        wanted = ipaddress.ip_address(address)
        held = [(ipaddress.ip_network(each.destination, strict=False), each) for each in self.routes]
        return max(
            (pair for pair in held if wanted in pair[0]), key=lambda pair: pair[0].prefixlen, default=(None, None)
        )[1]


@dataclass(frozen=True, slots=True)
class Routes(Question[RoutesEvidence]):
    """Asked of a container."""


class RoutesProbe:
    question = Routes
    layer = Layer.TCP

    def ask(self, question: Routes, world: World) -> Observation[RoutesEvidence]:
        vantage = world.vantage_at(question.at)
        began = world.clock()
        evidence = RoutesEvidence(vantage.routes())
        return Observation(Outcome.CONNECTED, evidence, seconds=world.clock() - began, vantage=vantage.name)

    def label(self, question: Routes, topology: Topology) -> str:
        container = topology.container(question.at)
        return f"routes of {container.name if container else question.at.id}"

    def describe(self, question: Routes, observation: Observation[RoutesEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        return ", ".join(shown(each) for each in evidence.routes) or "none"


def shown(route: Route) -> str:
    """``10.0.4.0/24 dev eth0``, ``0.0.0.0/0 via 10.0.4.1 dev eth0``"""
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.destination}{via} dev {route.interface}"


PROBES.add("routes", RoutesProbe(), home=__name__)
