"""A container was made anew and lost what a fix gave it: the journal still knows, and it is done again.

Only what a new container (or a network made anew) lacks is done again; what somebody took back by hand on the very
container that was fixed is left alone. The new container takes the old one's place in the same transaction, so that
one ``undo`` takes the fix back however often it was applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netdoctor.errors import FixFailed, NetdoctorError
from netdoctor.fixes import snapshot
from netdoctor.fixes.codec import edge_from_json
from netdoctor.fixes.confirm import moved_edge
from netdoctor.fixes.journal import End, Journal, StepState, Transaction
from netdoctor.fixes.possible import first_problem, simulated, stands
from netdoctor.fixes.run import Desk
from netdoctor.fixes.snapshot import Snapshot
from netdoctor.model import Connect, Container, CreateNetwork, Disconnect, Edge, Network, Operation, Topology
from netdoctor.model.joining import joinable, names_taken


@dataclass(frozen=True, slots=True)
class Lacking:
    """One container without what a fix in effect gave it. ``was``: as the fix left the one that stood there."""

    transaction: Transaction
    was: Snapshot
    container: Container
    operations: tuple[Operation, ...]
    """What is to be done, for the container and the networks of now, in order."""
    dropped: tuple[str, ...] = ()
    """Names that somebody else carries meanwhile; they are never taken."""
    refused: str = ""
    """Why it cannot be done as things are now; empty when it can."""

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(operation.command() for operation in self.operations)


@dataclass(frozen=True, slots=True)
class Reapplied:
    """``edges``: what the fix was for, between the containers of now, to be asked from inside."""

    lacking: Lacking
    edges: tuple[Edge, ...]
    topology: Topology


def find_lacking(journal: Journal, topology: Topology, containers: Iterable[str] | None = None) -> tuple[Lacking, ...]:
    """What fixes in effect lack now, the oldest fix first; () in the ordinary case. Changes nothing, needs no lock.

    ``containers``: only these (full ids), for a watcher that knows who is new. Raises JournalError.
    """
    wanted = set(containers) if containers is not None else None
    found = []
    for transaction in reversed(journal.in_effect()):
        if transaction.end is not End.KEPT:
            continue
        for was in transaction.after:
            now = snapshot.successor(topology, was)
            if now is None or (wanted is not None and now.id not in wanted):
                continue
            lacking = _lacking(transaction, was, now, topology)
            if lacking is not None:
                found.append(lacking)
    return tuple(found)


def reapply(lacking: Lacking, desk: Desk) -> Reapplied:
    """Do it again, journalled in the transaction of the fix. The caller holds the journal's lock.

    Whether it works is not judged here: a program that has just been started may not listen yet. Ask ``edges``.
    Raises FixFailed, the engine's error or JournalError when it could not be done; what was done of it is then
    taken back, and the fix stays on the list, to be tried again.
    """
    # Somebody else may have written meanwhile: the journal and the engine are read again under the lock.
    now = desk.look()
    known = next((t for t in desk.journal.transactions() if t.id == lacking.transaction.id), None)
    if known is None or known.end is not End.KEPT:
        raise FixFailed(f"The fix was taken back meanwhile: {lacking.transaction.title}.")
    container = snapshot.successor(now, lacking.was)
    fresh = _lacking(known, lacking.was, container, now) if container is not None else None
    if fresh is None:
        return Reapplied(lacking, edges_now(known, now), now)
    if fresh.refused:
        raise FixFailed(fresh.refused, hint="Look at it with: netdoctor check")
    before = len(known.steps)
    try:
        now = _done(fresh, desk, before)
    except BaseException as error:
        problems = _taken_back(desk, known.id, before)
        if isinstance(error, NetdoctorError) and problems:
            raise FixFailed(
                f"{error.message} Taking it back did not work entirely: {'; '.join(problems)}.", status=error.status
            ) from error
        raise
    # Last: a run that is killed before this finds both, and does nothing twice.
    renewed = {each.network_name for each in fresh.operations if isinstance(each, Connect | Disconnect)}
    for number, operation in _mine(known, fresh.was, fresh.container):
        if operation.network_name in renewed:
            desk.journal.mark(known.id, number, StepState.REVERTED)
    after = tuple(
        each if each.container != fresh.was.container else snapshot.take(now, [fresh.container.id])[0]
        for each in known.after
    )
    desk.journal.end(known.id, End.KEPT, after)
    return Reapplied(fresh, edges_now(known, now), now)


def edges_now(transaction: Transaction, topology: Topology) -> tuple[Edge, ...]:
    """The edges that the fix explained, between the containers that stand there now; those without an end are left
    out.
    """
    places = snapshot.places(topology, (*transaction.before, *transaction.after))
    found = []
    for asked in (transaction.baseline or {}).get("asked", ()):
        try:
            edge = edge_from_json(asked["edge"]) if asked["codes"] else None
        except (KeyError, TypeError, ValueError):
            continue
        if edge is not None:
            moved = moved_edge(edge, places)
            if all(ref.kind != "container" or topology.container(ref) for ref in (moved.source, moved.target)):
                found.append(moved)
    return tuple(found)


def _lacking(transaction: Transaction, was: Snapshot, now: Container, topology: Topology) -> Lacking | None:
    mine = _mine(transaction, was, now)
    if not mine or not (now.id != was.container or _networks_anew(mine, topology)):
        return None
    simulation = topology
    operations: list[Operation] = []
    dropped: list[str] = []
    for operation in _wanted(mine):
        for each in _translated(operation, now, transaction, simulation, dropped):
            if not stands(each, simulation):
                operations.append(each)
                simulation = simulated(each, simulation)
    if not operations:
        return None
    leaves = any(isinstance(each, Disconnect) for each in operations)
    problem = None if leaves else joinable(now)
    if problem is None:
        first = first_problem(operations, topology)
        problem = first.message if first is not None else None
    return Lacking(transaction, was, now, tuple(operations), tuple(dict.fromkeys(dropped)), problem or "")


def _mine(transaction: Transaction, was: Snapshot, now: Container) -> list[tuple[int, Connect | Disconnect]]:
    """Steps about this container, under whatever id it had when they were done."""
    found = []
    for number, step in transaction.standing:
        operation = step.operation
        if isinstance(operation, Connect | Disconnect) and (
            operation.container in (was.container, now.id) or operation.container_name == was.name
        ):
            found.append((number, operation))
    return found


def _networks_anew(mine: list[tuple[int, Connect | Disconnect]], topology: Topology) -> bool:
    """Whether a network that it joined was removed, and perhaps made again under its name."""
    joined = [operation for _, operation in mine if isinstance(operation, Connect)]
    return any(topology.network(operation.network) is None for operation in joined)


def _wanted(mine: list[tuple[int, Connect | Disconnect]]) -> list[Connect | Disconnect]:
    """What the fix came to: the last word on each network, left ones first. To leave and to join again is to join."""
    last: dict[str, Connect | Disconnect] = {}
    for _, operation in mine:
        last[operation.network_name] = operation
    return sorted(last.values(), key=lambda operation: isinstance(operation, Connect))


def _translated(
    operation: Connect | Disconnect, now: Container, transaction: Transaction, topology: Topology, dropped: list[str]
) -> list[Operation]:
    network = _network_now(operation, topology)
    if isinstance(operation, Disconnect):
        gone = network is None
        place = operation.network if network is None else network.id
        return [] if gone else [Disconnect(now.id, now.name, place, operation.network_name)]
    if network is None:
        made = _made(operation, transaction)
        # Without it the join is refused, with the network's name in the reason.
        ours = replace(operation, container=now.id, container_name=now.name, network=operation.network_name)
        return [made, ours] if made is not None else [replace(ours, network=operation.network)]
    taken = names_taken(topology, network, now)
    dropped += [alias for alias in operation.aliases if alias.lower() in taken]
    aliases = tuple(alias for alias in operation.aliases if alias.lower() not in taken)
    join = Connect(now.id, now.name, network.id, network.name, aliases, operation.ipv4, operation.ipv6)
    there = topology.container(now.id)
    endpoint = there.endpoint_on(network.id) if there is not None else None
    if endpoint is None or stands(join, topology):
        return [join]
    # It is on it, without the names: an alias can be given only while joining.
    both = tuple(dict.fromkeys((*aliases, *endpoint.aliases)))
    again = replace(join, aliases=both, ipv4=join.ipv4 or endpoint.user_ipv4, ipv6=join.ipv6 or endpoint.user_ipv6)
    return [Disconnect(now.id, now.name, network.id, network.name), again]


def _network_now(operation: Connect | Disconnect, topology: Topology) -> Network | None:
    """By its id, else the only one of its name: one made anew."""
    found = topology.network(operation.network)
    named = [network for network in topology.networks if network.name == operation.network_name]
    return found or (named[0] if len(named) == 1 else None)


def _made(operation: Connect, transaction: Transaction) -> CreateNetwork | None:
    """How the fix made that network, where it did."""
    steps = (step.operation for _, step in transaction.standing)
    found = (s for s in steps if isinstance(s, CreateNetwork) and s.name == operation.network_name)
    return next(found, None)


def _done(lacking: Lacking, desk: Desk, number: int) -> Topology:
    hands = desk.hands()
    for each in lacking.operations:
        desk.tell(each.command())
    hands.apply(lacking.transaction.id, lacking.operations, first=number)
    return desk.look()


def _taken_back(desk: Desk, transaction: str, first: int) -> tuple[str, ...]:
    """What this attempt did. What stood before it stays."""
    found = next((t for t in desk.journal.transactions() if t.id == transaction), None)
    ours = [(n, step) for n, step in found.standing if n >= first] if found is not None else []
    return desk.hands().take_back(transaction, ours)


__all__ = ["Lacking", "Reapplied", "edges_now", "find_lacking", "reapply"]
