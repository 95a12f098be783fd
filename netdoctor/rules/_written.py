"""IP addresses that somebody wrote into a container's environment, and whose they are now. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from netdoctor.model import Container, Edge, Topology
from netdoctor.rules._placing import literal, networks_of, owner_of_address, subnet_of

_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(?!\.?\d)(?!/\d)")
_OTHER_USES = re.compile(r"no_?proxy|cidr|subnet|trust|allow|range|gateway|bind|listen|advert|forwarded|version", re.I)
"""Variables that hold addresses for another purpose than to connect there."""

_KINDS = frozenset({"host", "hostname", "addr", "address", "server", "endpoint", "ip", "url", "uri", "dsn"})


@dataclass(frozen=True, slots=True)
class Written:
    """``where``: ``extra_hosts`` or the variable; ``path``: that place inside the container."""

    where: str
    address: str
    port: int | None
    path: tuple[str, ...] = ()


def stale_values(topology: Topology, edge: Edge, source: Container, target: Container | None) -> Iterable[Written]:
    """Addresses in a subnet of the caller's bridge networks that no container has, where they may mean this edge.

    A variable means the edge when it speaks of the target, gives its port, or when the edge is to that address; and
    where the caller names the target nowhere else. Remote tasks have addresses on overlays: those are not judged.
    """
    if target is None:
        address = edge.name or edge.target.id
        if literal(address) and _unowned(topology, source, address):
            yield Written(_variable(source, address) or "", address, edge.port, _path(source, address))
        return
    for variable, value in source.environment or ():
        if _OTHER_USES.search(variable):
            continue
        for address, port in _ADDRESS.findall(value):
            number = int(port) if port and int(port) < 65536 else None
            words = {target.name.lower(), (target.service or target.name).lower()}
            spoken = any(word.replace("-", "_") in variable.lower() for word in words)
            if not _unowned(topology, source, address):
                # DB_HOST means the container db, wherever its address lies and whoever has it now.
                if _is_its_own(variable, words) and address not in _present(topology, target):
                    yield Written(variable, address, number, ("environment", variable))
                continue
            elsewhere = edge.origin.startswith("environment")
            if spoken or (number is not None and number == edge.port) or not elsewhere:
                yield Written(variable, address, number, ("environment", variable))


def _is_its_own(variable: str, words: set[str]) -> bool:
    """``DB_HOST``, ``DB_URL``, ``DB_IP`` for the word ``db``."""
    stem, _, last = variable.lower().rpartition("_")
    return stem in {word.replace("-", "_") for word in words} and last in _KINDS


def _present(topology: Topology, target: Container) -> set[str]:
    return {address for endpoint in topology.endpoints_of(target) for address in endpoint.addresses}


def _unowned(topology: Topology, source: Container, address: str) -> bool:
    """In a subnet of a bridge that the caller is on, nobody's, and neither the gateway nor an end of the range."""
    bridges = [network for network in networks_of(topology, source) if network.driver == "bridge"]
    network = subnet_of(bridges, address)
    if network is None or address in network.gateways or address.endswith((".0", ".255", ".0.1")):
        return False
    gateways = {endpoint.gateway for endpoint in source.endpoints}
    return address not in gateways and owner_of_address(topology, address) is None


def _variable(source: Container, address: str) -> str | None:
    return next((variable for variable, value in source.environment or () if address in value), None)


def _path(source: Container, address: str) -> tuple[str, ...]:
    variable = _variable(source, address)
    return ("environment", variable) if variable else ()
