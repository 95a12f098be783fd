"""The fix would move the default route.

What is looked for
  A failing connection whose remedy connects a container to one more network, where that network's name sorts before
  those of the ordinary networks that the container is on. Never said of a connection that works.

Why it breaks
  A container has one default route, through one of its networks. The engine takes the first that is not internal,
  by name, byte by byte (from engine 28 on a gateway priority comes first, where somebody set one). A network that
  sorts first takes the route over at once: connections to the outside leave by another bridge, from another
  address, and through other firewall rules. A VPN gateway or an allow-list may stop them.

What would prove it wrong
  `ip route` in the container names the same gateway after the connect; or the container needs nothing outside.

The fix and its safety
  Connect all the same where the outside is reached alike from every bridge, which is the usual case. Else let the
  other side join, choose a network whose name sorts later (`--network`), or connect with a lower gateway priority
  (engine 28: `docker network connect --gw-priority -1`). `netdoctor undo` puts the route back.

References
  https://docs.docker.com/engine/network/#connecting-to-multiple-networks
  moby/moby #20179, #21741
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Network, Question, Remedy, Severity
from netdoctor.model.joining import preferred_join
from netdoctor.rules._drift import PATH_CAUSES, shared
from netdoctor.rules._reading import connected, ends, works
from netdoctor.rules.registry import RULES

GATEWAY_PRIORITY = 28
"""The first engine on which a network may have one."""


class DefaultRoute:
    code = "ND705"
    title = "the fix would move the default route"
    needs = frozenset({Fact.RUNTIME})
    suppresses: frozenset[str] = frozenset()
    follows = PATH_CAUSES | {"ND605"}

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or shared(case) or works(case) or connected(case):
            return
        join = next(iter(preferred_join(found.topology, found.source, found.target, found.name)), None)
        network = found.topology.network(join.network) if join is not None else None
        joiner = found.topology.container(join.container) if join is not None else None
        before = _route(case, joiner) if joiner is not None else None
        if network is None or joiner is None or before is None or not _takes_over(network, before):
            return
        sure = _major(found.topology.engine_version) < GATEWAY_PRIORITY
        yield Finding(
            self.code,
            self.title,
            Severity.WARNING,
            Confidence.CERTAIN if sure else Confidence.LIKELY,
            Layer.MEMBERSHIP,
            (joiner.ref, network.ref),
            f"Connecting {joiner.name} to {network.name} moves its default route there from {before.name}: "
            f"the name {network.name} sorts first.",
            (f"default route of {joiner.name}: through {before.name}",),
            (
                Remedy(
                    "Keep the default route",
                    advice=f"Let the other side join instead (--move), or choose a network whose name sorts after "
                    f"{before.name} (--network). On engine 28: docker network connect --gw-priority -1 {network.name} "
                    f"{joiner.name}",
                ),
            ),
        )


def _route(case: Case, container: Container) -> Network | None:
    """The network that its default route goes through now."""
    networks = (case.topology.network(endpoint.network) for endpoint in container.endpoints)
    ways_out = [n for n in networks if n is not None and not n.internal and n.driver not in ("host", "null")]
    return min(ways_out, key=lambda each: each.name.encode(), default=None)


def _takes_over(network: Network, before: Network) -> bool:
    return not network.internal and network.name.encode() < before.name.encode()


def _major(version: str | None) -> int:
    first = (version or "").partition(".")[0]
    return int(first) if first.isdigit() else 0


RULE = RULES.add(DefaultRoute.code, DefaultRoute(), home=__name__)
