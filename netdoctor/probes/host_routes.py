"""Where does the engine's machine send what: its routes, read in the engine's own network namespace."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from netdoctor.model import Layer, Observation, Outcome, Question, Topology
from netdoctor.probes.firewall import engine_process
from netdoctor.probes.interface import PROBES, CannotAsk, World


@dataclass(frozen=True, slots=True)
class HostRoute:
    """``destination`` is CIDR; the default route is not among them."""

    destination: str
    interface: str


@dataclass(frozen=True, slots=True)
class HostRoutesEvidence:
    routes: tuple[HostRoute, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRoutes(Question[HostRoutesEvidence]):
    """Asked at the host."""


class HostRoutesProbe:
    question = HostRoutes
    layer = Layer.TARGET

    def ask(self, question: HostRoutes, world: World) -> Observation[HostRoutesEvidence]:
        began = world.clock()
        engine = engine_process(world.topology, root=False, names=("dockerd", "podman"))
        try:
            table = Path(f"/proc/{engine}/net/route").read_text("ascii", "replace")
        except OSError as error:
            raise CannotAsk(f"the routes of the engine's machine cannot be read: {error.strerror}") from error
        return Observation(Outcome.CONNECTED, HostRoutesEvidence(parse(table)), seconds=world.clock() - began)

    def label(self, question: HostRoutes, topology: Topology) -> str:
        return "routes of the engine's machine"

    def describe(self, question: HostRoutes, observation: Observation[HostRoutesEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        return ", ".join(f"{each.destination} {each.interface}" for each in evidence.routes) or "none"


def parse(table: str) -> tuple[HostRoute, ...]:
    """/proc/net/route: little-endian hexadecimal words. Lines that are none are passed over."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        try:
            address, mask = (socket.inet_ntoa(struct.pack("<L", int(words[index], 16))) for index in (1, 7))
            network = ipaddress.ip_network(f"{address}/{mask}", strict=False)
        except (IndexError, ValueError, struct.error):
            continue
        if network.prefixlen:
            found.append(HostRoute(str(network), words[0]))
    return tuple(found)


PROBES.add("host_routes", HostRoutesProbe(), home=__name__)
