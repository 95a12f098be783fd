"""Bare ``netdoctor``: what is there, from inspect alone, and the next command to type. Always exit 0."""

from __future__ import annotations

from netdoctor.cli.common import emit, session
from netdoctor.cli.settings import Settings
from netdoctor.edges.arguments import all_edges
from netdoctor.exits import Exit
from netdoctor.model import Container, Edge, Topology
from netdoctor.terminal import plain

SHOWN = 40
"""Lines of containers before the list is cut."""


def overview(settings: Settings) -> int:
    """Print the overview. Raises what opening the engine raises."""
    with session(settings) as opened:
        emit(settings, "\n".join(overview_lines(opened.topology)) + "\n")
    return Exit.OK


def overview_lines(topology: Topology) -> list[str]:
    """Containers with their networks, declared connections whose ends share none, and the next command."""
    lines = [f"Docker Engine {topology.engine_version} at {topology.endpoint}", ""]
    if not topology.containers:
        return [*lines, "No containers here.", "Next: netdoctor --help"]
    for container in topology.containers[:SHOWN]:
        state = container.state.status if container.state else "?"
        networks = ", ".join(e.network_name for e in topology.endpoints_of(container)) or "no network"
        lines.append(f"  {plain(container.name):<30} {state:<10} {plain(networks)}")
    if len(topology.containers) > SHOWN:
        lines.append(f"  ... and {len(topology.containers) - SHOWN} more")
    apart = [edge for edge in all_edges(topology) if _apart(topology, edge)]
    if apart:
        lines += ["", "Declared connections whose ends share no network:"]
        lines += [f"  {_names(topology, edge)}  ({plain(edge.origin)})" for edge in apart]
        first = _names(topology, apart[0]).replace(" -> ", " ")
        return [*lines, "", f"Next: netdoctor check {first}"]
    running = [container for container in topology.containers if container.running]
    example = " ".join(container.name for container in running[:2]) if len(running) > 1 else "SOURCE TARGET"
    return [*lines, "", f"Next: netdoctor check {plain(example)}"]


def _apart(topology: Topology, edge: Edge) -> bool:
    source, target = topology.container(edge.source), topology.container(edge.target)
    if source is None or target is None or not (_placed(source) and _placed(target)):
        return False
    return not topology.shared_networks(source, target)


def _placed(container: Container) -> bool:
    """On networks of its own; host, none and borrowed namespaces are another story."""
    return bool(container.endpoints) and container.network_mode not in ("host", "none")


def _names(topology: Topology, edge: Edge) -> str:
    source, target = topology.container(edge.source), topology.container(edge.target)
    return f"{plain(source.name if source else edge.source.id)} -> {plain(target.name if target else edge.target.id)}"
