"""The name leaks to a resolver outside the engine, which answers with somebody else's address.

What is looked for
  A container's name that nobody on the caller's networks carries, and an answer for it all the same: an
  address outside every network of the engine, and not from the hosts file.

Why it breaks
  What the engine does not know it asks its upstream resolvers, single words too, and the caller's library
  adds each search domain of the host in turn. In an office or a VPN with a wildcard record every such name
  exists. So a service that is down, renamed or on another network does not fail: it leads to a stranger. It
  works at home and not in the office.

What would prove it wrong
  The address belongs to a container, or the name to an endpoint on a shared network; or the caller is meant to
  use that address, and it answers there.

The fix and its safety
  Let the name exist where the caller looks: a shared network, an alias, a name that the target really carries.
  `dns_search: .` at the caller keeps search domains away. Both take effect when the container is recreated.

References
  langgenius/dify #39154, docker/compose #7317, passteque/gluetun #1805
  https://docs.docker.com/engine/network/#dns-services
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity, carriers
from netdoctor.rules._borrowing import names_a_person_uses
from netdoctor.rules._placing import owner_of_address, subnet_of
from netdoctor.rules._reading import dial_lines, dns, dns_line, ends, is_set_in, works
from netdoctor.rules.registry import RULES


class NameLeaks:
    code = "ND204"
    title = "name leaks to an upstream resolver"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found, answer = ends(case), dns(case)
        if found is None or found.name is None or answer is None or not answer.good or answer.evidence is None:
            return
        told = answer.evidence
        if told.source != "nameserver" or carriers(found.topology, found.source, found.name):
            return
        topology = found.topology
        known = [a for a in told.answers if owner_of_address(topology, a) or subnet_of(topology.networks, a)]
        if known or not told.answers or ("." in found.name and works(case)):
            return
        where = " and ".join(told.answers)
        searched = [each.rstrip(".") for each in told.asked if each.rstrip(".").lower() != found.name.lower()]
        names = names_a_person_uses(topology, found.source, found.target)
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.DNS,
            (found.source.ref, found.target.ref),
            f"Nobody on the networks of {found.source.name} carries {found.name}, so the name was asked outside and "
            f"leads to {where}, which is no container's address.",
            (
                *dns_line(case),
                *((f"also asked as: {', '.join(searched)}",) if searched else ()),
                f"nameserver: {told.nameserver}",
                *dial_lines(case),
            ),
            (
                Remedy(
                    f"Use a name of {found.target.name}" if names else f"Let {found.target.name} carry the name",
                    advice=f"Use {names[0]} instead of {found.name}{is_set_in(found)}."
                    if names
                    else f"Put {found.target.name} on a network of {found.source.name} with the alias {found.name}.",
                ),
                Remedy(
                    "Keep search domains away",
                    advice=f'Give {found.source.service or found.source.name} dns_search: ["."], and recreate it.',
                ),
            ),
        )


RULE = RULES.add(NameLeaks.code, NameLeaks(), home=__name__)
