"""``QDRANT_URL=http://localhost:6333``: loopback is the caller itself, but somebody else is meant. Whom?"""

from __future__ import annotations

import ipaddress
import re

from netdoctor.edges.address import Address
from netdoctor.edges.catalogue import protocol_of, services_of
from netdoctor.model import Container, Topology

_FOR_BROWSERS = re.compile(
    r"(?i)^(NEXT_PUBLIC|VITE|REACT_APP|NUXT_PUBLIC|PUBLIC|EXPO_PUBLIC|GATSBY|VUE_APP)_|"
    r"PUBLIC|EXTERNAL|BROWSER|CORS|ORIGIN|CALLBACK|REDIRECT|FRONTEND|SITE|DOMAIN|NEXTAUTH|REMOTE|"
    r"(^|_)(APP|WEB|BASE|ROOT|HEALTH\w*)_?(URL|HOST)"
)
"""Variables whose localhost is the user's own machine, or the caller's own address."""
_LISTENS = re.compile(r"(?i)LISTEN|BIND|ADVERTIS|^(ASPNETCORE|DOTNET)_")
"""Variables by which a program says where itself listens."""
_KINDS = {
    "postgres": ("postgres", "postgresql", "pg", "database", "db"),
    "mysql": ("mysql", "mariadb", "database", "db"),
    "mongo": ("mongo", "mongodb", "database", "db"),
    "redis": ("redis", "valkey", "cache", "broker"),
    "amqp": ("rabbit", "rabbitmq", "amqp", "broker"),
    "memcached": ("memcached", "memcache", "cache"),
    "nats": ("nats", "broker"),
}
"""Words in a variable's name that mean a protocol's servers."""
_COMMON = frozenset({80, 443, 3000, 5000, 8000, 8080})
"""Ports that say nothing about who is meant."""
_BY_PORT = 3
"""The rank of one that both a word and an uncommon port speak of."""


def is_loopback(host: str) -> bool:
    """localhost, 127.0.0.0/8, ::1."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def is_any(host: str) -> bool:
    """0.0.0.0, ``::``: where a server listens on everything, and where a client reaches its own machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def meant_by_loopback(topology: Topology, caller: Container, variable: str, address: Address) -> Container | None:
    """The one other container that this variable's loopback address must mean; None when nothing or too much fits.

    It fits when the variable's name or the URL's scheme says what it is, or when its port is one that is known for
    nothing else; and the port, where it is given, is one of its own, inside or published.
    """
    itself = is_loopback(address.host) or (is_any(address.host) and not _listens(variable, address, caller))
    if not itself or for_browsers(variable) or _shares_loopback(caller):
        return None
    if any(
        each.id != caller.id and one_namespace(topology, caller, each) and _rank(variable, address, each) > 0
        for each in topology.containers
    ):
        # Whoever lives in one namespace with the caller is rightly found on loopback.
        return None
    fitting = [
        (rank, each)
        for each in topology.containers
        if each.id != caller.id
        and (rank := _rank(variable, address, each)) > 0
        and not one_namespace(topology, caller, each)
    ]
    own = [(rank, each) for rank, each in fitting if each.project is not None and each.project == caller.project]
    # A stranger's port must say itself that it is meant: every second server listens on 8080.
    near = [(rank, each) for rank, each in fitting if rank >= _BY_PORT or topology.shared_networks(caller, each)]
    chosen = own or near
    best = max((rank for rank, _ in chosen), default=0)
    found = [each for rank, each in chosen if rank == best]
    return found[0] if len(found) == 1 else None


def for_browsers(variable: str) -> bool:
    """Whether its address is for a user's own machine, or is the caller's own, by the variable's name."""
    return _FOR_BROWSERS.search(variable) is not None


def _listens(variable: str, address: Address, caller: Container) -> bool:
    """Whether 0.0.0.0 may be where the caller itself listens: without a scheme it nearly always is."""
    own = bool(_words(variable)) and _words(variable) == _words(caller.service or caller.name)
    return own or address.scheme is None or _LISTENS.search(variable) is not None or address.port in ports_of(caller)


def meant_by_kind(topology: Topology, caller: Container, variable: str, address: Address) -> Container | None:
    """The one neighbour that a name must mean which belongs to nobody: ``postgres://postgres:5432`` where the only
    Postgres is called ``db``. By the same signs as a loopback address; None when nothing or too much fits.

    Neighbours are the caller's project, or, where it has none, whoever shares a network with it.
    """
    if address.port is None or "." in address.host or _FOR_BROWSERS.search(variable):
        return None
    near = [
        each
        for each in topology.containers
        if each.id != caller.id
        and (each.project == caller.project if caller.project else bool(topology.shared_networks(caller, each)))
    ]
    ranks = [(_rank(variable, address, each), each) for each in near]
    best = max((rank for rank, _ in ranks), default=0)
    found = [each for rank, each in ranks if rank == best]
    return found[0] if best > 0 and len(found) == 1 else None


def _rank(variable: str, address: Address, target: Container) -> int:
    """0: does not fit. Higher is surer."""
    ports = ports_of(target)
    protocols = {service.protocol for service in services_of(target.image)}
    scheme = protocol_of(address.scheme) if address.scheme else ""
    named = bool(_words(variable) & _words(target.service or target.name))
    kind = scheme in protocols or any(set(_KINDS.get(each, ())) & _words(variable) for each in protocols)
    if scheme in _KINDS and protocols and scheme not in protocols:
        return 0
    if address.port is not None and ports and address.port not in ports:
        return 0
    by_port = address.port in ports and address.port not in _COMMON
    if named or (kind and scheme not in ("http", "https")):
        return _BY_PORT if by_port else 2
    return 1 if by_port and (target.published or protocols) else 0


def ports_of(target: Container) -> frozenset[int]:
    """Ports by which it is known: exposed, published (either side), or usual for its image."""
    found = {port for port, protocol in target.exposed or () if protocol == "tcp"}
    found |= {service.port for service in services_of(target.image)}
    for binding in target.published or ():
        found |= {binding.container_port, *([binding.host_port] if binding.host_port else [])}
    return frozenset(found)


def _words(text: str) -> set[str]:
    found = {word for word in re.split(r"[^a-z0-9]+", text.lower()) if len(word) > 1 and not word.isdigit()}
    return found - {"url", "uri", "host", "hostname", "addr", "address", "server", "service", "endpoint", "port", "dsn"}


def _shares_loopback(caller: Container) -> bool:
    return (caller.network_mode or "") == "host"


def one_namespace(topology: Topology, one: Container, other: Container) -> bool:
    """Whether the two have one network namespace, and so one loopback."""
    first, second = topology.network_owner(one), topology.network_owner(other)
    return first is not None and second is not None and first.id == second.id
