"""What a fix of running containers means for the file they will be made from: text to paste instead of commands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netdoctor.model import Connect, Container, CreateNetwork, Disconnect, Finding, Network, Operation, Remedy, Topology

_KEY = "com.docker.compose.network"
_PROJECT = "com.docker.compose.project"


def in_the_file(finding: Finding, topology: Topology) -> Finding:
    """The same finding, its remedies (and those of what it suppresses) as changes to compose files."""
    remedies = tuple(dict.fromkeys(_remedy(each, topology) for each in finding.remedies))
    return replace(
        finding,
        remedies=remedies,
        suppressed=tuple(in_the_file(each, topology) for each in finding.suppressed),
    )


def _remedy(remedy: Remedy, topology: Topology) -> Remedy:
    if not remedy.operations:
        return remedy
    made = {each.name: each for each in remedy.operations if isinstance(each, CreateNetwork)}
    blocks = [text for each in remedy.operations if (text := _block(each, made, topology))]
    title = f"{remedy.title} in the file" if blocks else remedy.title
    return Remedy(title, advice="\n".join(blocks) or remedy.advice)


def _block(operation: Operation, made: dict[str, CreateNetwork], topology: Topology) -> str:
    if isinstance(operation, Disconnect | CreateNetwork) or not isinstance(operation, Connect):
        # Leaving and making have no line of their own: the join that comes with them says it all.
        return ""
    container = topology.container(operation.container)
    if container is None:
        return ""
    network = topology.network(operation.network) or Network(operation.network_name, operation.network_name)
    place = topology.place(container.ref)
    key, declaration = _declared(network, container, made, topology)
    own = _own_keys(container, topology)
    extra = [alias for alias in operation.aliases if alias not in (container.service, container.name)]
    lines = [f"In {place.file if place is not None else 'the compose file'}:", "  services:"]
    lines += [f"    {container.service}:", "      networks:"]
    lines += [f"        {each}: {{}}" for each in own if each != key]
    lines += [f"        {key}: {{aliases: [{', '.join(extra)}]}}" if extra else f"        {key}: {{}}"]
    return "\n".join([*lines, *declaration])


def _declared(
    network: Network, container: Container, made: dict[str, CreateNetwork], topology: Topology
) -> tuple[str, Iterable[str]]:
    """The network's key in the container's project, and what the top level still has to say for it."""
    key = network.labels.get(_KEY)
    if key is not None and network.labels.get(_PROJECT) == container.project:
        return key, ()
    for each in topology.containers:
        # Somebody of the project is on it, so its file declares it already.
        if each.project == container.project and each.endpoint_on(network.id) is not None:
            return _key_of(each, network.name, topology), ()
    if network.name in made:
        return network.name, ("  networks:", f"    {network.name}: {{name: {network.name}}}")
    return network.name, ("  networks:", f"    {network.name}: {{external: true}}")


def _own_keys(container: Container, topology: Topology) -> list[str]:
    """What the service lists already; ``default``, which a list of its own would drop, when it lists none."""
    return [_key_of(container, endpoint.network_name, topology) for endpoint in container.endpoints]


def _key_of(container: Container, name: str, topology: Topology) -> str:
    """How the container's own file calls the network of that real name."""
    network = topology.network(name)
    if network is not None and _KEY in network.labels and network.labels.get(_PROJECT) == container.project:
        return network.labels[_KEY]
    place = topology.places.get(container.ref.at("networks", name))
    for ref, other in topology.places.items():
        if other == place and ref.whole == container.ref and ref.path[:1] == ("networks",) and ref.path[-1] != name:
            return ref.path[-1]
    return name
