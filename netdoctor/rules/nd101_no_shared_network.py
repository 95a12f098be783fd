"""The two containers share no network.

What is looked for
  The networks of both containers, compared by id. Not one is the same, and neither uses the host's network
  or another container's.

Why it breaks
  Each network is a bridge of its own. The engine answers a name only to members of a network that carries
  it, and drops packets between bridges. So the name does not resolve, the address times out, and from the
  host everything works, because the host is on every bridge. Two Compose projects get two networks, even
  when both files call theirs the same: a network's key is prefixed with its project.

What would prove it wrong
  A connection that opens all the same (a routed network, an engine that manages no firewall): then this is
  not reported. Or a network that both list: compare the ids in `docker inspect`, not the names.

The fix and its safety
  Connect one of them to a network of the other, under its service name: `docker network connect --alias
  qdrant coolify qdrant`. The side that is not yet on a shared network (Coolify's, Dokploy's, an external one)
  joins it; else the caller joins the target's. Connections that are open stay open; everybody on the joined
  network can reach the newcomer. It lasts until the container is recreated: declare the network as external
  in its compose file, next to default (`netdoctor fix --persist`).

References
  https://docs.docker.com/compose/how-tos/networking/
  https://docs.docker.com/reference/cli/docker/network/connect/
  docker/compose #5512, coollabsio/coolify discussion #5059
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Connect, Container, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.joining import joinable, joins_new_network, preferred_join, service_joins
from netdoctor.rules._reading import Ends, dial_lines, dns_line, ends, network_names, networks_line, works
from netdoctor.rules.registry import RULES


class NoSharedNetwork:
    code = "ND101"
    title = "no shared network"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND104", "ND108", "ND201", "ND202", "ND204", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or found.common or works(case):
            return
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.MEMBERSHIP,
            (found.target.ref, found.source.ref),
            f"{_placed(found.source)} and {_placed(found.target)} share no network.",
            (networks_line(found.source), networks_line(found.target), *dns_line(case), *dial_lines(case)),
            tuple(_remedies(found)),
        )


def _placed(container: Container) -> str:
    return f"{container.name} (on {network_names(container) or 'no network'})"


def _remedies(found: Ends) -> Iterable[Remedy]:
    joins = preferred_join(found.topology, found.source, found.target, found.name)
    for join in joins:
        yield Remedy(_title(join), (join,), safe=True)
    if joins:
        return
    fresh = joins_new_network(found.topology, found.source, found.target, found.name)
    if fresh:
        yield Remedy("Connect both to a network of their own", fresh, safe=True)
        return
    services = service_joins(found.topology, found.source, found.target)
    for service in services:
        yield Remedy(f"Add {service.network_name} to the service {service.service_name}", (service,))
    if services:
        return
    reasons = [reason for each in (found.source, found.target) if (reason := joinable(each)) is not None]
    yield Remedy("Give both a common network", advice=_advice(found, reasons))


def _title(join: Connect) -> str:
    return f"Connect {join.container_name} to {join.network_name}"


def _advice(found: Ends, reasons: list[str]) -> str:
    for mover, other in ((found.source, found.target), (found.target, found.source)):
        service = mover.labels.get("com.docker.swarm.service.name")
        if service and other.endpoints:
            return f"docker service update --network-add {other.endpoints[0].network_name} {service}"
    said = "; ".join(reasons)
    return f"Start both on one user-defined network.{f' Not possible live: {said}.' if said else ''}"


RULE = RULES.add(NoSharedNetwork.code, NoSharedNetwork(), home=__name__)
