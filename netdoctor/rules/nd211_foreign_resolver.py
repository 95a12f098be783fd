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
  qdm12/gluetun #281, moby/moby #23910
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity, carriers
from netdoctor.rules._reading import Ends, dns, dns_line, ends, linked, name_failed
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
        found, server = ends(case), _asked(case)
        if found is None or server is None or not _would_resolve(found):
            return
        own = {gateway for network in found.topology.networks for gateway in network.gateways}
        if server == DOCKERS or server in own:
            return
        caller = found.source.name
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.DNS,
            (found.source.ref, found.target.ref),
            f"{caller} asks {server} for names, not Docker's own {DOCKERS}: something replaced its /etc/resolv.conf, "
            f"and {server} knows no container.",
            (*dns_line(case), f"nameserver of {caller}: {server}", f"{found.target.name} carries {found.name}"),
            (
                Remedy(
                    "Give it Docker's nameserver back",
                    advice=f"Take away what writes /etc/resolv.conf in {caller} (a mount, a VPN client's DNS option, "
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


def _would_resolve(found: Ends) -> bool:
    """Docker's DNS would answer with the target."""
    name = found.name
    if name is None or linked(found.source, name) or not found.named_networks:
        return False
    return any(member.id == found.target.id for member, _ in carriers(found.topology, found.source, name))


RULE = RULES.add(ForeignResolver.code, ForeignResolver(), home=__name__)
