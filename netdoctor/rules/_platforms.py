"""Whether a platform's own marks prove that it keeps two containers apart: labels, folders, networks. Pure."""

from __future__ import annotations

import re

from netdoctor.model import Container, Network, Topology
from netdoctor.model.joining import PLATFORM_NETWORKS, carries_peers
from netdoctor.rules._placing import networks_of
from netdoctor.rules._reading import Ends

_UUID = re.compile(r"(?=[a-z]*\d)[a-z0-9]{20,26}(-\d+)?")
"""How Coolify names a network after its resource."""
DOKPLOY_NETWORK = "dokploy-network"
_PATHS = ("com.docker.compose.project.working_dir", "com.docker.compose.project.config_files")


def kept_apart(found: Ends) -> tuple[bool, str, Container, Container, str] | None:
    """Whether it is sure, the platform, the one it keeps apart, the other one, and the mark that proves it.

    The target is looked at first, and a network that is certainly the resource's own counts for more than one on
    which it is merely alone.
    """
    ranked: list[tuple[int, str, Container, Container, str]] = []
    for kept, other in ((found.target, found.source), (found.source, found.target)):
        rank = _kept_by_coolify(found.topology, kept)
        if rank:
            ranked.append((rank, "Coolify", kept, other, f"{kept.name} has the label coolify.managed=true"))
        if _kept_by_dokploy(kept, other) and not _same_project(found):
            ranked.append((2, "Dokploy", kept, other, f"{kept.name} belongs to Dokploy and is not on dokploy-network"))
    best = max(ranked, key=lambda each: each[0], default=None)
    return None if best is None else (best[0] > 1, *best[1:])


def _same_project(found: Ends) -> bool:
    return found.source.project is not None and found.source.project == found.target.project


def _kept_by_coolify(topology: Topology, kept: Container) -> int:
    """0: not so. 1: alone on its networks. 2: these are its resource's own, by name or label."""
    if not _coolify(kept):
        return 0
    networks = [network for network in networks_of(topology, kept) if carries_peers(network)]
    if not networks or any(_for_all(network) for network in networks):
        return 0
    named = {kept.project, kept.labels.get("coolify.name"), kept.labels.get("coolify.serviceId")} - {None, ""}
    owned = [
        network.labels.get("com.docker.compose.project") in named
        or _UUID.fullmatch(network.name) is not None
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
    return 0 if strangers else 1


def _for_all(network: Network) -> bool:
    """The platform's own, by name: a destination, which every resource may be on."""
    return network.default_bridge or network.name in PLATFORM_NETWORKS or "coolify" in network.name


def _coolify(container: Container) -> bool:
    return container.labels.get("coolify.managed", "").lower() == "true"


def _kept_by_dokploy(kept: Container, other: Container) -> bool:
    if any(DOKPLOY_NETWORK in endpoint.network_name for endpoint in kept.endpoints):
        return False
    theirs = any(DOKPLOY_NETWORK in endpoint.network_name for endpoint in other.endpoints)
    return _dokploy(kept) and (theirs or _dokploy(other))


def _dokploy(container: Container) -> bool:
    return any(
        part.strip().startswith("/etc/dokploy/") for key in _PATHS for part in container.labels.get(key, "").split(",")
    )
