"""The caller asks another nameserver than Docker's own, which knows no container.

What is looked for
  A name that somebody carries on a network of the caller, by inspect, and that did not resolve; and, in the caller's
  own /etc/resolv.conf, a nameserver that is neither Docker's (127.0.0.11) nor a gateway of its networks.

Why it breaks
  On networks that people make, the engine writes `nameserver 127.0.0.11` and answers there. A VPN client or DHCP in
  the container, a file or volume that is mounted over /etc/resolv.conf, or an entrypoint that writes it, replaces
  that line; names of the outside go on resolving, those of containers do not. (`dns:` of Compose does not do this:
  it only tells 127.0.0.11 whom to ask in turn.)

What would prove it wrong
  `docker exec APP cat /etc/resolv.conf` shows 127.0.0.11.

The fix and its safety
  Take away what writes the file (a VPN client's DNS option, the mount), and recreate the container: the engine does
  not put right a file that somebody changed. Or name the target by an address that never changes (extra_hosts).

References
  https://docs.docker.com/engine/network/#dns-services
  passteque/gluetun #281, #1820, moby/moby #23910
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity, carriers
from netdoctor.rules._reading import dns, dns_line, linked, name_failed
from netdoctor.rules.registry import RULES

DOCKERS = "127.0.0.11"


class ForeignResolver:
    code = "ND211"
    title = "another nameserver than Docker's"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND201", "ND202", "ND204", "ND205"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        edge, source, target, server = case.edge, case.source, case.target, _asked(case)
        if edge is None or edge.reverse or source is None or target is None or server is None:
            return
        own = {gateway for network in case.topology.networks for gateway in network.gateways}
        if server == DOCKERS or server in own or not _would_resolve(case, source, target, edge.name or ""):
            return
        # Whoever borrows a network (network_mode: service:vpn) borrows its resolv.conf too.
        owner = case.topology.network_owner(source) or source
        caller = source.name if owner.id == source.id else f"{source.name}, in the network of {owner.name},"
        whose = owner.name
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.DNS,
            (source.ref, target.ref),
            f"{caller} asks {server} for names, not Docker's own {DOCKERS}: something replaced its /etc/resolv.conf, "
            f"and {server} knows no container.",
            (*dns_line(case), f"nameserver of {source.name}: {server}", f"{target.name} carries {edge.name}"),
            (
                Remedy(
                    "Give it Docker's nameserver back",
                    advice=f"Take away what writes /etc/resolv.conf in {whose} (a mount, a VPN client's DNS option, "
                    "the entrypoint), and recreate it.",
                ),
            ),
        )


def _asked(case: Case) -> str | None:
    """The nameserver that was asked in vain."""
    answer = dns(case)
    if answer is None or not name_failed(case) or answer.evidence is None:
        return None
    return answer.evidence.nameserver or None


def _would_resolve(case: Case, source: Container, target: Container, name: str) -> bool:
    """Docker's DNS would answer with the target."""
    if linked(source, name):
        return False
    reached = {member.id for member, _ in carriers(case.topology, source, name)}
    owner = case.topology.network_owner(target)
    return target.id in reached or (owner is not None and owner.id in reached)


RULE = RULES.add(ForeignResolver.code, ForeignResolver(), home=__name__)
