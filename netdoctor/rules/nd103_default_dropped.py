"""A service's own list of networks dropped the project's default network.

What is looked for
  Two services of one Compose project whose networks have nothing in common, one of them on the project's
  default network (label `com.docker.compose.network=default`, or the name `<project>_default`) and the other
  on networks of its own choice only.

Why it breaks
  A service without `networks:` joins the project's default network by itself. A service that lists networks
  joins these and no other: the moment somebody adds `networks: [proxy]`, it leaves its siblings. Nothing in
  the file looks wrong.

What would prove it wrong
  A common network, by id; or the two are meant to be apart, then say so as an expectation
  (`web -x> db`). A connection that opens all the same is not reported.

The fix and its safety
  Connect the service to the default network under its service name. Nothing that is open is interrupted. For
  good: add `default` to the service's `networks:` next to what is there (`netdoctor fix --persist`).

References
  https://docs.docker.com/reference/compose-file/networks/
  https://docs.docker.com/compose/how-tos/networking/
  directus/directus #21253
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import (
    Case,
    Confidence,
    Container,
    Fact,
    Finding,
    Layer,
    Network,
    Question,
    Remedy,
    Severity,
    Topology,
)
from netdoctor.model.joining import join_operation, joinable
from netdoctor.rules._reading import declared, dial_lines, dns_line, ends, network_names, networks_line, works
from netdoctor.rules.registry import RULES


class DefaultDropped:
    code = "ND103"
    title = "explicit networks dropped the default one"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND101", "ND102", "ND104", "ND108", "ND201", "ND202", "ND204", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or found.common or works(case):
            return
        project = found.source.project
        if project is None or project != found.target.project:
            return
        default = _default_network(found.topology, project, (found.source, found.target))
        if default is None:
            return
        left = found.source if found.source.endpoint_on(default.id) is None else found.target
        if not _chose(found.topology, left):
            return
        stayed = [found.target if left is found.source else found.source]
        if declared(case.topology):
            # A file is corrected once, whomever of its project the service meant.
            stayed = [each for each in found.topology.members(default.id) if each.project == project]
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.MEMBERSHIP,
            (left.ref.at("networks") if declared(case.topology) else left.ref, *(each.ref for each in stayed)),
            f"{left.name} lists its own networks ({network_names(left)}) and so is not on {default.name}, "
            f"where {_listed(stayed)}.",
            (
                networks_line(found.source),
                networks_line(found.target),
                f"both are services of the project {project}",
                *dns_line(case),
                *dial_lines(case),
            ),
            (_remedy(found.topology, left, default),),
        )


def _listed(stayed: list[Container]) -> str:
    names = sorted(each.name for each in stayed)
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"


def _default_network(topology: Topology, project: str, ends: tuple[Container, Container]) -> Network | None:
    """The project's default network, when one of the two is on it."""
    for container in ends:
        for endpoint in container.endpoints:
            network = topology.network(endpoint.network)
            if network is not None and _is_default(network, project):
                return network
    return None


def _is_default(network: Network, project: str) -> bool:
    owner = network.labels.get("com.docker.compose.project")
    if owner is not None:
        return owner == project and network.labels.get("com.docker.compose.network") == "default"
    return network.name == f"{project}_default"


def _chose(topology: Topology, container: Container) -> bool:
    """On networks that a file lists: not on none at all, and not on the default bridge."""
    found = [topology.network(endpoint.network) for endpoint in container.endpoints]
    return bool(found) and not any(network is not None and network.default_bridge for network in found)


def _remedy(topology: Topology, left: Container, default: Network) -> Remedy:
    reason = joinable(left)
    if reason is not None:
        return Remedy(
            "List the default network as well",
            advice=f"In the compose file, add `default` to the networks of {left.service or left.name}. "
            f"Not possible live: {reason}.",
        )
    join = join_operation(topology, left, default)
    return Remedy(f"Connect {left.name} to {default.name}", (join,), safe=True)


RULE = RULES.add(DefaultDropped.code, DefaultDropped(), home=__name__)
