"""The network lists a container that no longer exists, and its name goes on being answered.

What is looked for
  The name gave an address inside a bridge network of the caller, or the dialled address belongs to one, that
  no container of the engine has. Then the network's own list is read (`docker network inspect`): an entry with
  that address, or with the name in use, whose container is gone.

Why it breaks
  The engine keeps an endpoint at the container and in the network's own records. After a crash of the engine,
  a full disk or a removal that was cut short the container is gone and the record is not: its name resolves to
  a dead address, alone or beside the new one, and a container of that name cannot join ("endpoint with name
  ... already exists in network").

What would prove it wrong
  A container with that id (`docker ps --all --no-trunc`), or an address that answers. An engine gets into this
  state by a crash only, which nobody can order: the rule is proven by a recorded run, not by a clinic stack.

The fix and its safety
  `docker network disconnect --force NETWORK NAME` removes the record and touches nobody else. Where the engine
  refuses, its restart clears it; without live-restore that restarts every container.

References
  moby/moby #33156, #24800, docker/for-linux #638
  https://docs.docker.com/reference/cli/docker/network/disconnect/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Network, Question, Remedy, Severity
from netdoctor.probes.members import Listed, Members
from netdoctor.rules._placing import networks_of, owner_of_address, subnet_of
from netdoctor.rules._reading import Ends, dial_lines, dials, dns, dns_line, ends, pinged
from netdoctor.rules.registry import RULES


class GhostEndpoint:
    code = "ND209"
    title = "ghost endpoint"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND203", "ND206", "ND304", "ND308"})
    by_absence = True

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        found = ends(case)
        return [Members(network.ref) for network, _ in _suspicious(case, found)] if found is not None else ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        for network, address in _suspicious(case, found) if found is not None else ():
            ghost = _ghost(case, network, address)
            if found is None or ghost is None:
                continue
            echo = pinged(case, address)
            alive = (echo is not None and echo.good) or any(o.good for a, o in dials(case) if a == address)
            yield Finding(
                self.code,
                self.title,
                Severity.ERROR,
                Confidence.LIKELY if alive else Confidence.CERTAIN,
                Layer.DNS,
                (network.ref, found.target.ref, found.source.ref),
                f"{network.name} still lists {ghost.name} at {address}, and there is no such container: "
                f"{found.name} leads to it.",
                (
                    f"{network.name} lists {ghost.name} ({ghost.container[:12]}) at {' and '.join(ghost.addresses)}",
                    *dns_line(case),
                    *dial_lines(case),
                ),
                (
                    Remedy(
                        "Remove what was left behind",
                        advice=f"docker network disconnect --force {network.name} {ghost.name}; where that is refused, "
                        "restart the engine (without live-restore this restarts every container).",
                    ),
                ),
            )
            return


def _suspicious(case: Case, found: Ends) -> Iterable[tuple[Network, str]]:
    """Answers inside a bridge of the caller that belong to nobody. An overlay has addresses of services and of
    other machines' tasks, which nobody here has either.
    """
    answer = dns(case)
    if answer is None or not answer.good or answer.evidence is None or answer.evidence.source != "nameserver":
        return
    bridges = [network for network in networks_of(found.topology, found.source) if network.driver == "bridge"]
    for address in answer.evidence.answers:
        network = subnet_of(bridges, address)
        if network is not None and address not in network.gateways and not owner_of_address(found.topology, address):
            yield network, address


def _ghost(case: Case, network: Network, address: str) -> Listed | None:
    """The entry of the network's list with that address, when its container is gone."""
    seen = case.seen.get(Members(network.ref))
    for listed in seen.evidence.listed if seen is not None and seen.evidence is not None else ():
        if address in listed.addresses and case.topology.container(listed.container) is None:
            return listed
    return None


RULE = RULES.add(GhostEndpoint.code, GhostEndpoint(), home=__name__)
