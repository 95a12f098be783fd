"""Bare ``netdoctor``: what is there, from inspect alone, and the next command to type.

Exit 0, or 3 where a container could not be looked at.
"""

from __future__ import annotations

import textwrap

from netdoctor.cli.common import emit, format_of, look_of, session
from netdoctor.cli.settings import Settings
from netdoctor.diagnosis.unseen import with_unseen
from netdoctor.edges.arguments import all_edges
from netdoctor.edges.environment import HOST_ALIASES
from netdoctor.exits import Exit
from netdoctor.model import Container, Edge, EdgeReport, Report, Topology, Verdict
from netdoctor.redact import redact_text
from netdoctor.terminal import plain

SHOWN = 40
"""Lines of containers before the list is cut."""
WIDTH = 80
APART = "the ends share no network"
NOBODY = "no container has that name"
NOBODYS = "Names in an environment that no container has:"


def overview(settings: Settings) -> int:
    """Print the overview. Raises what opening the engine raises."""
    with session(settings) as opened:
        topology = opened.topology
    if settings.format == "human":
        emit(settings, "".join(f"{redact_text(line)}\n" for line in overview_lines(topology)))
    else:
        emit(settings, format_of(settings).render(_unasked(topology), look_of(settings)))
    return Exit.UNKNOWN if topology.unseen and not settings.exit_zero else Exit.OK


def _unasked(topology: Topology) -> Report:
    """The declared connections whose ends share no network, as a report in which nothing was asked."""
    edges = tuple(
        EdgeReport(edge, _names(topology, edge), Verdict.UNKNOWN, (), reason=f"not asked: {reason}")
        for edge in all_edges(topology)
        if (reason := _doubtful(topology, edge))
    )
    return with_unseen(Report(Verdict.UNKNOWN, edges, (), topology=topology))


def overview_lines(topology: Topology) -> list[str]:
    """Containers with their networks, declared connections whose ends share none, and the next command."""
    lines = [f"Docker Engine {plain(topology.engine_version or '?')} at {plain(topology.endpoint or '?')}", ""]
    if not topology.containers and not topology.unseen:
        return [*lines, "No containers here.", "Next: netdoctor --help"]
    for container in topology.containers[:SHOWN]:
        state = container.state.status if container.state else "?"
        networks = ", ".join(e.network_name for e in topology.endpoints_of(container)) or "no network"
        lines += textwrap.wrap(
            f"{plain(container.name):<30} {state:<10} {plain(networks)}",
            WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * 44,
            break_on_hyphens=False,
        )
    if len(topology.containers) > SHOWN:
        lines.append(f"  ... and {len(topology.containers) - SHOWN} more")
    lines += [f"  {plain(each.label):<30} could not be looked at" for each in topology.unseen]
    doubtful = {edge: reason for edge in all_edges(topology) if (reason := _doubtful(topology, edge))}
    for reason, heading in ((APART, "Declared connections whose ends share no network:"), (NOBODY, NOBODYS)):
        found = [edge for edge, said in doubtful.items() if said == reason]
        lines += ["", heading] if found else []
        for edge in found:
            said = f"{_names(topology, edge)}  ({plain(edge.origin)})"
            lines += textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    if doubtful:
        first = min(doubtful, key=lambda edge: doubtful[edge] != APART)
        return [*lines, "", f"Next: netdoctor check {_names(topology, first).replace(' -> ', ' ')}"]
    running = [container for container in topology.containers if container.running]
    example = " ".join(container.name for container in running[:2]) if len(running) > 1 else "SOURCE TARGET"
    return [*lines, "", f"Next: netdoctor check {plain(example)}"]


def _doubtful(topology: Topology, edge: Edge) -> str:
    """Why it cannot work, by inspect alone; "" where it may."""
    if edge.target.kind == "external" and edge.target.id not in HOST_ALIASES:
        return NOBODY
    return APART if _apart(topology, edge) else ""


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
