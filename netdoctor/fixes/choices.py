"""What the user decides about a fix: which network, who moves, a network of their own, disruptive ones or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from netdoctor.errors import FixFailed, NotFound, UsageError
from netdoctor.model import Container, CreateNetwork, Edge, Network, Operation, Remedy, Topology
from netdoctor.model.joining import join_operation, joinable, joins_new_network, open_for_joining, preferred_join
from netdoctor.terminal import plain


class Side(Enum):
    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Choices:
    network: str | None = None
    move: Side | None = None
    isolate: bool = False
    disruptive: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for choices that exclude each other."""
        if self.isolate and (self.network or self.move):
            other = "--network" if self.network else "--move"
            raise UsageError(f"--isolate and {other} exclude each other.", hint="Give one of them.")

    @property
    def shaped(self) -> bool:
        """Whether the user decides who joins what."""
        return bool(self.network or self.move or self.isolate)


def shape(topology: Topology, edge: Edge, choices: Choices) -> Remedy:
    """The join that the user asked for, for the two ends of an edge. Raises UsageError, NotFound, FixFailed."""
    source, target = _ends(topology, edge)
    if choices.isolate:
        made = own_network(topology, source, target, edge.name)
        if not made:
            raise FixFailed(
                f"{source.name} and {target.name} cannot get a network of their own: {_why(source, target)}"
            )
        return Remedy(f"A network of their own for {source.name} and {target.name}", made, safe=True)
    if choices.network:
        return _onto(topology, source, target, edge, find_network(topology, choices.network), choices.move)
    mover = source if choices.move is Side.SOURCE else target
    joins = (j for j in preferred_join(topology, source, target, edge.name) if j.container == mover.id)
    join = next((j for j in joins if mover.endpoint_on(j.network) is None), None)
    if join is None:
        stays = target if mover is source else source
        reason = joinable(mover) or f"{stays.name} is on no other network that a container can join"
        raise FixFailed(f"{mover.name} cannot be moved: {reason}.", hint="Try the other side, or --isolate.")
    return Remedy(f"{join.container_name} joins {join.network_name}", (join,), safe=True)


def own_network(topology: Topology, source: Container, target: Container, name: str | None) -> tuple[Operation, ...]:
    """A new network for the two. Internal: it gives no way out, so that no default route moves to it."""
    made = joins_new_network(topology, source, target, name)
    return tuple(replace(op, internal=True) if isinstance(op, CreateNetwork) else op for op in made)


def find_network(topology: Topology, wanted: str) -> Network:
    """By name, id or id prefix. Raises NotFound, UsageError when several match."""
    found = [n for n in topology.networks if n.name == wanted] or [
        n for n in topology.networks if len(wanted) >= 4 and n.id.startswith(wanted)
    ]
    if len(found) > 1:
        ids = ", ".join(n.id[:12] for n in found)
        raise UsageError(f"{plain(wanted)!r} names {len(found)} networks: {ids}.", hint="Give --network an id.")
    if not found:
        names = tuple(sorted(n.name for n in topology.networks if open_for_joining(n)))
        raise NotFound(
            f"There is no network named {plain(wanted)!r}.",
            hint="Create it with docker network create, or use --isolate.",
            candidates=names,
        )
    network = found[0]
    if not open_for_joining(network):
        reason = (
            "the default bridge has no names"
            if network.default_bridge
            else "containers on it may not talk to each other"
            if not network.icc
            else "containers cannot join it"
        )
        raise UsageError(f"{network.name} does not help: {reason}.", hint="Name another network, or use --isolate.")
    return network


def _onto(
    topology: Topology, source: Container, target: Container, edge: Edge, network: Network, move: Side | None
) -> Remedy:
    movers = [c for c in (source, target) if c.endpoint_on(network.id) is None]
    if not movers:
        raise UsageError(
            f"{source.name} and {target.name} are both on {network.name} already.", hint="Name another network."
        )
    wanted = {Side.SOURCE: source, Side.TARGET: target}
    if move is not None:
        stays = next(container for side, container in wanted.items() if side is not move)
        if stays in movers:
            raise UsageError(
                f"{stays.name} is not on {network.name}, so moving {wanted[move].name} alone does not help.",
                hint="Leave --move out: both join.",
            )
    for mover in movers:
        reason = joinable(mover)
        if reason is not None:
            raise FixFailed(f"{mover.name} cannot join {network.name}: {reason}.")
    joins = tuple(
        join_operation(topology, mover, network, [edge.name] if mover is target and _is_name(edge.name, target) else ())
        for mover in movers
    )
    who = " and ".join(mover.name for mover in movers)
    return Remedy(f"{who} {'join' if len(movers) > 1 else 'joins'} {network.name}", joins, safe=True)


def _is_name(name: str | None, target: Container) -> bool:
    """Whether the caller's name already is one of the target's, on whatever network."""
    return name is not None and any(name.lower() in (*e.names, *e.aliases) for e in target.endpoints)


def _ends(topology: Topology, edge: Edge) -> tuple[Container, Container]:
    """The containers whose networks count: of one that borrows a namespace, the owner."""
    found = []
    for ref in (edge.source, edge.target):
        container = topology.container(ref)
        owner = topology.network_owner(container) if container is not None else None
        if owner is None:
            raise FixFailed("One end is not a container whose networks can be changed.")
        found.append(owner)
    return found[0], found[1]


def _why(source: Container, target: Container) -> str:
    return joinable(source) or joinable(target) or "no name for it is free"


__all__ = ["Choices", "Side", "find_network", "own_network", "shape"]
