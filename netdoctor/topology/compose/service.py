"""One service of a merged project as the container that Compose would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netdoctor.model import Blank, Container, Dependency, Endpoint, Link, Network, Place, PortBinding
from netdoctor.terminal import plain
from netdoctor.topology.compose.dotenv import parse_env
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.files import read_bytes
from netdoctor.topology.compose.load import Project
from netdoctor.topology.compose.networks import BRIDGE, HOST, NONE
from netdoctor.topology.compose.tree import Node
from netdoctor.topology.compose.values import bindings, exposed, healthcheck, whole_number, words, written

LABEL = "com.docker.compose"
STARTED = "service_started"


@dataclass(frozen=True, slots=True)
class Variables:
    """A service's environment: ``environment`` over its env files, names without a value taken from the shell."""

    values: tuple[tuple[str, str], ...]
    places: Mapping[str, Place]
    blanks: tuple[Blank, ...]


def ident(project: Project, service: str) -> str:
    """``./compose.yaml#shop/web``: stable, and never the beginning of a name that a container could have."""
    file = project.files[0]
    return f"{'' if file.startswith(('/', '.')) else './'}{file}#{project.name}/{service}"


def container(project: Project, service: str, body: Node, networks: Mapping[str, Network]) -> Container:
    """Raises Unreadable for what Compose refuses. ``build`` is filled in by somebody who reads Dockerfiles."""
    if not {"image", "build"} & {key for key, node in body.fields.items() if node.value is not None}:
        raise Unreadable(f"service {plain(service)!r} has neither an image nor a build", body.place)
    name = body.string("container_name") or f"{project.name}-{service}-1"
    mode = _mode(project, body)
    given = variables(project, body)
    command, entrypoint = words(body.get("command")), words(body.get("entrypoint"))
    return Container(
        id=ident(project, service),
        name=name,
        image=body.string("image") or "",
        network_mode=mode,
        endpoints=_endpoints(service, name, body, networks, mode),
        environment=given.values,
        labels=_labels(project, service, body),
        exposed=_exposed(project, body),
        published=_published(project, body),
        hostname=body.string("hostname") or None,
        extra_hosts=tuple(_host_line(item.text or "") for item in _items(body, "extra_hosts")),
        dns=tuple(item.text or "" for item in _items(body, "dns")),
        dns_search=tuple(item.text or "" for item in _items(body, "dns_search")),
        command=None if command is None and entrypoint is None else (*(entrypoint or ()), *(command or ())),
        healthcheck=healthcheck(body.get("healthcheck")),
        depends_on=tuple(_dependencies(project, service, body)),
        links=tuple(_links(project, service, body)),
        profiles=tuple(item.text or "" for item in _items(body, "profiles")),
        replicas=_replicas(body),
        blanks=(*given.blanks, *_other_blanks(project, body)),
    )


def variables(project: Project, body: Node) -> Variables:
    """Raises Unreadable for an env file that is missing, or is none."""
    values: dict[str, str] = {}
    places: dict[str, Place] = {}
    blanks: dict[str, Blank] = {}
    section = body.get("environment")
    own = section.fields if section is not None else {}
    known = {**project.environment, **{key: text for key, node in own.items() if (text := written(node)) is not None}}
    for entry in _items(body, "env_file"):
        path, named_at = entry.string("path"), entry.fields["path"].place if "path" in entry.fields else entry.place
        if not path:
            raise Unreadable("env_file names no file", named_at)
        if (entry.string("required") or "true").lower() == "false" and not _there(path):
            continue
        for key, (value, place) in parse_env(read_bytes(path, named_at), path, known).items():
            found = value if value is not None else project.environment.get(key)
            if found is not None:
                values[key], places[key] = found, place
    for key, node in own.items():
        places[key] = node.place
        value = written(node) if node.value is not None else project.environment.get(key)
        variable = key if value is None else project.blanks.get(node.place)
        if value == "" and variable is None:
            variable = project.optional.get(node.place)
        if variable is not None:
            blanks[key] = Blank(("environment", key), variable)
        if value is None:
            # Only its name is given, and nobody has a value for it here: Compose sets nothing.
            values.pop(key, None)
        else:
            values[key] = value
    return Variables(tuple(values.items()), places, tuple(blanks.values()))


def _there(path: str) -> bool:
    try:
        read_bytes(path)
    except Unreadable:
        return False
    return True


def _items(body: Node, key: str) -> list[Node]:
    found = body.get(key)
    if found is None:
        return []
    if not isinstance(found.value, list):
        raise Unreadable(f"{key} is not a list", found.place)
    return found.items


def _mode(project: Project, body: Node) -> str | None:
    """As the engine would say it; ``service:x`` becomes the container of x."""
    mode = body.get("network_mode")
    if mode is None or not mode.text:
        return None
    if mode.text.startswith("service:"):
        service = mode.text.partition(":")[2]
        services = project.root.fields["services"].fields
        if service not in services:
            raise Unreadable(f"network_mode names the service {plain(service)!r}, which does not exist", mode.place)
        return f"container:{ident(project, service)}"
    return mode.text


def _endpoints(
    service: str, name: str, body: Node, networks: Mapping[str, Network], mode: str | None
) -> tuple[Endpoint, ...]:
    listed = body.get("networks")
    if mode is not None:
        if listed is not None and listed.fields:
            what = f"service {plain(service)!r} has network_mode and networks, which exclude each other"
            raise Unreadable(what, listed.place)
        return _by_mode(mode, service, name, networks)
    wanted = listed.fields if listed is not None and listed.fields else {"default": None}
    found: dict[str, Endpoint] = {}
    for key, options in wanted.items():
        if key not in networks:
            place = options.place if options is not None else body.place
            what = f"service {plain(service)!r} lists the network {plain(key)!r}, which the file does not declare"
            raise Unreadable(what, place, hint="Declare it under the top-level networks:, or correct the name.")
        network = networks[key]
        found[network.id] = _endpoint(network, service, name, body, options)
    return tuple(found.values())


def _by_mode(mode: str, service: str, name: str, networks: Mapping[str, Network]) -> tuple[Endpoint, ...]:
    if mode.startswith("container:"):
        return ()
    fixed = {"bridge": BRIDGE, "default": BRIDGE, "host": HOST, "none": NONE}.get(mode)
    if fixed is not None:
        return (Endpoint(fixed.id, fixed.name),)
    # Any other word is the name of a network that exists on the engine.
    known = next((network for network in networks.values() if network.name == mode), None)
    names = tuple(dict.fromkeys((name.lower(), service.lower())))
    return (Endpoint(known.id if known else mode, mode, aliases=(service,), names=names),)


def _endpoint(network: Network, service: str, name: str, body: Node, options: Node | None) -> Endpoint:
    own = options.get("aliases") if options is not None else None
    aliases = tuple(dict.fromkeys([service, *(item.text or "" for item in (own.items if own else []))]))
    hostname = body.string("hostname")
    names = [name, *aliases, *([hostname] if hostname else [])]
    ipv4 = options.string("ipv4_address") if options is not None else None
    ipv6 = options.string("ipv6_address") if options is not None else None
    named = not network.default_bridge and network.driver not in ("host", "null")
    return Endpoint(
        network=network.id,
        network_name=network.name,
        ipv4=ipv4,
        ipv6=ipv6,
        aliases=aliases,
        names=tuple(dict.fromkeys(each.lower() for each in names)) if named else (),
        user_ipv4=ipv4,
        user_ipv6=ipv6,
        mac=options.string("mac_address") if options is not None else None,
    )


def _labels(project: Project, service: str, body: Node) -> dict[str, str]:
    """The declared ones, and those that Compose adds and others read."""
    section = body.get("labels")
    found = {key: written(node) or "" for key, node in (section.fields if section is not None else {}).items()}
    depends = body.get("depends_on")
    waits = [
        f"{other}:{(options.string('condition') or STARTED)}:{str(options.truth('restart')).lower()}"
        for other, options in (depends.fields if depends is not None else {}).items()
    ]
    return {
        **found,
        f"{LABEL}.project": project.name,
        f"{LABEL}.service": service,
        f"{LABEL}.depends_on": ",".join(waits),
        f"{LABEL}.project.config_files": ",".join(project.files),
        f"{LABEL}.project.working_dir": str(project.directory),
    }


def _published(project: Project, body: Node) -> tuple[PortBinding, ...]:
    found: dict[PortBinding, None] = {}
    for item in _items(body, "ports"):
        if any(part.place in project.blanks for part in (item, *item.fields.values())):
            # A port that the deploying machine fills in: nothing is known of it here.
            continue
        found.update(dict.fromkeys(bindings(item)))
    return tuple(found)


def _exposed(project: Project, body: Node) -> tuple[tuple[int, str], ...]:
    known = (item for item in _items(body, "expose") if item.place not in project.blanks)
    return tuple(dict.fromkeys(port for item in known for port in exposed(item)))


def _host_line(text: str) -> str:
    """``host:address``, the way the engine keeps it."""
    host, equals, address = text.partition("=")
    return f"{host}:{address.strip('[]')}" if equals and ":" not in host else text


def _dependencies(project: Project, service: str, body: Node) -> Iterable[Dependency]:
    """What ``depends_on`` says, and what other settings imply, as Compose reads them."""
    section = body.get("depends_on")
    services = project.root.fields["services"].fields
    for other in _implied(body):
        if other in services and (section is None or other not in section.fields):
            yield Dependency(other, ident(project, other))
    for other, options in (section.fields if section is not None else {}).items():
        required = (options.string("required") or "true").lower() != "false"
        if other not in services and required:
            raise Unreadable(
                f"service {plain(service)!r} depends on {plain(other)!r}, which does not exist", options.place
            )
        known = other in services and services[other].get("provider") is None
        yield Dependency(
            other, ident(project, other) if known else None, options.string("condition") or STARTED, required
        )


def _implied(body: Node) -> Iterable[str]:
    """Services whose namespaces or volumes this one uses, or that it links to."""
    for key in ("network_mode", "ipc", "pid", "uts"):
        kind, _, other = (body.string(key) or "").partition(":")
        if kind == "service":
            yield other
    for item in _items(body, "links"):
        yield (item.text or "").partition(":")[0]
    for item in _items(body, "volumes_from"):
        kind = (item.text or "").partition(":")[0]
        if kind != "container":
            yield kind


def _links(project: Project, service: str, body: Node) -> Iterable[Link]:
    services = project.root.fields["services"].fields
    for item in _items(body, "links"):
        other, _, alias = (item.text or "").partition(":")
        if other not in services:
            raise Unreadable(f"service {plain(service)!r} links to {plain(other)!r}, which does not exist", item.place)
        yield Link((alias or other).lower(), ident(project, other))
    for item in _items(body, "external_links"):
        # Somebody of another project, whom these files do not know: the name is one all the same.
        other, _, alias = (item.text or "").partition(":")
        yield Link((alias or other).lower(), other)


def _replicas(body: Node) -> int | None:
    scale = whole_number(body.get("scale"))
    return scale if scale is not None else whole_number(body.get("deploy", "replicas"))


def _other_blanks(project: Project, body: Node) -> Iterable[Blank]:
    """Settings of one value that a variable without a value left empty."""
    for key in ("image", "container_name", "hostname", "network_mode"):
        node = body.get(key)
        if node is not None and node.text is not None and node.place in project.blanks:
            yield Blank((key,), project.blanks[node.place])
