"""The engine's records are right, and the interface, its address or the route is gone inside.

What is looked for
  A shared network that carries traffic, a dial that found no route or was lost, and no answer to a ping. Then what
  both namespaces really have: the addresses that inspect says, and the way that each sends packets to the other.
  Where both are right and nobody answers for the address (three seconds until "no route to host"), the link between
  them is lost on the machine.

Why it breaks
  Inspect tells what the engine once set up. NetworkManager or systemd-networkd take a new interface over, flush its
  address or take it off its bridge; a firewall's restart sets a bridge down; a VPN client in the container replaces
  routes, or has one that holds the network's own addresses.

What would prove it wrong
  A ping that is answered: then the way is there, and something filters (ND304).

The fix and its safety
  A restart of the container makes its interfaces anew. For good: whoever manages the machine's network must leave
  Docker's interfaces alone (NetworkManager: unmanaged-devices=interface-name:docker*;interface-name:br-*;
  interface-name:veth*), and a VPN's routes must not hold the network's addresses.

References
  https://docs.docker.com/engine/daemon/troubleshoot/#docker-networks-disappearing
  https://networkmanager.dev/docs/api/latest/NetworkManager.conf.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Fact,
    Finding,
    Layer,
    Network,
    Observation,
    Outcome,
    Question,
    Remedy,
    Severity,
    network_of_address,
)
from netdoctor.probes.addresses import Addresses
from netdoctor.probes.routes import Routes, shown
from netdoctor.rules._reading import Ends, dial_lines, dials, ends, pinged
from netdoctor.rules.registry import RULES

UNANSWERED = 1.5
"""Seconds: a "no route" that took longer is an address for which nobody answered; a filter says so at once."""
Told = tuple[Confidence, str, tuple[str, ...]]


class LinkLost:
    code = "ND310"
    title = "interface, address or route lost"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        for found, _, _, _ in _lost(case):
            for ref in (found.source.ref, found.target.ref):
                yield from (Addresses(ref), Routes(ref))

    def judge(self, case: Case) -> Iterable[Finding]:
        for found, network, address, dial in _lost(case):
            told = _within(case, found, network, address) or _between(case, found, network, address, dial)
            if told is None:
                continue
            confidence, cause, lines = told
            source, target = found.source.name, found.target.name
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                confidence,
                Layer.TCP,
                (found.target.ref, found.source.ref),
                cause,
                (*lines, *dial_lines(case), f"ping {address}: lost"),
                (
                    Remedy(
                        "See what manages the interfaces, and restart the two",
                        advice=f"ip -br link; ip -br link show type bridge; networkctl list; nmcli device\n"
                        f"docker restart {source} {target}",
                    ),
                ),
            )
            return


def _lost(case: Case) -> list[tuple[Ends, Network, str, Observation[Any]]]:
    """IPv4 addresses on a shared, open network that neither the dial nor a ping reached."""
    found = ends(case)
    if found is None or not found.target.running or not found.source.running:
        return []
    lost = []
    for address, dial in dials(case):
        network, echo = network_of_address(found.topology, found.target, address), pinged(case, address)
        if dial.outcome not in (Outcome.NO_ROUTE, Outcome.TIMED_OUT) or ":" in address:
            continue
        if echo is not None and echo.known and not echo.good and network in found.common and network.icc:
            lost.append((found, network, address, dial))
    return lost


def _within(case: Case, found: Ends, network: Network, address: str) -> Told | None:
    """What one of the two namespaces lacks, or sends elsewhere."""
    endpoint = found.source.endpoint_on(network.id)
    here = endpoint.ipv4 if endpoint is not None else None
    for who, own, other in ((found.source, here, address), (found.target, address, here)):
        has, goes = case.seen.get(Addresses(who.ref)), case.seen.get(Routes(who.ref))
        if own and has is not None and has.evidence is not None and own not in has.evidence.addresses:
            cause = f"{who.name} has no interface with its address {own} on {network.name}: it is down, or was flushed."
            return Confidence.CERTAIN, cause, (f"addresses of {who.name}: {', '.join(has.evidence.addresses)}",)
        if not own or not other or goes is None or goes.evidence is None:
            continue
        out = goes.evidence.way_to(other)
        home = next((each for each in goes.evidence.routes if each.destination in network.subnets), None)
        routes = (f"routes of {who.name}: {', '.join(shown(each) for each in goes.evidence.routes) or 'none'}",)
        if out is None:
            return Confidence.CERTAIN, f"{who.name} has no route to {other} on {network.name}.", routes
        # Peers of one network are neighbours: nothing stands between them that would forward.
        if out.gateway is not None or (home is not None and out.interface != home.interface):
            cause = f"{who.name} sends what is for {other} to {shown(out)}, and not to {network.name}."
            return Confidence.CERTAIN, cause, routes
    return None


def _between(case: Case, found: Ends, network: Network, address: str, dial: Observation[Any]) -> Told | None:
    """Both are in order, as far as that is known, and nobody answers for the address."""
    known = [case.seen.get(Addresses(each.ref)) for each in (found.source, found.target)]
    right = all(each is not None and each.evidence is not None for each in known)
    if not right or network.driver != "bridge" or dial.outcome is not Outcome.NO_ROUTE or dial.seconds < UNANSWERED:
        return None
    bridge = network.options.get("com.docker.network.bridge.name") or f"br-{network.id[:12]}"
    cause = (
        f"{found.source.name} and {found.target.name} have their addresses on {network.name}, and nobody answers for "
        f"{address}: the bridge {bridge} is down, or has lost an interface."
    )
    return Confidence.LIKELY, cause, ()


RULE = RULES.add(LinkLost.code, LinkLost(), home=__name__)
