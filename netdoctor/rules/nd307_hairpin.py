"""The caller goes through its own machine's address to reach a neighbour.

What is looked for
  A dial that fails, to an address that is this machine's own (an interface's, a bridge's gateway) and to a port that
  a container here publishes; or to a domain that a container here is known to serve (a proxy's Host rule), while the
  connection does not open.

Why it breaks
  Traffic from a container to its own host's address arrives at the host as if from inside: the host's firewall
  (INPUT) counts, a port published on 127.0.0.1 is not there, a provider's NAT does not turn packets around, and a
  content network's rules do not hold. From anywhere else the same address works.

What would prove it wrong
  The connection opens; or nothing here publishes that port, and it is really somebody else who does not answer.

The fix and its safety
  Use the container's own name and its port inside a shared network: no firewall, NAT or certificate stands there.
  Or allow the bridge's subnet to the published port in the host's firewall.

References
  https://docs.docker.com/engine/network/packet-filtering-firewalls/
  coollabsio/coolify #989, moby/moby #32138
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    HOST,
    Case,
    Confidence,
    Container,
    Edge,
    Fact,
    Finding,
    Layer,
    Outcome,
    Question,
    Remedy,
    Severity,
)
from netdoctor.probes.addresses import Addresses
from netdoctor.rules._reading import connected, dial_lines, dialled, dials, dns_line
from netdoctor.rules._speaking import about, name_of, where_set
from netdoctor.rules.registry import RULES

_HOST_RULE = re.compile(r"Host(?:SNI)?\(([^)]*)\)")
_NAMED_IN = ("VIRTUAL_HOST", "LETSENCRYPT_HOST", "COOLIFY_FQDN")
LOST = frozenset({Outcome.TIMED_OUT, Outcome.REFUSED, Outcome.NO_ROUTE})


class Hairpin:
    code = "ND307"
    title = "own public address (hairpin)"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return (Addresses(HOST),) if _lost(case) else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge = case.edge
        lost = _lost(case)
        if edge is None or not lost:
            return
        own = [address for address in lost if address in _own_addresses(case)]
        publishers = _publishers(case, edge) if own else []
        served = [] if publishers else _serving(case, edge)
        if not publishers and not served:
            return
        container, inner = publishers[0] if publishers else (served[0], None)
        caller = name_of(case, edge.source)
        what = (
            f"{own[0]} is this machine's own address"
            if publishers
            else f"{edge.name} is served by {container.name} here"
        )
        local = [str(each.host_ip) for each in container.published or () if each.host_port == edge.port]
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if publishers else Confidence.LIKELY,
            Layer.TCP,
            (*about(edge)[:-2], container.ref, edge.source),
            f"{caller} goes out to {edge.name or lost[0]}:{edge.port} to reach {container.name} beside it: {what}.",
            (*dns_line(case), *dial_lines(case), *(f"{container.name} publishes {ip}:{edge.port}" for ip in local)),
            (_remedy(case, edge, container, inner),),
        )


def _lost(case: Case) -> list[str]:
    """Addresses outside the target's own that were dialled, and none of which opened. Only where a container asks."""
    edge = case.edge
    if edge is None or edge.reverse or case.source is None or edge.port is None or connected(case):
        return []
    target = case.target
    theirs = {a for e in target.endpoints for a in e.addresses} if target is not None else set()
    outcomes = {address: observation.outcome for address, observation in dials(case)}
    return [address for address in dialled(case) if outcomes.get(address) in LOST and address not in theirs]


def _own_addresses(case: Case) -> frozenset[str]:
    gateways = {gateway for network in case.topology.networks for gateway in network.gateways}
    gateways |= {each.gateway for container in case.topology.containers for each in container.endpoints if each.gateway}
    seen = case.seen.get(Addresses(HOST))
    own = seen.evidence.addresses if seen is not None and seen.good and seen.evidence is not None else ()
    return frozenset(address for address in (*gateways, *own) if not address.startswith("127.") and address != "::1")


def _publishers(case: Case, edge: Edge) -> list[tuple[Container, int | None]]:
    """Containers that publish the dialled port, with their port inside; the asked target first."""
    found = [
        (container, binding.container_port)
        for container in case.topology.containers
        for binding in container.published or ()
        if binding.host_port == edge.port and binding.protocol == "tcp" and container.ref != edge.source
    ]
    return sorted(found, key=lambda each: each[0].ref != edge.target)


def _serving(case: Case, edge: Edge) -> list[Container]:
    """Containers whose labels or environment say that they serve the dialled domain."""
    name = (edge.name or "").lower()
    if "." not in name or edge.target.kind != "external":
        return []
    return [each for each in case.topology.containers if name in _domains(each) and each.ref != edge.source]


def _domains(container: Container) -> set[str]:
    rules = " ".join(match for value in container.labels.values() for match in _HOST_RULE.findall(value))
    named = ",".join(container.env(key) or "" for key in _NAMED_IN)
    words = re.split(r"[\s,`\"']+", f"{rules},{named}".lower())
    return {word.partition("://")[2] or word for word in words if "." in word}


def _remedy(case: Case, edge: Edge, container: Container, inner: int | None) -> Remedy:
    source = case.source
    shared = source is not None and bool(case.topology.shared_networks(source, container))
    where = f"{container.service if shared and container.service else container.name}{f':{inner}' if inner else ''}"
    first = (
        "" if shared else f"Give both a common network (netdoctor fix {name_of(case, edge.source)} {container.name}). "
    )
    return Remedy(f"Use {where}", advice=f"{first}Use {where} instead of {edge.name}:{edge.port}{where_set(case)}.")


RULE = RULES.add(Hairpin.code, Hairpin(), home=__name__)
