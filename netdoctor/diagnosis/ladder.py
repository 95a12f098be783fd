"""The ladder: membership, dns, ping, tcp, then http or a greeting along one edge.

Pure, like a rule: it wants more as answers arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from netdoctor.model import Answers, Case, Edge, Question, Topology, carriers, network_of_address, predicted_addresses
from netdoctor.probes.dns import Dns
from netdoctor.probes.greeting import PROTOCOLS, Greeting, spoken
from netdoctor.probes.http import Http
from netdoctor.probes.membership import Membership
from netdoctor.probes.ping import Ping
from netdoctor.probes.tcp import Tcp

HTTP = ("http", "https")
UDP = "udp"
ADDRESSES = 8
"""Addresses dialled along one edge at most; a name with more has replicas enough to judge by."""


def path_explained(topology: Topology, edge: Edge) -> bool:
    """Whether inspect already says that nothing can pass: later questions need not wait."""
    source, target = topology.container(edge.source), topology.container(edge.target)
    if source is None or target is None:
        return False
    if "host" in (source.network_mode, target.network_mode):
        return False
    owner, other = topology.network_owner(source), topology.network_owner(target)
    if owner is not None and other is not None and owner.id == other.id:
        return False
    return not topology.shared_networks(source, target)


def addresses(topology: Topology, edge: Edge, seen: Answers) -> tuple[str, ...]:
    """What a client would dial: the name's answers when it has a name that resolves, else what inspect predicts."""
    named = _answers(edge, seen)
    return (named or predicted_addresses(topology, edge))[:ADDRESSES]


def ladder(case: Case) -> Iterable[Question[Any]]:
    """The edge's own questions, given the answers so far."""
    edge = case.edge
    return () if edge is None else _rungs(case, edge)


def _rungs(case: Case, edge: Edge) -> Iterator[Question[Any]]:
    topology = case.topology
    brief = path_explained(topology, edge)
    if case.source is not None and case.target is not None:
        yield Membership(edge.source, edge.target)
    if edge.name is not None:
        yield Dns(edge.source, edge.name, brief=brief or _nobody_carries(case, edge))
    dialled = dict.fromkeys([*_answers(edge, case.seen), *predicted_addresses(topology, edge)])
    for address in list(dialled)[:ADDRESSES]:
        explained = brief or _forbidden(case, address)
        yield Ping(edge.source, address, brief=explained)
        if edge.port is None or edge.protocol == UDP:
            continue
        tcp = Tcp(edge.source, address, edge.port, brief=explained)
        yield tcp
        opened = case.seen.get(tcp)
        top = top_question(edge, address)
        if opened is not None and opened.good and top is not None:
            yield top


def top_question(edge: Edge, address: str) -> Question[Any] | None:
    """What proves the right service at that address: HTTP, or the protocol's greeting; None: a port that opens."""
    if edge.protocol in HTTP:
        return http_question(edge, address)
    if edge.protocol not in PROTOCOLS:
        return None
    protocol, tls = spoken(edge.protocol)
    return Greeting(edge.source, address, edge.port or 0, protocol, tls, edge.name or address)


def http_question(edge: Edge, address: str) -> Http:
    """A path that somebody gave (or that the catalogue knows) must answer well; a guessed one must only answer."""
    return Http(
        edge.source,
        address,
        edge.port or 80,
        host=edge.name or address,
        path=edge.path or edge.said_path or "/",
        tls=edge.protocol == "https",
        strict=edge.path is not None,
    )


def _answers(edge: Edge, seen: Answers) -> tuple[str, ...]:
    if edge.name is None:
        return ()
    observation = seen.get(Dns(edge.source, edge.name))
    if observation is None or not observation.good or observation.evidence is None:
        return ()
    return observation.evidence.answers


def _forbidden(case: Case, address: str) -> bool:
    """The address lies on a network whose members may not talk to each other."""
    network = network_of_address(case.topology, case.target, address) if case.target is not None else None
    return network is not None and not network.icc


def _nobody_carries(case: Case, edge: Edge) -> bool:
    """A single label that no endpoint carries: the engine's resolver may keep silent for half a minute about it."""
    if case.source is None or edge.name is None or "." in edge.name:
        return False
    return not carriers(case.topology, case.source, edge.name)
