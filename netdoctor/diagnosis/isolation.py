"""Edges that must NOT work. Silence proves nothing by itself: it may be a dead server, or a question put wrongly.

So such an edge holds only when everything that could lead to the target was dialled in vain, when inspect says why
that had to be so, and when the target answers itself at the same port.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from netdoctor.model import HOST, Apart, Case, Container, Edge, Network, Observation, Outcome, Question, Verdict
from netdoctor.probes.listeners import Listeners
from netdoctor.probes.membership import Membership
from netdoctor.probes.tcp import Tcp

SILENCE = 1.5
"""Seconds that a dial waits where inspect says that nothing can pass: time for one retransmission."""

_LOOPBACKS = ("127.0.0.1", "::1")
_ANY = ("", "0.0.0.0", "::")
_OPEN = frozenset({Outcome.CONNECTED, Outcome.RESET})
_APART = frozenset({Outcome.NO_ROUTE, Outcome.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: the address and port to dial, and what it is. ``refusal`` explains why it may refuse."""

    address: str
    port: int
    what: str
    refusal: str = ""


def wants(case: Case, timeout: float) -> Iterator[tuple[Question[Any], float]]:
    """The questions of an edge that must not work, each with its patience in seconds. Pure."""
    edge, target = case.edge, case.target
    if edge is None or target is None:
        return
    if case.source is not None:
        yield Membership(edge.source, edge.target), timeout
    if edge.port is None:
        yield Listeners(edge.target), timeout
    seconds = min(timeout, SILENCE) if why_apart(case) else timeout
    for way in ways(case):
        yield Tcp(edge.source, way.address, way.port), seconds
    for address, port in _own(case):
        yield Tcp(edge.target, address, port), timeout


def decide(case: Case) -> tuple[Verdict, str]:
    """The verdict, and the sentence that says why: for all three of them."""
    edge, target = case.edge, case.target
    if edge is None or target is None:
        return Verdict.UNKNOWN, "only a container of this engine can be shown to be isolated"
    name, caller = target.name, _caller(case)
    tried = [(way, case.seen.get(Tcp(edge.source, way.address, way.port))) for way in ways(case)]
    reached = [way for way, seen in tried if seen is not None and seen.outcome in _OPEN]
    if reached:
        return Verdict.BROKEN, _reached(case, reached)
    if not target.running:
        return Verdict.UNKNOWN, f"{name} is not running: that nothing answers proves nothing"
    if not tried:
        return Verdict.UNKNOWN, f"nothing to dial: {name} has no known port or no address"
    for way, seen in tried:
        if seen is None or not seen.known:
            said = seen.reason if seen is not None else "nobody asked"
            return Verdict.UNKNOWN, f"{way.what} could not be dialled from {caller}: {said}"
    doubt = _alive(case, target)
    if doubt:
        return Verdict.UNKNOWN, doubt
    wanted = edge.expectation.reason if edge.expectation is not None else Apart.ISOLATED
    policy = edge.expectation.policy if edge.expectation is not None else ""
    for way, seen in tried:
        counts = seen is not None and (
            seen.outcome in _APART or (seen.outcome is Outcome.REFUSED and (way.refusal or wanted is Apart.POLICY))
        )
        if not counts and seen is not None:
            return Verdict.UNKNOWN, _does_not_count(way, seen)
    if wanted is Apart.POLICY:
        return Verdict.HOLDS, f"isolated by {policy}: nothing opens, and {name} answers itself"
    reasons = why_apart(case)
    if not reasons:
        return Verdict.UNKNOWN, f"nothing opens, but inspect does not say why; name the policy that keeps {name} apart"
    if wanted is not Apart.ISOLATED and wanted not in reasons:
        found = ", ".join(each.value for each in reasons)
        return Verdict.UNKNOWN, f"nothing opens, but not for the reason given: {wanted.value} expected, {found} found"
    said = "; ".join(reasons[each] for each in ([wanted] if wanted in reasons else list(reasons)))
    return Verdict.HOLDS, f"isolated: {said}; nothing opens, and {name} answers itself"


def why_apart(case: Case) -> dict[Apart, str]:
    """Why inspect says that the two cannot talk; empty when it does not."""
    topology, source, target = case.topology, case.source, case.target
    if source is None or target is None or _one_namespace(case):
        return {}
    mine, theirs = topology.network_owner(source), topology.network_owner(target)
    if mine is None or theirs is None:
        return {}
    if "host" in (mine.network_mode, theirs.network_mode):
        return {}
    shared = topology.shared_networks(source, target)
    if shared:
        if all(not network.icc for network in shared):
            names = ", ".join(network.name for network in shared)
            return {Apart.ICC_OFF: f"{names} forbids traffic between its members"}
        return {}
    found = {Apart.NO_SHARED_NETWORK: "they share no network"}
    for container in (target, source):
        networks = _networks(case, container)
        if networks and all(network.internal for network in networks):
            found.setdefault(
                Apart.INTERNAL,
                f"{container.name} is on internal networks only ({', '.join(each.name for each in networks)})",
            )
    return found


def ways(case: Case) -> tuple[Way, ...]:
    """Every way to the target that inspect knows: its own addresses, and what it publishes, through the gateways."""
    edge, target = case.edge, case.target
    if edge is None or target is None:
        return ()
    found = [*_published(case, edge, target)]
    for port in ports(case):
        found += [
            Way(address, port, f"{_shown(address, port)} ({_where(case, target, address)})")
            for address in _addresses(case, target)
        ]
        if _one_namespace(case):
            found.append(Way(_LOOPBACKS[0], port, f"{_shown(_LOOPBACKS[0], port)} (one network namespace)"))
        elif target.network_mode == "host":
            on_host = _LOOPBACKS[:1] if edge.source == HOST else sorted(_gateways(case, case.source))
            found += [Way(each, port, f"{_shown(each, port)} (the host)") for each in on_host]
    return tuple({(way.address, way.port): way for way in found}.values())


def told(case: Case) -> dict[Question[Any], str]:
    """What each dial of such an edge is, in a few words."""
    edge, target = case.edge, case.target
    if edge is None or target is None:
        return {}
    own: dict[Question[Any], str] = {
        Tcp(edge.target, address, port): f"{_shown(address, port)} asked from {target.name} itself"
        for address, port in _own(case)
    }
    return {**own, **{Tcp(edge.source, way.address, way.port): way.what for way in ways(case)}}


def ports(case: Case) -> tuple[int, ...]:
    """The edge's port; without one, every port that the target listens on for others."""
    edge = case.edge
    if edge is None or edge.port is not None:
        return () if edge is None or edge.port is None else (edge.port,)
    seen = case.seen.get(Listeners(edge.target))
    return () if seen is None or seen.evidence is None else tuple(seen.evidence.ports)


def _published(case: Case, edge: Edge, target: Container) -> Iterator[Way]:
    """Host ports: through every gateway of both, and at the very address they are bound to."""
    on_host = edge.source == HOST or (case.source is not None and case.source.network_mode == "host")
    gateways = _gateways(case, case.source) | _gateways(case, target)
    for binding in target.published or ():
        if binding.protocol != "tcp" or not binding.host_port:
            continue
        bound = binding.host_ip
        anywhere = bound in _ANY
        loopback = not anywhere and _is_loopback(bound)
        what = f"published port {binding.host_port}"
        refusal = "" if anywhere else f"it is bound to {bound} only"
        for gateway in sorted(gateways):
            yield Way(gateway, binding.host_port, f"{what} through {gateway}", refusal if gateway != bound else "")
        if on_host:
            for address in _LOOPBACKS[:1] if anywhere else (bound,):
                yield Way(address, binding.host_port, f"{what} at {address}")
        elif not anywhere and not loopback and bound not in gateways:
            yield Way(bound, binding.host_port, f"{what} at {bound}")


def _gateways(case: Case, container: Container | None) -> set[str]:
    """IPv4 gateways of a container's networks (IPv6 ones where it has an IPv6 address)."""
    if container is None:
        return set()
    found = set()
    for endpoint in case.topology.endpoints_of(container):
        network = case.topology.network(endpoint.network)
        named = [endpoint.gateway or "", *(network.gateways if network is not None else ())]
        found |= {each for each in named if each and (":" not in each or endpoint.ipv6)}
    return found


def _networks(case: Case, container: Container) -> list[Network]:
    found = (case.topology.network(endpoint.network) for endpoint in case.topology.endpoints_of(container))
    return [network for network in found if network is not None]


def _addresses(case: Case, target: Container) -> tuple[str, ...]:
    endpoints = case.topology.endpoints_of(target)
    return tuple(dict.fromkeys(address for endpoint in endpoints for address in endpoint.addresses))


def _own(case: Case) -> list[tuple[str, int]]:
    """Where the target is asked for a sign of life, from its own namespace."""
    target = case.target
    if target is None:
        return []
    addresses = _addresses(case, target) or (_LOOPBACKS[:1] if target.network_mode == "host" else ())
    return [(address, port) for port in ports(case) for address in addresses]


def _alive(case: Case, target: Container) -> str:
    """Why the target is not proven to be alive; empty when it is."""
    edge = case.edge
    own = [case.seen.get(Tcp(target.ref, address, port)) for address, port in _own(case)]
    if any(seen is not None and seen.good for seen in own):
        return ""
    silent = next((seen for seen in own if seen is not None and not seen.known), None)
    if silent is not None:
        return f"no sign of life from {target.name} could be had: {silent.reason}"
    port = f" on port {edge.port}" if edge is not None and edge.port is not None else ""
    said = next((seen.outcome.value.replace("_", " ") for seen in own if seen is not None), "nothing to dial")
    return f"{target.name} does not answer itself{port} ({said}): that nobody else reaches it proves nothing"


def _reached(case: Case, reached: Iterable[Way]) -> str:
    target, caller = case.target, _caller(case)
    name = target.name if target is not None else ""
    listed = ", ".join(way.what for way in reached)
    return f"{caller} reaches {name}, which must be isolated: {listed} opens. {_cure(case, list(reached))}"


def _cure(case: Case, reached: list[Way]) -> str:
    """What keeps them apart, in one sentence."""
    source, target = case.source, case.target
    if source is None or target is None:
        return "This machine reaches every container of its engine."
    if any(way.what.startswith("published") for way in reached):
        return f"Publish the port of {target.name} on 127.0.0.1 only, or not at all."
    if _one_namespace(case):
        return "They share one network namespace."
    owners = [case.topology.network_owner(each) for each in (source, target)]
    if any(owner is not None and owner.network_mode == "host" for owner in owners):
        return "The host, and a container in host mode, is on every network of its engine."
    shared = ", ".join(network.name for network in case.topology.shared_networks(source, target))
    return f"Both are on {shared}: take one of them off it." if shared else "They share no network; something routes."


def _one_namespace(case: Case) -> bool:
    source, target = case.source, case.target
    if source is None or target is None:
        return False
    mine, theirs = case.topology.network_owner(source), case.topology.network_owner(target)
    return mine is not None and theirs is not None and mine.id == theirs.id


def _does_not_count(way: Way, seen: Observation[Any]) -> str:
    word = seen.outcome.value.replace("_", " ")
    more = "; a refusal counts only with a named policy" if seen.outcome is Outcome.REFUSED else ""
    return f"{way.what}: {word}, which shows that packets get there{more}"


def _where(case: Case, target: Container, address: str) -> str:
    for endpoint in case.topology.endpoints_of(target):
        if address in endpoint.addresses:
            return f"on {endpoint.network_name}"
    return "its address"


def _caller(case: Case) -> str:
    return case.source.name if case.source is not None else "this machine"


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
