"""The caller holds on to an address that the target no longer has.

What is looked for
  The caller's own TCP connections, read from its namespace: one that is established, or being opened, to the wanted
  port at an address of a shared network which no container there has (any more). netdoctor's own dials do not count.
  Possible only, where nothing of that kind is open: nginx or HAProxy, and a target that was started after it.

Why it breaks
  nginx resolves the servers of its configuration once, when it starts; other programs and pools keep what they
  resolved. A container that is recreated or reconnected may get another address, and the old one is nobody's, or
  somebody else's. A new connection by name works, so from a shell all looks well while the proxy answers 502.

What would prove it wrong
  A container, here or on another node, that has the address; networks over several machines are not judged.

The fix and its safety
  Reload or restart the caller: it resolves again. For good: a resolver with a variable upstream, or `resolve`
  (nginx), a short-lived pool, names instead of addresses.

References
  https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver
  getsentry/self-hosted #1795, docker/compose #2003
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Network, Question, Remedy, Severity, Topology
from netdoctor.probes.connections import Connections
from netdoctor.probes.tcp import Tcp
from netdoctor.rules._reading import Ends, dial_lines, ends, works
from netdoctor.rules._speaking import about
from netdoctor.rules.registry import RULES

RESOLVE_ONCE = frozenset({"nginx", "nginx-unprivileged", "openresty", "haproxy"})


class StaleAddress:
    code = "ND308"
    title = "a stale address is held"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()
    by_absence = True

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        if found is None or found.edge.port is None or not found.common:
            return ()
        return (Connections(found.source.ref),) if found.source.running and found.target.running else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        seen = case.seen.get(Connections(found.source.ref)) if found is not None else None
        if found is None or seen is None or seen.evidence is None or found.edge.port is None:
            return
        for connection in seen.evidence.to_port(found.edge.port):
            address, port = connection.remote
            network = _network_of(found, address)
            if network is None or _taken(case.topology, network, address) or _asked_by_us(case, address):
                continue
            caller, target = found.source.name, found.target.name
            endpoint = found.target.endpoint_on(network.id)
            now = endpoint.ipv4 if endpoint is not None else None
            doing = "waits for" if connection.state == "syn_sent" else "holds a connection to"
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.CERTAIN if _later(found) else Confidence.LIKELY,
                Layer.TCP,
                about(found.edge),
                f"{caller} {doing} {address}:{port} on {network.name}, which nobody there has; {target} is at {now}.",
                (f"connection of {caller}: {address}:{port} {connection.state}", *dial_lines(case)),
                (
                    Remedy(
                        f"Let {caller} resolve again",
                        advice=f"docker restart {caller} (or reload it, like: docker exec {caller} nginx -s reload)",
                    ),
                ),
                caller_fails=True,
            )
            return
        if works(case) and _resolves_once(found) and _later(found):
            yield _may_be_old(found)


def _may_be_old(found: Ends) -> Finding:
    """It could only start because the name led somewhere then; the target has been started anew since."""
    caller, target = found.source.name, found.target.name
    return Finding(
        RULE.code,
        RULE.title,
        Severity.WARNING,
        Confidence.POSSIBLE,
        Layer.TCP,
        about(found.edge),
        f"{caller} looks names up once, when it starts; {target} was started after it, and may have another address "
        "now. Where it answers 502 though all of this holds, that is why.",
        (f"{target} is at {', '.join(e.ipv4 or '?' for e in found.target.endpoints)}",),
        (Remedy(f"Let {caller} resolve again", advice=f"docker restart {caller}"),),
    )


def _resolves_once(found: Ends) -> bool:
    return found.source.image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower() in RESOLVE_ONCE


def _network_of(found: Ends, address: str) -> Network | None:
    """The shared network of this machine whose subnet the address lies in."""
    for network in found.common:
        if network.driver == "bridge" and any(_within(address, subnet) for subnet in network.subnets):
            return network
    return None


def _taken(topology: Topology, network: Network, address: str) -> bool:
    held = {each for member in topology.members(network.id) for e in member.endpoints for each in e.addresses}
    gateways = {e.gateway for member in topology.members(network.id) for e in member.endpoints}
    return address in held or address in gateways or address in network.gateways


def _asked_by_us(case: Case, address: str) -> bool:
    return any(isinstance(question, Tcp) and question.address == address for question, _ in case.seen)


def _later(found: Ends) -> bool:
    """The target was started after the caller: the caller may well have resolved before."""
    ours, theirs = found.source.state, found.target.state
    return bool(ours and theirs and ours.started_at and theirs.started_at and theirs.started_at > ours.started_at)


def _within(address: str, subnet: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False


RULE = RULES.add(StaleAddress.code, StaleAddress(), home=__name__)
