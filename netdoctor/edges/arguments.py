"""``check A B[:port][/path]``: what was typed becomes one edge; what was not comes from the caller's own words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from netdoctor.edges.address import Address, parse_address
from netdoctor.edges.catalogue import Service, protocol_of, services_of
from netdoctor.edges.commanded import by_command, commanded_edges
from netdoctor.edges.environment import UDP, answering, edge_from, inferred_edges, linked_to, mention_of, names_of
from netdoctor.edges.labels import by_label, labelled_edges
from netdoctor.edges.nobody import edge_to_nobody, edges_to_nobody, names_in_use
from netdoctor.errors import Ambiguous, NotFound, UsageError
from netdoctor.model import HOST, Container, Edge, Ref, Topology
from netdoctor.terminal import plain
from netdoctor.topology.names import find_container, find_replicas

HOST_WORD = "host"
SIGNALLED = 128


def edge_between(topology: Topology, source: str, target: str) -> Edge:
    """The edge ``source -> target``. Raises NotFound, Ambiguous, UsageError."""
    caller = None if _is_host(topology, source) else find_container(topology, source)
    known = _carrying(topology, (caller,), target)
    if len(known) == 1:
        return _edge(topology, caller, known[0], parse_address(target), (source, target))
    typed, container = _target(topology, target, here=caller is None)
    return _edge(topology, caller, container, typed, (source, target))


def edges_between(topology: Topology, source: str, target: str) -> tuple[Edge, ...]:
    """The same, where a name may mean every replica of one service: an edge for each, from each."""
    callers: tuple[Container | None, ...] = (None,)
    if not _is_host(topology, source):
        callers = find_replicas(topology, source)
    targets: tuple[Container | None, ...] = _carrying(topology, callers, target)
    try:
        if targets:
            typed = parse_address(target)
        else:
            typed, container = _target(topology, target, here=callers == (None,))
            targets = (container,)
    except Ambiguous:
        typed, targets = _replicas(topology, target)
    except NotFound:
        found = [edge for caller in callers if caller is not None for edge in _by_its_word(topology, caller, target)]
        if not found:
            raise
        return tuple(found)
    pairs = [(caller, each) for caller in callers for each in targets if each is None or caller != each]
    if not pairs:
        pairs = [(callers[0], targets[0])]
    edges = (_edge(topology, caller, each, typed, (source, target)) for caller, each in pairs)
    return tuple(_by_its_own_name(topology, edge) for edge in edges)


def _by_its_word(topology: Topology, caller: Container, typed: str) -> list[Edge]:
    """A name that no container has, but the caller's environment: whom it means there, else nobody."""
    word = typed.partition(":")[0].lower()
    meant = [edge for edge in inferred_edges(topology, caller) if (edge.name or "").lower() == word]
    lost = edge_to_nobody(topology, caller, typed)
    return meant or ([lost] if lost is not None else [])


def _carrying(topology: Topology, callers: Iterable[Container | None], text: str) -> tuple[Container, ...]:
    """Who answers to a network alias (or a link) of the callers', where the word is no container's own name."""
    try:
        _target_named(topology, text)
    except NotFound:
        pass
    except UsageError:
        return ()
    else:
        return ()
    host = parse_address(text).host
    found: dict[str, Container] = {}
    for caller in callers:
        if caller is None:
            continue
        for each in answering(topology, caller, host.lower().rstrip(".")):
            if each.id != caller.id:
                found[each.id] = each
    return tuple(sorted(found.values(), key=lambda each: each.name))


def _by_its_own_name(topology: Topology, edge: Edge) -> Edge:
    """A name that a service's replicas share proves nothing about one of them: another one answers to it."""
    target = topology.container(edge.target)
    if target is None or edge.name is None or edge.name.lower() != (target.service or "").lower():
        return edge
    others = (c for c in topology.containers if c.id != target.id and c.project == target.project)
    shared = any(c.service == target.service and c.running for c in others)
    return replace(edge, name=target.name) if shared else edge


def _edge(
    topology: Topology, caller: Container | None, target: Container | None, typed: Address, words: tuple[str, str]
) -> Edge:
    try:
        return edge_to(topology, caller, target, typed)
    except SameContainer:
        raise UsageError(
            f"{plain(words[0])!r} and {plain(words[1])!r} are the same container.", hint="Name two containers."
        ) from None


def _replicas(topology: Topology, text: str) -> tuple[Address, tuple[Container, ...]]:
    """``service``, ``project/service``, each perhaps with a port and a path. Raises Ambiguous."""
    with contextlib.suppress(NotFound):
        return Address(text), find_replicas(topology, text)
    within = _split_project(text)
    if within is not None:
        with contextlib.suppress(NotFound):
            return parse_address(within[1]), find_replicas(topology, within[0])
    typed = parse_address(text)
    return typed, find_replicas(topology, typed.host)


class SameContainer(UsageError):
    """Both ends are one."""


def edge_to(topology: Topology, caller: Container | None, container: Container | None, typed: Address) -> Edge:
    """The edge to what ``typed`` says, from a container or (None) this machine, to a container or (None) outside.

    Raises UsageError.
    """
    if container is None:
        return _outside(caller, typed)
    if caller is not None and caller.id == container.id:
        raise SameContainer(f"{caller.name} is both ends.", hint="Name two containers.")
    edge = _said_by_caller(topology, caller, container)
    if edge is None and caller is not None:
        edge = by_label(topology, caller, container) or by_command(topology, caller, container)
    edge = edge or Edge(caller.ref if caller else HOST, container.ref, name=_name(caller, container, typed))
    if caller is not None and typed.host in _addresses(container):
        edge = replace(edge, name=typed.host)
    return catalogued(_typed(edge, typed), container)


def edges_of(topology: Topology, name: str) -> tuple[Edge, ...]:
    """Every edge touching one container: those it declares, and those that running others declare towards it."""
    container = find_container(topology, name)
    callers = [container, *(other for other in _callers(topology) if other.id != container.id)]
    return tuple(edge for edge in _declared(topology, callers) if container.ref in (edge.source, edge.target))


def all_edges(topology: Topology) -> tuple[Edge, ...]:
    """Every edge that running containers declare: by environment, command line, links, labels and ``depends_on``."""
    return _declared(topology, _callers(topology))


def left_alone(topology: Topology, name: str | None = None) -> tuple[Edge, ...]:
    """What is declared (to or from one container) and not asked unless both ends are named: it goes over UDP."""
    container = find_container(topology, name) if name is not None else None
    found = []
    for caller in _callers(topology):
        said = [*inferred_edges(topology, caller), *commanded_edges(topology, caller)]
        found += [edge for edge in said if edge.protocol == UDP]
    return tuple(edge for edge in found if container is None or container.ref in (edge.source, edge.target))


def _callers(topology: Topology) -> list[Container]:
    """Those that run; and those of a project that otherwise runs which never came up, or ended with an error of their
    own: an app that cannot reach its database at its start often does.
    """
    up = {each.project for each in topology.containers if each.running and each.project is not None}
    return [each for each in topology.containers if each.state is None or each.state.running or _failed(each, up)]


def _failed(container: Container, up: Collection[str | None]) -> bool:
    state = container.state
    if state is None or container.project not in up or container.labels.get("com.docker.compose.oneoff") == "True":
        return False
    if state.status == "created":
        return True
    # Beyond 128 a signal ended it, a person's or a deploy's more often than not.
    return state.status == "exited" and state.exit_code is not None and 0 < state.exit_code < SIGNALLED


def _declared(topology: Topology, callers: Iterable[Container]) -> tuple[Edge, ...]:
    found: dict[tuple[Ref, Ref, int | None], Edge] = {}
    taken = names_in_use(topology)
    for caller in callers:
        command = caller.ref.at("command")
        # What goes over UDP confirms nothing: asked when somebody names it, and otherwise left alone.
        said = [edge for edge in _named(topology, caller, taken) if edge.protocol != UDP]
        said += labelled_edges(topology, caller)
        said += [edge for edge in commanded_edges(topology, caller) if edge.protocol != UDP]
        for edge in [*said, *_linked(topology, caller), *_depended(topology, caller)]:
            declared = edge.origin in ("depends_on", "link") or (edge.port is None and edge.basis == command)
            if not declared or not any(key[:2] == (edge.source, edge.target) for key in found):
                filled = _filled(topology, edge)
                found.setdefault((filled.source, filled.target, filled.port), filled)
    return tuple(found.values())


def _named(topology: Topology, caller: Container, taken: frozenset[str]) -> list[Edge]:
    """By its environment: whom it leads to, and where it leads to nobody."""
    found = list(inferred_edges(topology, caller))
    return [*found, *edges_to_nobody(topology, caller, {(edge.name or "").lower() for edge in found}, taken)]


def _is_host(topology: Topology, word: str) -> bool:
    return word == HOST_WORD and not any(container.name == HOST_WORD for container in topology.containers)


def _target_named(topology: Topology, text: str) -> tuple[Address, Container]:
    """``project/service`` reads like a name with a path, so names are tried whole first. Raises NotFound."""
    try:
        return Address(text), find_container(topology, text)
    except NotFound:
        within = _of_project(topology, text)
        if within is not None:
            return within
        typed = parse_address(text)
        return typed, find_container(topology, typed.host.rstrip("."))


def _target(topology: Topology, text: str, *, here: bool) -> tuple[Address, Container | None]:
    """A container by its name or its address; None for an end outside of Docker, or (``here``) this machine's own."""
    try:
        return _target_named(topology, text)
    except NotFound as unknown:
        typed = parse_address(text)
        owners = [container for container in topology.containers if typed.host in _addresses(container)]
        if len(owners) == 1:
            return typed, owners[0]
        if typed.scheme or "." in typed.host or ":" in typed.host or (here and typed.host == "localhost"):
            return typed, None
        raise unknown


def _of_project(topology: Topology, text: str) -> tuple[Address, Container] | None:
    """``project/service:port/path``, which reads like a host with a path."""
    split = _split_project(text)
    if split is None:
        return None
    try:
        return parse_address(split[1]), find_container(topology, split[0])
    except NotFound:
        return None


def _split_project(text: str) -> tuple[str, str] | None:
    """``project/service`` and ``service:port/path``; None where nothing follows the service."""
    project, slash, rest = text.partition("/")
    service = re.split(r"[:/?]", rest, maxsplit=1)[0]
    return (f"{project}/{service}", rest) if slash and service and service != rest else None


def _addresses(container: Container) -> set[str]:
    return {address for endpoint in container.endpoints for address in endpoint.addresses}


def _outside(caller: Container | None, typed: Address) -> Edge:
    if typed.port is None:
        raise UsageError(f"{plain(typed.host)!r} is outside Docker, and has no port.", hint="Give one: HOST:PORT.")
    return Edge(
        caller.ref if caller else HOST,
        Ref("external", typed.host),
        name=typed.host,
        port=typed.port,
        path=typed.path,
        protocol=_protocol(typed, None),
    )


def _said_by_caller(topology: Topology, caller: Container | None, target: Container) -> Edge | None:
    mention = mention_of(topology, caller, target) if caller is not None else None
    return edge_from(caller, target, mention) if caller is not None and mention is not None else None


def _name(caller: Container | None, target: Container, typed: Address) -> str | None:
    """The host name to try: the typed one when it is a name of the target, else its service or container name."""
    if caller is None:
        return None
    host = typed.host.lower().rstrip(".")
    if host in names_of(target) or typed.host in _addresses(target) or target.id in linked_to(caller, host):
        return typed.host
    return target.service or target.name


def _typed(edge: Edge, typed: Address) -> Edge:
    """What was typed wins over what the environment says."""
    if typed.port_given or typed.scheme:
        same = typed.port == edge.port and typed.scheme is None
        edge = replace(
            edge,
            port=typed.port if typed.port is not None else edge.port,
            protocol=edge.protocol if same else _protocol(typed, None),
            origin="argument",
        )
    if typed.path is not None:
        web = edge.protocol if edge.protocol in ("http", "https") else "http"
        edge = replace(edge, path=typed.path, protocol=web, origin="argument")
    return edge


def catalogued(edge: Edge, target: Container) -> Edge:
    """Fill port, protocol and path from what the image is known for."""
    known = services_of(target.image)
    service: Service | None = None
    if edge.port is None:
        service = known[0] if known else None
    else:
        service = next((each for each in known if each.port == edge.port), None)
    if service is None:
        return edge
    protocol = service.protocol if edge.protocol == "tcp" else edge.protocol
    path = edge.path if edge.path is not None or protocol not in ("http", "https") else service.path
    origin = "catalogue" if edge.port is None and edge.origin == "argument" else edge.origin
    return replace(edge, port=edge.port or service.port, protocol=protocol, path=path, origin=origin)


def _filled(topology: Topology, edge: Edge) -> Edge:
    target = topology.container(edge.target)
    return edge if target is None else catalogued(edge, target)


def _protocol(typed: Address, fallback: str | None) -> str:
    if typed.scheme:
        return protocol_of(typed.scheme)
    return fallback or ("http" if typed.path is not None else "tcp")


def _depended(topology: Topology, caller: Container) -> list[Edge]:
    """``com.docker.compose.depends_on: db:service_healthy:false,...`` (Compose v2 writes it)."""
    found = []
    for part in caller.labels.get("com.docker.compose.depends_on", "").split(","):
        service, _, condition = part.partition(":")
        if not service or condition.startswith("service_completed"):
            continue
        for target in topology.containers:
            if target.service == service and target.project == caller.project and target.id != caller.id:
                found.append(Edge(caller.ref, target.ref, name=service, origin="depends_on"))
                break
    return found


def _linked(topology: Topology, caller: Container) -> list[Edge]:
    """``--link db:database``: the engine itself tells the caller where the other is, by its hosts file or by DNS."""
    found = []
    for link in caller.links:
        target = topology.container(link.container)
        if target is not None and target.id != caller.id:
            found.append(Edge(caller.ref, target.ref, name=link.alias, origin="link"))
    return found
