"""The target lost its aliases on the shared network.

What is looked for
  The caller uses the target's Compose service name, both are on a network with names, the name gave no
  address, and the target's endpoint there does not carry it, although its label
  `com.docker.compose.service` says that it should.

Why it breaks
  Aliases belong to one attachment, not to the container. Whoever disconnects and connects again without
  naming them (by hand, "duplicate/edit" in a graphical front end, an automatic updater) loses the service
  name; the container name goes on working, so everything looks right.

What would prove it wrong
  The name in the endpoint's `Aliases` or `DNSNames` (`docker inspect`), or an address for it. A one-off
  container (`run`) never had the service name: that is ND201.

The fix and its safety
  An alias can be given only while joining. Safe: both join a new internal network, where the target carries the
  name. Disruptive: the target leaves the network and joins it again with its aliases; connections that are open
  on it break, and its address may change. For good: recreate it through its compose file.

References
  https://docs.docker.com/reference/cli/docker/network/connect/#alias
  portainer/portainer #2118, #12799, docker/compose #3498
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity, carriers
from netdoctor.model.joining import joinable, joins_new_network, rejoin_operations
from netdoctor.rules._reading import Ends, dns_line, ends, name_failed
from netdoctor.rules.registry import RULES


class AliasesLost:
    code = "ND202"
    title = "aliases lost"
    needs = frozenset({Fact.RUNTIME})
    suppresses = frozenset({"ND201"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or found.name is None or not found.named_networks or not name_failed(case):
            return
        service = found.target.service
        if service is None or found.name.lower() != service.lower() or not _should_carry(found):
            return
        if not found.target.running or carriers(found.topology, found.source, found.name):
            return
        network = found.named_networks[0]
        endpoint = found.target.endpoint_on(network.id)
        carried = [name for name in endpoint.names if not found.target.id.startswith(name)] if endpoint else []
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.DNS,
            (found.target.ref, network.ref, found.source.ref),
            f"{found.target.name} is on {network.name} without its service name {service}, "
            f"which is what {found.source.name} asks for.",
            (
                *dns_line(case),
                f"{found.target.name} has the label com.docker.compose.service={service}",
                f"its names on {network.name}: {', '.join(carried) or 'none'}",
            ),
            tuple(_remedies(found)),
        )


def _should_carry(found: Ends) -> bool:
    """Compose gives the service name to every container of a service, except one-off runs."""
    labels = found.target.labels
    oneoff = labels.get("com.docker.compose.oneoff", "").lower() == "true"
    return not oneoff and "com.docker.swarm.service.id" not in labels


def _remedies(found: Ends) -> Iterable[Remedy]:
    fresh = joins_new_network(found.topology, found.source, found.target, found.name)
    if fresh:
        yield Remedy(f"Connect both to a new network, with the name {found.name}", fresh, safe=True)
    network = found.named_networks[0]
    steps = rejoin_operations(found.topology, found.target, network, found.name)
    if steps:
        yield Remedy(f"Reconnect {found.target.name} to {network.name} with its aliases", steps)
    if not (fresh or steps):
        yield Remedy(
            "Recreate it",
            advice=f"Recreate {found.target.name} through its compose file. "
            f"Not possible live: {joinable(found.target) or joinable(found.source)}.",
        )


RULE = RULES.add(AliasesLost.code, AliasesLost(), home=__name__)
