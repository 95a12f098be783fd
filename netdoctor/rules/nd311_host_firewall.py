"""The machine's own firewall keeps containers from a server that runs on the machine.

What is looked for
  A container that dials an address of the engine's machine (host.docker.internal, a network's gateway) and got no
  answer or a refusal, and, on the machine, a listener on that port that takes this address. No container publishes
  the port: that would be ND307.

Why it breaks
  Traffic between containers is forwarded, and Docker's rules let it pass. What a container sends to the machine
  itself is input, and ufw, firewalld and NixOS drop input that they do not know; the engine opens nothing there. From
  the machine itself the same address works, because that never passes the filter.

What would prove it wrong
  No listener at that address on the machine (ND207 says when it is on loopback only), or a connection that opens.

The fix and its safety
  Allow the network's subnet to that port, and nothing else: databases of the machine must not be open to the world.
  netdoctor changes no firewall.

References
  https://docs.docker.com/engine/network/packet-filtering-firewalls/
  NixOS/nixpkgs #298165, moby/moby #32138
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import HOST, Case, Confidence, Fact, Finding, Layer, Outcome, Question, Remedy, Severity
from netdoctor.probes.listeners import Listeners
from netdoctor.rules._placing import HOST_ALIASES, mode, networks_of
from netdoctor.rules._reading import connected, dial_lines, dials, dns_line, listeners_line
from netdoctor.rules._speaking import about, name_of
from netdoctor.rules.registry import RULES

STOPPED = {Outcome.TIMED_OUT: "dropped", Outcome.NO_ROUTE: "rejected", Outcome.REFUSED: "rejected"}


class HostFirewall:
    code = "ND311"
    title = "the machine's firewall keeps containers out"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return (Listeners(HOST),) if _stopped(case) is not None else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, source, stopped, heard = case.edge, case.source, _stopped(case), case.seen.get(Listeners(HOST))
        if edge is None or source is None or edge.port is None or stopped is None or heard is None:
            return
        address, outcome = stopped
        if heard.evidence is None or not heard.evidence.reachable(edge.port, address):
            return
        subnets = [
            each for network in networks_of(case.topology, source) for each in network.subnets if ":" not in each
        ]
        caller = name_of(case, edge.source)
        allow = "\n".join(
            f"ufw allow from {subnet} to any port {edge.port} proto tcp\n"
            f"firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source address={subnet} "
            f"port port={edge.port} protocol=tcp accept' && firewall-cmd --reload"
            for subnet in subnets[:1]
        )
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.LIKELY,
            Layer.TCP,
            about(edge),
            f"The machine listens on {address}:{edge.port}, but connections from {caller} are {STOPPED[outcome]}: its "
            "firewall does not let containers in.",
            (*dns_line(case), *dial_lines(case), f"the machine's {listeners_line(heard.evidence)}"),
            (Remedy("Allow the network of the container to that port (ufw, or firewalld)", advice=allow),),
        )


def _stopped(case: Case) -> tuple[str, Outcome] | None:
    """The machine's address that was dialled in vain, from a container with a network of its own."""
    edge, source = case.edge, case.source
    if edge is None or edge.reverse or source is None or edge.target.kind != "external" or connected(case):
        return None
    published = any(each.host_port == edge.port for c in case.topology.containers for each in c.published or ())
    if published or mode(case.topology, source) == "host":
        return None
    gateways = {gateway for network in case.topology.networks for gateway in network.gateways}
    named = (edge.name or "").lower() in HOST_ALIASES
    for address, dial in dials(case):
        if dial.outcome in STOPPED and (named or address in gateways):
            return address, dial.outcome
    return None


RULE = RULES.add(HostFirewall.code, HostFirewall(), home=__name__)
