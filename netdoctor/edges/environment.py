"""Edges that a container's own environment declares: URLs and ``*_HOST`` values that name another container."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from netdoctor.edges.address import Address
from netdoctor.edges.catalogue import protocol_meant, protocol_of, services_of
from netdoctor.edges.dotted import may_be_inside, meant_by_first_label
from netdoctor.edges.likeness import alike, is_free, meant_by_likeness
from netdoctor.edges.loopback import meant_by_kind, meant_by_loopback, one_namespace, ports_of
from netdoctor.edges.spellings import addresses_in
from netdoctor.model import Container, Edge, Ref, Topology, carriers
from netdoctor.redact import redact_text

UDP = "udp"
HOST_ALIASES = frozenset({"host.docker.internal", "gateway.docker.internal"})
"""The machine itself, by the names that Docker Desktop gives it."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One variable that names a host."""

    variable: str
    address: Address


def mentions(container: Container) -> Iterator[Mention]:
    """Every address in the environment, in the variables' order. Values never leave as text: they hold secrets."""
    for variable, value in container.environment or ():
        for address in addresses_in(variable, value, container.env):
            if not _perhaps_a_password(value, address.host):
                yield Mention(variable, address)


def _perhaps_a_password(value: str, host: str) -> bool:
    """``postgres://u:p@ss/word@db/x``: what stands where a host would is what may be a part of the password."""
    return "@" in value and host in value and host not in redact_text(value)


def names_of(container: Container) -> frozenset[str]:
    """Every name by which others may address it, lower case, whatever network they are on."""
    names = {container.name, container.short_id, *(name for e in container.endpoints for name in e.names)}
    names |= {alias for endpoint in container.endpoints for alias in endpoint.aliases}
    if container.service:
        names.add(container.service)
    return frozenset(name.lower() for name in names)


def mention_of(topology: Topology, caller: Container, target: Container) -> Mention | None:
    """The caller's own word for the target: by exact name or address, else a loopback address by which only the target
    can be meant, else a name so like its own that it must be meant.

    A likeness counts only where the written name belongs to nobody at all.
    """
    found = list(mentions(caller))
    borrowed = _through_its_owner(topology, caller, target, found)
    if borrowed is not None:
        return borrowed
    names = names_of(target)
    addresses = {address for endpoint in target.endpoints for address in endpoint.addresses}
    for mention in found:
        host = host_of(mention)
        if host in names or mention.address.host in addresses or target.id in linked_to(caller, host):
            return mention
    for mention in found:
        other = meant_by_loopback(topology, caller, mention.variable, mention.address)
        if other is not None and other.id == target.id:
            return mention
    others = [(each, names_of(each)) for each in topology.containers]
    for mention in found:
        other = meant_by_first_label(topology, caller, mention.variable, mention.address, others)
        if other is not None and other.id == target.id and not answering(topology, caller, host_of(mention)):
            return mention
    taken = {name for _, theirs in others for name in theirs}
    taken |= {name.lower() for each in topology.unseen for name in (each.name, each.service) if name}
    for mention in found:
        host = mention.address.host.lower()
        if is_free(host, taken) and any(alike(host, name) for name in names):
            return mention
    for mention in found:
        host = mention.address.host
        if is_free(host.lower(), taken) and not _known_to_itself(caller, host):
            meant = meant_by_kind(topology, caller, mention.variable, mention.address)
            if meant is not None and meant.id == target.id:
                return mention
    return None


def _known_to_itself(caller: Container, host: str) -> bool:
    """By its hosts file, a link, or because it is its own name."""
    wanted = host.lower().rstrip(".")
    lines = any(line.partition(":")[0].lower() == wanted for line in caller.extra_hosts or ())
    return lines or wanted in (caller.hostname or "").lower() or any(link.alias == wanted for link in caller.links)


def _through_its_owner(
    topology: Topology, caller: Container, target: Container, found: list[Mention]
) -> Mention | None:
    """A container that lives in another's network is rightly addressed by that one's name, or by loopback inside it."""
    owner = topology.network_owner(target)
    if owner is None or not (target.network_mode or "").startswith("container:"):
        return None
    names = frozenset({"localhost", "127.0.0.1", "::1"}) if one_namespace(topology, caller, target) else names_of(owner)
    ports = ports_of(target)
    for mention in found:
        if mention.address.host.lower() in names and (not ports or mention.address.port in ports):
            return mention
    return None


def inferred_edges(topology: Topology, caller: Container) -> Iterator[Edge]:
    """One edge for each other container that the caller's environment names, or all but names."""
    seen: set[tuple[Ref, int | None]] = set()
    unclear = []
    found = list(mentions(caller))
    for mention in found:
        through = _through_the_host(caller, mention)
        if through is not None and (through.target, through.port) not in seen:
            seen.add((through.target, through.port))
            yield through
        if mention.address.host.lower() in HOST_ALIASES:
            continue
        meant = meant_by_name(topology, caller, host_of(mention))
        other = None if meant else meant_by_loopback(topology, caller, mention.variable, mention.address)
        if not meant and other is None:
            unclear.append(mention)
        for target in meant or ([other] if other is not None else []):
            edge = edge_from(caller, target, mention)
            if (edge.target, edge.port) not in seen and not _said_with_port(mention, found, target):
                seen.add((edge.target, edge.port))
                yield edge
    known = {target for target, _ in seen}
    for mention, target in _nearly(topology, caller, unclear):
        # Who is named rightly elsewhere is not meant by a name left over from the image or from a template.
        if target.ref not in known:
            known.add(target.ref)
            yield edge_from(caller, target, mention)


def _said_with_port(mention: Mention, found: Iterable[Mention], target: Container) -> bool:
    """``API_HOST=api`` beside ``API_URL=http://api:8080``: the name alone asks for nothing more.

    Unless the image has a port that goes without saying, beside that of its web interface.
    """
    if mention.address.port is not None or services_of(target.image):
        return False
    return any(each.address.port is not None and host_of(each) == host_of(mention) for each in found)


def _through_the_host(caller: Container, mention: Mention) -> Edge | None:
    """``http://host.docker.internal:8080``: a port of the machine, whoever is behind it."""
    address = mention.address
    if address.host.lower() not in HOST_ALIASES or address.port is None or "proxy" in mention.variable.lower():
        return None
    return replace(edge_from(caller, caller, mention), target=Ref("external", address.host))


def _nearly(topology: Topology, caller: Container, unclear: list[Mention]) -> Iterator[tuple[Mention, Container]]:
    if not any("." not in host_of(each) or may_be_inside(topology, host_of(each)) for each in unclear):
        return
    others = [(each, names_of(each)) for each in topology.containers if each.id != caller.id]
    taken = names_of(caller).union(*(names for _, names in others))
    taken |= {name.lower() for each in topology.unseen for name in (each.name, each.service) if name}
    for mention in unclear:
        dotted = meant_by_first_label(topology, caller, mention.variable, mention.address, others)
        if dotted is not None:
            yield mention, dotted
        elif is_free(mention.address.host.lower(), taken):
            target = meant_by_likeness(topology, caller, mention.address, others)
            if target is None and not _known_to_itself(caller, mention.address.host):
                target = meant_by_kind(topology, caller, mention.variable, mention.address)
            if target is not None:
                yield mention, target


def meant_by_name(topology: Topology, caller: Container, host: str) -> list[Container]:
    """Whom a host name means for this caller: two projects may each have a ``db``, and only one of them is its own.

    Where Docker's DNS would answer, the answer; else the one of its own project, of that very name, or the first:
    one edge whose name does not resolve says all there is to say.
    """
    found = answering(topology, caller, host)
    if found:
        return [each for each in found if each.id != caller.id]
    found = [each for each in topology.containers if each.id != caller.id and host in names_of(each)]
    owners = [each for each in topology.containers if any(host in e.addresses for e in each.endpoints)]
    if not found and len(owners) == 1:
        # An address that two containers have means neither of them surely.
        found = [each for each in owners if each.id != caller.id]
    own = [each for each in found if each.project is not None and each.project == caller.project]
    exact = [each for each in found if each.name.lower() == host]
    running = [each for each in found if each.running]
    return (own or exact or running or found)[:1]


def host_of(mention: Mention) -> str:
    """As names are compared: lower case, without the dot that ends a full name."""
    return mention.address.host.lower().rstrip(".")


def linked_to(caller: Container, host: str) -> frozenset[str]:
    """Whom the caller's own links call so: the ids."""
    return frozenset(link.container for link in caller.links if link.alias == host)


def answering(topology: Topology, caller: Container, host: str) -> list[Container]:
    """Who answers to that name for this caller: by its links, else by Docker's DNS, also with its search domains."""
    links = linked_to(caller, host)
    found = [each for each in topology.containers if each.id in links]
    for name in (host, *(f"{host}.{each.strip('.').lower()}" for each in caller.dns_search or () if each.strip("."))):
        found = found or [container for container, _ in carriers(topology, caller, name)]
    return list({each.id: each for each in found}.values())


def unmet(topology: Topology, callers: Iterable[Container]) -> Iterator[tuple[Container, Mention]]:
    """Variables whose host could be a container's, and is nobody's: one word, no address, no machine's own name."""
    taken = {name for container in topology.containers for name in names_of(container)}
    # Their aliases nobody knows; these names are theirs.
    taken |= {name.lower() for each in topology.unseen for name in (each.name, each.service, *each.also) if name}
    for caller in callers:
        for mention in mentions(caller):
            host = mention.address.host.lower()
            if is_free(host, taken) and "." not in host and ":" not in host and host != "localhost":
                yield caller, mention


def edge_from(caller: Container, target: Container, mention: Mention) -> Edge:
    """The edge that this mention means."""
    address = mention.address
    protocol = protocol_of(address.scheme) if address.scheme else _meant_protocol(caller, mention)
    return Edge(
        caller.ref,
        target.ref,
        name=address.host,
        port=address.port,
        path=None,
        protocol=UDP if _over_udp(mention, target) else protocol,
        origin=f"environment {mention.variable}",
        basis=caller.ref.at("environment", mention.variable),
        said_path=_harmless(mention),
    )


def _over_udp(mention: Mention, target: Container) -> bool:
    """Said by the scheme, or by a port that the target offers over UDP alone (statsd, syslog, a game server)."""
    if (mention.address.scheme or "").lower() in ("udp", "statsd", "udp4", "udp6"):
        return True
    offered = {protocol for port, protocol in target.exposed or () if port == mention.address.port}
    offered |= {each.protocol for each in target.published or () if each.container_port == mention.address.port}
    return mention.address.port is not None and offered == {UDP}


def _meant_protocol(caller: Container, mention: Mention) -> str:
    """Plain words are tried only where the caller does not say that it speaks TLS (``SASL_SSL``)."""
    meant = protocol_meant(mention.variable, mention.address.port)
    return "tcp" if meant == "kafka" and any(_TLS.search(f"{k}={v}") for k, v in caller.environment or ()) else meant


_TLS = re.compile(r"(?i)SECURITY_?PROTOCOL=(?:SASL_)?SSL$|KAFKA\w*_(?:SSL|TLS)(?:_ENABLED?)?=(?:true|1|yes|on)$")


_DOES_SOMETHING = re.compile(r"(?i)hook|callback|cron|trigger|action|notify|token|secret|key|logout|delete|deploy")
_PLAIN_PATH = re.compile(r"(?:/[a-z][a-z0-9._-]{0,31}){1,4}/?\Z")


def _harmless(mention: Mention) -> str | None:
    """The path of a URL, when asking for it can neither set something off nor tell a secret: short plain words in a
    variable that is no webhook's; never a query.
    """
    path = mention.address.path or ""
    if not (mention.address.scheme or "").startswith("http") or not _PLAIN_PATH.match(path):
        return None
    return None if _DOES_SOMETHING.search(f"{mention.variable} {path}") else path
