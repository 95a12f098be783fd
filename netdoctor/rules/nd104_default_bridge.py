"""The default bridge has no names.

What is looked for
  The only network the two share is the engine's default bridge (`bridge`), a name is used, and it gave no
  address.

Why it breaks
  The engine answers container names on user-defined networks only. On the default bridge the container's
  resolver is a copy of the host's, which knows nothing of containers. `docker run` without `--network`,
  `network_mode: bridge` and many graphical front ends put containers there. Addresses work, names never do.

What would prove it wrong
  The name resolves all the same (a line in the hosts file, an old `--link`), or another shared network
  exists.

The fix and its safety
  Connect both to a user-defined network: the one that either has already, else a new one for these two. It
  may be done while both run; their resolver file then points at the engine's resolver, which a process
  that read it at start notices after a restart only. For good: start both with that network, and do not use
  links.

References
  https://docs.docker.com/engine/network/drivers/bridge/
  docker/compose #2862
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Fact, Finding, Layer, Question, Remedy, Severity
from netdoctor.model.joining import joinable, joins_new_network, preferred_join
from netdoctor.rules._reading import Ends, dial_lines, dns, dns_line, ends, linked, networks_line
from netdoctor.rules.registry import RULES


class DefaultBridge:
    code = "ND104"
    title = "default bridge has no names"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND108", "ND201", "ND202", "ND204"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or found.name is None or not found.common or found.named_networks:
            return
        answer = dns(case)
        if (answer is not None and answer.good) or linked(found.source, found.name):
            return
        # Unasked, a line in the hosts file could still answer.
        seen = answer is not None and answer.known
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN if seen else Confidence.LIKELY,
            Layer.DNS,
            (found.target.ref, found.source.ref),
            f"{found.source.name} and {found.target.name} share only the default bridge, "
            f"which has no names, so {found.name} leads nowhere.",
            (networks_line(found.source), networks_line(found.target), *dns_line(case), *dial_lines(case)),
            tuple(_remedies(found)),
        )


def _remedies(found: Ends) -> Iterable[Remedy]:
    joins = preferred_join(found.topology, found.source, found.target, found.name)
    for join in joins:
        yield Remedy(f"Connect {join.container_name} to {join.network_name}", (join,), safe=True)
    if joins:
        return
    fresh = joins_new_network(found.topology, found.source, found.target, found.name)
    if fresh:
        yield Remedy("Connect both to a network of their own", fresh, safe=True)
        return
    reasons = [reason for each in (found.source, found.target) if (reason := joinable(each)) is not None]
    yield Remedy(
        "Start both on a user-defined network",
        advice=f"Start both with --network NAME, a user-defined network. Not possible live: {'; '.join(reasons)}.",
    )


RULE = RULES.add(DefaultBridge.code, DefaultBridge(), home=__name__)
