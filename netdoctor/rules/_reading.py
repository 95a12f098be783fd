"""What the rules read the same way: the two ends, what the name gave, what the dials met, who listens. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from netdoctor.model import (
    HOST,
    Case,
    Container,
    Edge,
    Fact,
    Network,
    Observation,
    Outcome,
    Question,
    Topology,
    carriers,
    network_of_address,
    predicted_addresses,
)
from netdoctor.model.joining import common_networks
from netdoctor.probes.dns import Dns, DnsEvidence
from netdoctor.probes.greeting import Greeting, spoken
from netdoctor.probes.http import Http
from netdoctor.probes.listeners import Listeners, ListenersEvidence
from netdoctor.probes.ping import Ping
from netdoctor.probes.tcp import Tcp

HTTP = ("http", "https")
SAID = {
    Outcome.CONNECTED: "connected",
    Outcome.REFUSED: "refused",
    Outcome.TIMED_OUT: "timed out",
    Outcome.NAME_NOT_FOUND: "no such name",
    Outcome.RESOLVER_FAILED: "no answer",
    Outcome.NO_ROUTE: "no route to host",
    Outcome.COULD_NOT_ASK: "could not be asked",
}


@dataclass(frozen=True, slots=True)
class Ends:
    """Two different containers with networks of their own, asked forwards: where reasoning about networks holds."""

    topology: Topology
    edge: Edge
    source: Container
    target: Container

    @property
    def name(self) -> str | None:
        """The host name the caller uses; None when it dials an address."""
        name = self.edge.name
        return None if name is None or _literal(name) else name

    @property
    def common(self) -> tuple[Network, ...]:
        """Shared networks that carry something between the two."""
        return common_networks(self.topology, self.source, self.target)

    @property
    def named_networks(self) -> tuple[Network, ...]:
        """Those of them on which the engine answers names."""
        return tuple(network for network in self.common if not network.default_bridge)


def ends(case: Case) -> Ends | None:
    """None for the whole topology, the way back, an end that is no container, and borrowed, host or no networks."""
    edge, source, target = case.edge, case.source, case.target
    if edge is None or edge.reverse or source is None or target is None or source.id == target.id:
        return None
    ordinary = all(has_own_network(case.topology, each) for each in (source, target))
    return Ends(case.topology, edge, source, target) if ordinary else None


MACHINE = Container(HOST.id, "the host", network_mode="host")
"""This machine, where it is the caller."""


def knocking(case: Case) -> Ends | None:
    """As :func:`ends`, and besides: this machine, host mode and a borrowed namespace may call, and a borrowed one be
    called, once a dial to an address of the target's own went wrong. For what is a fact of the target alone.
    """
    found = ends(case)
    edge, target = case.edge, case.target
    if found is not None or edge is None or edge.reverse or target is None:
        return found
    source = case.source or (MACHINE if edge.source == HOST else None)
    if source is None or source.id == target.id or target.network_mode == "host":
        return None
    own = {each for endpoint in case.topology.endpoints_of(target) for each in endpoint.addresses}
    failed = any(address in own and not observation.good for address, observation in dials(case))
    return Ends(case.topology, edge, source, target) if failed else None


def declared(topology: Topology) -> bool:
    """Read from files alone: nothing runs, and nothing can be asked."""
    return Fact.RUNTIME not in topology.knows


def may_run(container: Container) -> bool:
    """Running, or known from files alone."""
    return container.state is None or container.running


def linked(caller: Container, name: str) -> bool:
    """Whether ``links`` gives the caller that name for itself."""
    return any(link.alias == name.rstrip(".").lower() for link in caller.links)


def has_own_network(topology: Topology, container: Container) -> bool:
    """False in host mode, in another container's namespace, and with none at all."""
    mode = container.network_mode or ""
    if mode == "host" or mode.startswith("container:"):
        return False
    found = [topology.network(endpoint.network) for endpoint in container.endpoints]
    if any(network is not None and network.driver in ("host", "null") for network in found):
        return False
    return bool(container.endpoints) or mode != "none"


def dns(case: Case) -> Observation[DnsEvidence] | None:
    """What the name gave; None when none is used or it was not asked."""
    edge = case.edge
    return None if edge is None or edge.name is None else case.seen.get(Dns(edge.source, edge.name))


def name_failed(case: Case) -> bool:
    """The name was asked, and no address came back."""
    answer = dns(case)
    return answer is not None and answer.known and not answer.good


def carried_by_nobody(case: Case) -> tuple[Container, str] | None:
    """A single word that was typed as the host of something outside: only the engine could have known it."""
    edge, source = case.edge, case.source
    if edge is None or edge.reverse or source is None or edge.target.kind != "external":
        return None
    if not (declared(case.topology) or name_failed(case)):
        return None
    networks = (case.topology.network(endpoint.network) for endpoint in source.endpoints)
    answers = any(n is not None and not n.default_bridge and n.driver not in ("host", "null") for n in networks)
    name = (edge.name or "").rstrip(".")
    if not name or "." in name or ":" in name or not answers or carriers(case.topology, source, name):
        return None
    return source, name


def dialled(case: Case) -> tuple[str, ...]:
    """Addresses a client would dial: the name's answers, else what inspect predicts."""
    answer = dns(case)
    if answer is not None and answer.good and answer.evidence is not None:
        return answer.evidence.answers
    return predicted_addresses(case.topology, case.edge) if case.edge is not None else ()


def own_addresses(case: Case) -> tuple[str, ...]:
    """Every address that can be meant on this edge. The caller may speak to another server on the same port, and what
    that one answers is none of this edge's."""
    edge, target = case.edge, case.target
    if edge is None:
        return ()
    attached = case.topology.endpoints_of(target) if target is not None else ()
    theirs = [each for endpoint in attached for each in endpoint.addresses]
    predicted = predicted_addresses(case.topology, edge)
    return tuple(dict.fromkeys((*dialled(case), *predicted, *theirs, edge.name or "", edge.target.id)))


def dials(case: Case) -> Iterator[tuple[str, Observation[Any]]]:
    """Each address that was dialled on the edge's port, with what happened."""
    edge = case.edge
    if edge is None or edge.port is None:
        return
    # Looked up, not searched for: a caller that is asked about everybody has hundreds of answers.
    for address in own_addresses(case):
        observation = case.seen.get(Tcp(edge.source, address, edge.port))
        if observation is not None:
            yield address, observation


def pinged(case: Case, address: str) -> Observation[Any] | None:
    return case.seen.get(Ping(case.edge.source, address)) if case.edge is not None else None


def connected(case: Case) -> bool:
    """Some dial to the edge's port was taken."""
    return any(observation.good for _, observation in dials(case))


def answered(case: Case) -> bool:
    """Some HTTP request on the edge's port was answered, or a greeting was."""
    return any(observation.good for _, observation in spoken_to(case))


def spoken_to(case: Case) -> Iterator[tuple[Http | Greeting, Observation[Any]]]:
    """Each HTTP request and each greeting on the edge's port, as the edge's protocol has it, with what came of it.

    Not the control questions that rules put in other words (TLS or not, another path or Host).
    """
    edge = case.edge
    if edge is None:
        return
    path = edge.path or edge.said_path or "/"
    for asked, observation in case.asked(Http):
        ours = asked.port == edge.port and asked.path == path and asked.host in (edge.name, asked.address)
        ours = ours and edge.protocol in (*HTTP, "tcp") and asked.tls == (edge.protocol == "https")
        if ours and asked.address in own_addresses(case):
            yield asked, observation
    for greeted, observation in case.asked(Greeting):
        same = (greeted.port, greeted.protocol, greeted.tls) == (edge.port, *spoken(edge.protocol))
        if same and greeted.address in own_addresses(case):
            yield greeted, observation


def works(case: Case) -> bool:
    """Seen to work: the highest known layer is good on every address of one family, and so is the name."""
    answer = dns(case)
    if case.edge is None or (case.edge.name is not None and (answer is None or not answer.good)):
        return False
    tops = {address: observation.good for address, observation in dials(case)}
    for question, observation in spoken_to(case):
        if observation.known:
            tops[question.address] = observation.good
    addresses = dialled(case)
    families = ([a for a in addresses if ":" not in a], [a for a in addresses if ":" in a])
    return any(family and all(tops.get(address, False) for address in family) for family in families)


def listeners(case: Case) -> ListenersEvidence | None:
    """The target's listeners, when they were read; they are TCP's, and say nothing about a port of UDP."""
    if case.edge is not None and case.edge.protocol == "udp":
        return None
    answer = case.seen.get(Listeners(case.edge.target)) if case.edge is not None else None
    return answer.evidence if answer is not None and answer.good else None


def wants_listeners(case: Case) -> Iterable[Question[Any]]:
    """The target's listeners, once a dial failed or inspect says that none can pass. Not of a target that is down."""
    found, apart = knocking(case), ends(case)
    if found is None or found.edge.port is None or not found.target.running:
        return ()
    impassable = apart is not None and (not apart.common or not may_run(apart.source))
    return (Listeners(found.target.ref),) if impassable or (any(dials(case)) and not taken(case)) else ()


def taken(case: Case) -> bool:
    """Some dial was taken: at an address of the target's own where one was tried, since a name may have others too."""
    target = case.target
    own = {each for endpoint in target.endpoints for each in endpoint.addresses} if target is not None else set()
    tried = list(dials(case))
    mine = [observation for address, observation in tried if address in own]
    return any(observation.good for observation in mine or [observation for _, observation in tried])


def is_set_in(found: Ends) -> str:
    """`` in QDRANT_URL of app``, when the caller's environment says name and port; else nothing."""
    word, _, variable = found.edge.origin.partition(" ")
    if word == "label" and variable:
        return f" in {variable} of {found.target.name}"
    return f" in {variable} of {found.source.name}" if word == "environment" and variable else ""


def port_is_set_in(found: Ends) -> str:
    """`` in DB_PORT of app``, where the port stands in a variable beside the host's; else as :func:`is_set_in`."""
    word, _, variable = found.edge.origin.partition(" ")
    port, stem = str(found.edge.port), variable.rpartition("_")[0] or variable[:2]
    if word == "environment" and port not in (found.source.env(variable) or port):
        for name, value in found.source.environment or ():
            if value.strip() == port and name.upper().endswith("PORT") and name.startswith(stem):
                return f" in {name} of {found.source.name}"
    return is_set_in(found)


def networks_line(container: Container) -> str:
    """``app is on: coolify``"""
    return f"{container.name} is on: {network_names(container) or 'no network'}"


def network_names(container: Container) -> str:
    return ", ".join(endpoint.network_name for endpoint in container.endpoints)


def dns_line(case: Case) -> tuple[str, ...]:
    """``dns qdrant: no answer``"""
    answer = dns(case)
    if answer is None or case.edge is None:
        return ()
    told = answer.evidence.answers if answer.good and answer.evidence is not None else ()
    return (f"dns {case.edge.name}: {', '.join(told) or SAID.get(answer.outcome, answer.outcome.value)}",)


def dial_lines(case: Case) -> tuple[str, ...]:
    """``tcp 10.0.4.2:6333: timed out``, with the network that the address is on where several are shared."""
    found = ends(case)
    several = found is not None and len(found.common) > 1
    lines = []
    for address, observation in dials(case):
        shown = f"[{address}]" if ":" in address else address
        network = network_of_address(case.topology, found.target, address) if found is not None else None
        where = f" (on {network.name})" if several and network is not None else ""
        said = SAID.get(observation.outcome, observation.outcome.value)
        lines.append(f"tcp {shown}:{case.edge.port if case.edge else ''}{where}: {said}")
    return tuple(lines)


def listeners_line(evidence: ListenersEvidence) -> str:
    """``listeners: 127.0.0.1:6333``"""
    found = [f"[{s.address}]:{s.port}" if ":" in s.address else f"{s.address}:{s.port}" for s in evidence.sockets]
    return f"listeners: {', '.join(dict.fromkeys(found)) or 'none'}"


def _literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def refused(case: Case) -> bool:
    """Whether a dial of this edge was refused."""
    return any(observation.outcome is Outcome.REFUSED for _, observation in dials(case))
