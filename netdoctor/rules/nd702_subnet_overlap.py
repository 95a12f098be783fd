"""Two networks claim the same addresses, or there are none left to give.

What is looked for
  An address that the caller dials in vain, that lies in the subnet of one of the caller's networks, and that belongs
  elsewhere: to a container on another network, or to another interface of the engine's machine (a VPN, the LAN), by
  its routes. Two networks whose subnets overlap in the files. And, where two share no network, whether every one of
  the engine's usual address pools is taken, so that no network for them can be made.

Why it breaks
  What lies in a container's own subnet is looked for on its own bridge, by ARP, and never routed: the machine behind
  the VPN with an address from the same range is out of reach, for this container only. The engine refuses
  overlaps among its own bridges, but does not compare a subnet that somebody chose with every route there is, nor
  with routes that come later. Its own pools hold about thirty networks.

What would prove it wrong
  `ip route get ADDRESS` on the machine names the bridge of that network; or the dial is answered.

The fix and its safety
  Make the network with another subnet (compose: networks: NAME: ipam: config: - subnet: ...) and recreate what is on
  it; set `default-address-pools` in daemon.json to ranges that nobody else uses. `docker network prune` gives back
  the subnets of networks that nobody is on, those of stacks that are down too.

References
  https://docs.docker.com/engine/network/#subnet-allocation
  docker/for-linux #599, docker/compose #6153
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from netdoctor.model import HOST, Case, Confidence, Fact, Finding, Layer, Network, Outcome, Question, Remedy, Severity
from netdoctor.probes.host_routes import HostRoutes
from netdoctor.rules._drift import shared
from netdoctor.rules._placing import caller, literal, networks_of, owner_of_address, subnet_of
from netdoctor.rules._reading import connected, declared, dials, ends, works
from netdoctor.rules.registry import RULES

Networks = tuple[Network, ...]
_PROJECT = "com.docker.compose.project"
_LOST = (Outcome.TIMED_OUT, Outcome.NO_ROUTE)
_WIDE, _NARROW = range(17, 32), range(0, 256, 16)
POOLS = (*(f"172.{part}.0.0/16" for part in _WIDE), *(f"192.168.{part}.0/20" for part in _NARROW))
"""What an engine gives away unless daemon.json says otherwise."""


class SubnetOverlap:
    code = "ND702"
    title = "subnets overlap, or none is left"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND206", "ND304", "ND107"})
    by_absence = True

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return (HostRoutes(HOST),) if any(True for _ in _swallowed(case)) else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        if case.edge is None:
            return self._files(case) if declared(case.topology) else ()
        return () if declared(case.topology) else (*self._elsewhere(case), *self._exhausted(case))

    def _elsewhere(self, case: Case) -> Iterable[Finding]:
        for address, network in _swallowed(case):
            owner = owner_of_address(case.topology, address)
            route = _route(case, address, network)
            if owner is not None and owner.endpoint_on(network.id) is None:
                whose = f"{owner.name}, on another network"
            elif route:
                whose = f"whatever is behind {route} of this machine"
            else:
                continue
            name, subnets = case.source.name if case.source else "the caller", ", ".join(network.subnets)
            cause = (
                f"{address} belongs to {whose}, but lies in the subnet of {network.name} ({subnets}), where {name} "
                "looks for it in vain."
            )
            lines = (f"{network.name}: {subnets}", *((f"route: {route}",) if route else ()))
            advice = f"Make {network.name} with a subnet that nobody else uses (ipam: config: - subnet: ...)."
            yield self._finding(Severity.ERROR, Confidence.CERTAIN, (network,), cause, lines, advice)

    def _exhausted(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or shared(case) or works(case):
            return
        taken = [subnet for network in case.topology.networks for subnet in network.subnets]
        if all(any(_overlap(pool, subnet) for subnet in taken) for pool in POOLS):
            cause = f"All {len(POOLS)} of the engine's usual address pools are taken: no new network can be made."
            lines = (f"{len(case.topology.networks)} networks",)
            advice = "Remove networks that nobody needs (docker network prune), or set default-address-pools."
            yield self._finding(Severity.WARNING, Confidence.LIKELY, (), cause, lines, advice)

    def _files(self, case: Case) -> Iterable[Finding]:
        networks = [each for each in case.topology.networks if each.subnets and not each.external]
        for position, one in enumerate(networks):
            for other in networks[position + 1 :]:
                pair = next(((a, b) for a in one.subnets for b in other.subnets if _overlap(a, b)), None)
                if pair is None:
                    continue
                cause = f"{one.name} ({pair[0]}) and {other.name} ({pair[1]}) overlap: an engine refuses the second."
                lines = (f"{one.name}: {pair[0]}", f"{other.name}: {pair[1]}")
                same = one.labels.get(_PROJECT) == other.labels.get(_PROJECT)
                sure = Confidence.CERTAIN if same else Confidence.LIKELY
                advice = f"Give {other.name} a subnet of its own."
                yield self._finding(Severity.ERROR, sure, (other, one), cause, lines, advice)

    def _finding(
        self, severity: Severity, sure: Confidence, about: Networks, cause: str, lines: tuple[str, ...], advice: str
    ) -> Finding:
        refs = tuple(each.ref for each in about) or (HOST,)
        cures = (Remedy("Use addresses that nobody else has", advice=advice),)
        return Finding(self.code, self.title, severity, sure, Layer.MEMBERSHIP, refs, cause, lines, cures)


def _swallowed(case: Case) -> Iterator[tuple[str, Network]]:
    """Addresses that were dialled in vain, inside a subnet of the caller's that no member there has."""
    asked = caller(case)
    if asked is None or connected(case) or declared(case.topology):
        return
    for address, observation in dials(case):
        network = subnet_of(networks_of(case.topology, asked[1]), address) if literal(address) else None
        members = case.topology.members(network.id) if network is not None else ()
        there = any(address in endpoint.addresses for each in members for endpoint in each.endpoints)
        if network is not None and observation.outcome in _LOST and not there:
            yield address, network


def _route(case: Case, address: str, network: Network) -> str | None:
    """``10.8.0.0/24 by wg0``: a route of the machine that is not the network's own bridge."""
    answer = case.seen.get(HostRoutes(HOST))
    routes = answer.evidence.routes if answer is not None and answer.good and answer.evidence is not None else ()
    bridge = network.options.get("com.docker.network.bridge.name") or f"br-{network.id[:12]}"
    if not any(each.interface == bridge for each in routes):  # Podman numbers its bridges, and tells no number.
        bridge = next((each.interface for each in routes if each.destination in network.subnets), bridge)
    for each in routes:
        if each.interface not in (bridge, "docker0") and _overlap(each.destination, address):
            return f"{each.destination} by {each.interface}"
    return None


def _overlap(one: str, other: str) -> bool:
    try:
        first, second = (ipaddress.ip_network(each, strict=False) for each in (one, other))
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)


RULE = RULES.add(SubnetOverlap.code, SubnetOverlap(), home=__name__)
