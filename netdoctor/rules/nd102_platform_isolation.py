"""The platform keeps the two apart: one sits on a network that the platform made for its stack alone.

What is looked for
  Two containers without a common network, and proof of whose doing that is. Coolify: the label
  `coolify.managed=true`, and networks that only this resource is on. Dokploy: a compose folder below
  /etc/dokploy (or a Swarm service on `dokploy-network`), and a container that is not on `dokploy-network`.

Why it breaks
  Coolify gives every service stack and every compose application a network named after its own uuid, while
  databases and single applications go on the destination's network (`coolify`). Two resources of one
  project are not on one network by that. Dokploy joins only services with a domain to `dokploy-network`, and
  none when "Isolated Deployment" is on. So the name does not resolve and the address times out.

What would prove it wrong
  A common network, by id; a connection that opens all the same; or containers without the platform's marks:
  then it is ND101.

The fix and its safety
  Connect one of them to the other's network under its service name; nothing that is open is interrupted. It
  lasts until the next deploy. For good, Coolify: "Connect to Predefined Network" and redeploy, then the host
  name is <service>-<uuid>. Dokploy: list `dokploy-network` (external) next to `default` in the compose
  text, and deploy.

References
  coollabsio/coolify #5597, #11371, #2476, Dokploy/dokploy #2987, #1335
  https://coolify.io/docs/knowledge-base/docker/compose
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdoctor.model import Case, Confidence, Container, Fact, Finding, Layer, Question, Remedy, Severity, Topology
from netdoctor.model.joining import PLATFORM_NETWORKS, carries_peers
from netdoctor.rules._placing import joins_of, networks_of
from netdoctor.rules._reading import Ends, dial_lines, dns_line, ends, network_names, networks_line, works
from netdoctor.rules.registry import RULES

DOKPLOY_NETWORK = "dokploy-network"
_PATHS = ("com.docker.compose.project.working_dir", "com.docker.compose.project.config_files")


class PlatformIsolation:
    code = "ND102"
    title = "isolated by its platform"
    needs: frozenset[Fact] = frozenset()
    suppresses = frozenset({"ND101", "ND104", "ND108", "ND201", "ND202", "ND204", "ND304"})

    def wants(self, case: Case) -> Iterable[Question[Any]]:
        return ()

    def judge(self, case: Case) -> Iterable[Finding]:
        found = ends(case)
        if found is None or found.common or works(case):
            return
        told = _told(found)
        if told is None:
            return
        platform, kept, other, mark = told
        yield Finding(
            self.code,
            self.title,
            Severity.ERROR,
            Confidence.CERTAIN,
            Layer.MEMBERSHIP,
            (kept.ref, other.ref),
            f"{platform} keeps {kept.name} on a network of its own ({network_names(kept) or 'none'}); "
            f"{other.name} (on {network_names(other) or 'no network'}) is not on it.",
            (mark, networks_line(found.source), networks_line(found.target), *dns_line(case), *dial_lines(case)),
            tuple(_remedies(found, platform, kept)),
        )


def _same_project(found: Ends) -> bool:
    return found.source.project is not None and found.source.project == found.target.project


def _told(found: Ends) -> tuple[str, Container, Container, str] | None:
    """The platform, the one it keeps apart, the other one, and the mark that proves it. The target is looked at first,
    and a network that is certainly the resource's own counts for more than one on which it is merely alone.
    """
    ranked: list[tuple[int, str, Container, Container, str]] = []
    for kept, other in ((found.target, found.source), (found.source, found.target)):
        rank = _kept_by_coolify(found.topology, kept, other)
        if rank:
            ranked.append((rank, "Coolify", kept, other, f"{kept.name} has the label coolify.managed=true"))
        if _kept_by_dokploy(kept, other) and not _same_project(found):
            ranked.append((2, "Dokploy", kept, other, f"{kept.name} belongs to Dokploy and is not on dokploy-network"))
    best = max(ranked, key=lambda each: each[0], default=None)
    return None if best is None else best[1:]


def _kept_by_coolify(topology: Topology, kept: Container, other: Container) -> int:
    """0: not so. 1: alone on its networks. 2: these are its resource's own, by name or label."""
    if not _coolify(kept):
        return 0
    networks = [network for network in networks_of(topology, kept) if carries_peers(network)]
    if not networks or any(network.name in PLATFORM_NETWORKS or network.default_bridge for network in networks):
        return 0
    named = {kept.project, kept.labels.get("coolify.name"), kept.labels.get("coolify.serviceId")} - {None, ""}
    owned = [
        network.labels.get("com.docker.compose.project") in named
        or any(network.name == name or network.name.startswith((f"{name}-", f"{name}_")) for name in named)
        for network in networks
    ]
    if all(owned):
        return 2
    strangers = [
        member
        for network in networks
        for member in topology.members(network.id)
        if member.id != kept.id and (kept.project is None or member.project != kept.project)
        if member.labels.get("coolify.proxy") != "true"
    ]
    on_platform = any(endpoint.network_name in PLATFORM_NETWORKS for endpoint in other.endpoints)
    return 1 if not strangers and (_coolify(other) or on_platform) else 0


def _coolify(container: Container) -> bool:
    return container.labels.get("coolify.managed", "").lower() == "true"


def _kept_by_dokploy(kept: Container, other: Container) -> bool:
    if any(endpoint.network_name == DOKPLOY_NETWORK for endpoint in kept.endpoints):
        return False
    theirs = any(endpoint.network_name == DOKPLOY_NETWORK for endpoint in other.endpoints)
    return _dokploy(kept) and (theirs or _dokploy(other))


def _dokploy(container: Container) -> bool:
    return any(
        part.strip().startswith("/etc/dokploy/") for key in _PATHS for part in container.labels.get(key, "").split(",")
    )


def _remedies(found: Ends, platform: str, kept: Container) -> Iterable[Remedy]:
    yield from joins_of(found)
    if platform == "Coolify":
        host = f" Others then reach it as {kept.service}-{kept.project}." if kept.service and kept.project else ""
        text = f'In Coolify, turn on "Connect to Predefined Network" for {kept.name} and redeploy.{host}'
    else:
        text = (
            f"In Dokploy, list `{DOKPLOY_NETWORK}` (external) next to `default` in the networks of "
            f"{kept.service or kept.name}, or turn Isolated Deployment off, and deploy."
        )
    yield Remedy(f"Let {platform} connect it for good", advice=text)


RULE = RULES.add(PlatformIsolation.code, PlatformIsolation(), home=__name__)
