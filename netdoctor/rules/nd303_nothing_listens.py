"""Nothing in the target listens on that port.

What is looked for
  The target's listening sockets, read from its own network namespace: none takes connections on the wanted
  port at an address that the caller can dial. The ports that do are listed.

Why it breaks
  The address is right, the port is not: another default than expected, a changed configuration, a plain
  typing error, or a server that did not start inside a container that did. The kernel refuses at once.
  `EXPOSE` in an image opens nothing and proves nothing.

What would prove it wrong
  A socket on that port in the target's namespace, or a connection that opens. A server that is still
  starting looks the same for a moment; while the health check says `starting` this is called likely only.

The fix and its safety
  Use a port that is listened on, or let the server listen on the wanted one. Only the configuration changes.

References
  https://docs.docker.com/reference/dockerfile/#expose
  https://docs.docker.com/compose/how-tos/networking/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.probes.listeners import ListenersEvidence
from netdoctor.rules._borrowing import left_behind
from netdoctor.rules._reading import (
    Ends,
    dial_lines,
    knocking,
    listeners,
    listeners_line,
    port_is_set_in,
    refused,
    taken,
    wants_listeners,
)
from netdoctor.rules.registry import RULES


class NothingListens:
    code = "ND303"
    title = "nothing listens on that port"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND506"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return wants_listeners(case)

    def judge(self, case: Case) -> Iterable[Finding]:
        found, heard = knocking(case), listeners(case)
        if found is None or heard is None or found.edge.port is None or not found.target.running:
            return
        if refused(case) and left_behind(case.topology, found.target) is not None:
            return  # Whoever should listen there is in a network that is gone (ND106).
        port = found.edge.port
        if taken(case) or heard.loopback_only(port) or _heard_at(found, heard):
            return
        starting = found.target.health is not None and found.target.health.status == "starting"
        elsewhere = sorted({socket.address for socket in heard.on(port)})
        what = (
            f"listens on port {port} at {' and '.join(elsewhere)} only"
            if elsewhere
            else f"does not listen on port {port}"
        )
        listed = ", ".join(str(each) for each in heard.ports)
        if elsewhere and heard.ports == (port,):
            listed, what = "", f"{what}, and {found.source.name} comes by another address"
        ports = f"port{'s' if len(heard.ports) > 1 else ''} {listed}"
        rest = "" if elsewhere and not listed else f"; it takes connections on {ports if listed else 'no port at all'}"
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.LIKELY if starting else Confidence.CERTAIN,
            Layer.TARGET,
            (*((found.edge.basis,) if found.edge.basis is not None else ()), found.target.ref, found.edge.source),
            f"{found.target.name} {what}{rest}.",
            (listeners_line(heard), *dial_lines(case)),
            (_remedy(found, heard, bool(elsewhere)),),
        )


def _heard_at(found: Ends, heard: ListenersEvidence) -> bool:
    """Whether a socket takes connections at an address of the target on a shared network (on any, without one)."""
    shared = {network.id for network in found.common}
    attached = found.topology.endpoints_of(found.target)
    endpoints = [each for each in attached if not shared or each.network in shared]
    addresses = [address for endpoint in endpoints for address in endpoint.addresses] or ["0.0.0.0"]
    return any(heard.reachable(found.edge.port or 0, address) for address in addresses)


def _remedy(found: Ends, heard: ListenersEvidence, elsewhere: bool) -> Remedy:
    port, target = found.edge.port, found.target.name
    if elsewhere:
        return Remedy("Bind any-address", advice=f"Let the server in {target} bind 0.0.0.0:{port}, and recreate it.")
    if len(heard.ports) == 1:
        right = heard.ports[0]
        return Remedy(f"Use port {right}", advice=f"Use port {right} instead of {port}{port_is_set_in(found)}.")
    if heard.ports:
        listed = ", ".join(str(each) for each in heard.ports)
        return Remedy(
            "Use a port that is open", advice=f"Use one of {listed} instead of {port}{port_is_set_in(found)}."
        )
    return Remedy("Start the server", advice=f"See why nothing listens: docker logs --tail 50 {target}")


RULE = RULES.add(NothingListens.code, NothingListens(), home=__name__)
