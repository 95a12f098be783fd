"""How a container is placed: in a network of its own, in the host's, in somebody else's, in none; who proxies. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime

from netdoctor.model import Case, Container, Edge, Endpoint, Network, Remedy, Topology
from netdoctor.model.joining import carries_peers, preferred_join
from netdoctor.rules._reading import Ends

HOST_ALIASES = frozenset({"host.docker.internal", "gateway.docker.internal"})
"""Names that Docker Desktop gives its machine, and that a Linux engine gives nobody by itself."""

_DISCOVERING = frozenset({"traefik", "nginx-proxy", "caddy-docker-proxy", "docker-gen"})
"""Images of proxies that find their backends through the engine."""
_PROXY_WORDS = ("traefik", "proxy", "caddy", "ingress")


def caller(case: Case) -> tuple[Edge, Container] | None:
    """The edge and its caller, asked forwards, when the caller is a container."""
    edge, source = case.edge, case.source
    return None if edge is None or edge.reverse or source is None else (edge, source)


def mode(topology: Topology, container: Container) -> str:
    """``host``, ``none``, ``borrowed`` (another container's namespace) or ``own``."""
    said = container.network_mode or ""
    if said.startswith(("container:", "service:")):
        return "borrowed"
    drivers = {network.driver for network in networks_of(topology, container)}
    if said == "host" or "host" in drivers:
        return "host"
    if said == "none" and not drivers - {"null"}:
        return "none"
    return "none" if drivers == {"null"} else "own"


def networks_of(topology: Topology, container: Container) -> tuple[Network, ...]:
    """Its own attachments, as far as they are known."""
    found = (topology.network(endpoint.network) for endpoint in container.endpoints)
    return tuple(network for network in found if network is not None)


def set_in(edge: Edge, source: Container) -> str:
    """`` in QDRANT_URL of app``, when the caller's environment says the name; else nothing."""
    word, _, variable = edge.origin.partition(" ")
    return f" in {variable} of {source.name}" if word == "environment" and variable else ""


def runs(container: Container) -> bool:
    """Running, as far as this source can know."""
    return container.state is None or container.running


def joins_of(found: Ends) -> Iterable[Remedy]:
    """The joins that give the two a common network, best first."""
    for join in preferred_join(found.topology, found.source, found.target, found.name):
        yield Remedy(f"Connect {join.container_name} to {join.network_name}", (join,), safe=True)


def lost_networks(topology: Topology, container: Container) -> Iterable[Endpoint]:
    """Attachments of a container that does not run to networks that the engine does not have.

    The engine refuses to remove a network that a running container is on, so of a running one this is said never:
    its network is merely newer than the list.
    """
    if container.state is None or container.state.running:
        return ()
    known = {network.id for network in topology.networks if network.driver != "unknown"}
    return tuple(endpoint for endpoint in container.endpoints if endpoint.network not in known)


def later(one: str | None, other: str | None) -> bool:
    """Whether the first moment (RFC 3339) is after the second; False when either is not known."""
    try:
        return datetime.fromisoformat(one or "") > datetime.fromisoformat(other or "")
    except (ValueError, TypeError):
        return False


def same_service(one: Container, other: Container) -> bool:
    """Replicas of one Compose or Swarm service."""
    swarm = "com.docker.swarm.service.id"
    if one.id == other.id or (swarm in one.labels and one.labels.get(swarm) == other.labels.get(swarm)):
        return True
    named = one.project is not None and one.service is not None
    # Two of one number are two generations: Compose 1 wrote shop_db_1 where Compose 2 writes shop-db-1.
    number = "com.docker.compose.container-number"
    if number in one.labels and one.labels.get(number) == other.labels.get(number):
        return False
    return named and (one.project, one.service) == (other.project, other.service)


def is_swarm_task(container: Container) -> bool:
    return any(key in container.labels for key in ("com.docker.swarm.task.id", "com.docker.swarm.service.id"))


def proxies(source: Container, target: Container) -> bool:
    """Whether the first is a reverse proxy that finds backends through the engine, and the second meant for it."""
    if source.labels.get("coolify.proxy") == "true" or _image(source) in _DISCOVERING:
        return True
    named = (source.name, source.service or "", _image(source), *(source.command or ()))
    return offers_itself(target) and any(word in each.lower() for each in named for word in _PROXY_WORDS)


def offers_itself(target: Container) -> bool:
    """It carries what such a proxy looks for: Traefik's or Caddy's labels, or a virtual host."""
    labels = any(key == "caddy" or key.startswith(("traefik.", "caddy.", "caddy_")) for key in target.labels)
    return labels or target.env("VIRTUAL_HOST") is not None


def owner_of_address(topology: Topology, address: str) -> Container | None:
    """Who has that address now, on any network that carries peers."""
    for container in topology.containers:
        for endpoint in container.endpoints:
            network = topology.network(endpoint.network)
            if address in endpoint.addresses and (network is None or carries_peers(network)):
                return container
    return None


def subnet_of(networks: Iterable[Network], address: str) -> Network | None:
    """Which of these networks has a subnet with that address."""
    for network in networks:
        if any(_within(address, subnet) for subnet in network.subnets):
            return network
    return None


def literal(text: str | None) -> bool:
    """Whether it is an IP address, not a name."""
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True


def _within(address: str, subnet: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False


def _image(container: Container) -> str:
    return container.image.rpartition("/")[2].partition("@")[0].partition(":")[0].lower()


def has_extra_host(container: Container, name: str) -> bool:
    """Whether one of its extra_hosts lines is for that name (in lower case)."""
    return any(line.partition(":")[0].lower() == name for line in container.extra_hosts or ())
