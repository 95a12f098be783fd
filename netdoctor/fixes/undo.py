"""Take back the last fix: the networks, the aliases, the fixed addresses, and the text in the compose file.

Refused when the state has moved since, with what moved. What only a restart restores is compared and reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from netdoctor.errors import FixFailed
from netdoctor.fixes import snapshot
from netdoctor.fixes.journal import End, FileChange, Journal, JournalStep, PanelChange, Transaction
from netdoctor.fixes.possible import owned_network, simulated, stands
from netdoctor.fixes.restore import TakeBack, restore_files, restore_panels
from netdoctor.fixes.run import Desk
from netdoctor.fixes.snapshot import Snapshot
from netdoctor.model import AddServiceNetwork, Connect, Container, CreateNetwork, Disconnect, Operation, Topology


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What taking back one transaction means on the engine as it is now."""

    transaction: Transaction
    steps: tuple[tuple[int, JournalStep], ...]
    """With the container that stands in the place of the one that was fixed."""
    files: tuple[tuple[int, FileChange], ...]
    moved: tuple[str, ...] = ()
    """Why it is refused; empty when it is not."""
    gone: tuple[str, ...] = ()
    """Containers for which nothing is left to take back."""

    @property
    def panels(self) -> tuple[tuple[int, PanelChange], ...]:
        """What a platform was told, with its numbers."""
        return self.transaction.panels_standing

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(step.inverse.command() for _, step in reversed(self.steps))


@dataclass(frozen=True, slots=True)
class Undone:
    """``lasting``: what only a restart restores. ``by_hand``: diffs to apply. ``problems``: what did not work."""

    transaction: Transaction
    restored_files: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.problems and not self.by_hand


def plan_undo(journal: Journal, topology: Topology) -> UndoPlan | None:
    """For the newest change in effect; None when there is none.

    One whose containers are all gone, or were made anew without it, left nothing behind and is passed over.
    """
    for transaction in journal.in_effect():
        plan = _planned(transaction, topology)
        if plan.steps or plan.files or plan.panels or plan.moved or len(plan.gone) < len(transaction.before):
            return plan
    return None


def _planned(transaction: Transaction, topology: Topology) -> UndoPlan:
    moved: list[str] = []
    gone: list[str] = []
    places: dict[str, str] = {}
    kept = transaction.end is End.KEPT
    for was in transaction.after if kept else transaction.before:
        now = snapshot.successor(topology, was)
        if now is None:
            gone.append(f"{was.name} is gone")
        elif now.id != was.container and not _on_any(now, transaction):
            gone.append(f"{was.name} was made anew without it")
        else:
            places[was.container] = now.id
            # An interrupted one has no recorded end: each of its steps is looked at by itself.
            moved += snapshot.moved(was, now) if kept else ()
    places |= _earlier_places(transaction, places, topology)
    placed = [(number, _in_place(step, places, topology)) for number, step in transaction.standing]
    steps = _in_effect(placed, topology)
    return UndoPlan(transaction, steps, transaction.files_standing, tuple(dict.fromkeys(moved)), tuple(gone))


def _earlier_places(transaction: Transaction, places: dict[str, str], topology: Topology) -> dict[str, str]:
    """A step may be older than the container that the fix was last applied to again: its name leads there."""
    named = {was.name: places[was.container] for was in transaction.after if was.container in places}
    moved = (step.operation for _, step in transaction.standing if isinstance(step.operation, Connect | Disconnect))
    return {
        op.container: named[op.container_name]
        for op in moved
        if op.container_name in named and topology.container(op.container) is None
    }


def _on_any(container: Container, transaction: Transaction) -> bool:
    """Whether it is on a network that this fix joined."""
    joins = (step.operation for step in transaction.steps)
    joined = {each.network_name for each in joins if isinstance(each, Connect | AddServiceNetwork)}
    return any(endpoint.network_name in joined for endpoint in container.endpoints)


def undo(plan: UndoPlan, desk: Desk, take_back: TakeBack | None = None) -> Undone:
    """Do it. Raises FixFailed when the state has moved; nothing is changed then.

    ``take_back`` tells a platform over its API what it had before.
    """
    if plan.moved:
        raise FixFailed(
            f"The state has moved since that fix: {'; '.join(plan.moved)}. Nothing was changed.",
            hint=_by_hand(plan),
        )
    transaction = plan.transaction
    # The platform first: it is the one that can say no, and then nothing else is changed.
    panels = restore_panels(plan.panels, desk.journal, transaction.id, take_back)
    if panels.problems:
        return Undone(transaction, tuple(panels.restored), tuple(panels.notes), (), tuple(panels.problems))
    # A run that is killed from here on is neither kept nor undone: what stands of it is looked at step by step then.
    desk.journal.end(transaction.id, End.OPEN)
    hands = desk.hands()
    for _, step in plan.steps:
        desk.tell(step.inverse.command())
    problems = list(hands.take_back(transaction.id, plan.steps))
    files = restore_files(plan.files, desk.journal, transaction.id)
    problems += files.problems
    now = desk.look()
    problems += _not_as_before(transaction.before, now)
    if not problems:
        # A diff left to the user is not ours to do any more.
        desk.journal.end(transaction.id, End.UNDONE)
    lasting = [*panels.notes, *_lasting(transaction, desk)]
    restored = (*files.restored, *panels.restored)
    return Undone(transaction, restored, tuple(lasting), tuple(files.by_hand), tuple(problems))


def forget(plan: UndoPlan, journal: Journal) -> None:
    """Take it off the list without changing anything."""
    journal.end(plan.transaction.id, End.UNDONE)


def _in_effect(placed: Sequence[tuple[int, JournalStep]], now: Topology) -> tuple[tuple[int, JournalStep], ...]:
    """The steps that there is something to take back of, looked at from the last to the first.

    A disconnect that a later connect followed is in effect only once that connect is taken back.
    """
    found = []
    for number, step in reversed(placed):
        made = owned_network(now, step)
        if made is not None if isinstance(step.operation, CreateNetwork) else stands(step.operation, now):
            found.append((number, step))
            now = simulated(step.inverse, now)
    return tuple(reversed(found))


def _in_place(step: JournalStep, places: dict[str, str], now: Topology) -> JournalStep:
    """The step about the container that stands there now; Compose may have made it anew, with other aliases."""
    return replace(step, operation=_moved_to(step.operation, places, now), inverse=_moved_to(step.inverse, places, now))


def _moved_to(operation: Operation, places: dict[str, str], now: Topology) -> Operation:
    if not isinstance(operation, Connect | Disconnect):
        return operation
    place = places.get(operation.container, operation.container)
    if place == operation.container:
        return operation
    # The networks of a container made anew may be new as well: the name decides.
    container = now.container(place)
    named = [e.network for e in container.endpoints if e.network_name == operation.network_name] if container else []
    return replace(operation, container=place, network=named[0] if named else operation.network)


def _not_as_before(before: Sequence[Snapshot], now: Topology) -> list[str]:
    said: list[str] = []
    for was in before:
        container = snapshot.successor(now, was)
        if container is not None:
            said += snapshot.moved(was, container)
    return said


def _lasting(transaction: Transaction, desk: Desk) -> list[str]:
    """Files inside the container that differ from before; only a restart writes them anew."""
    said = []
    names = {was.container: was.name for was in transaction.before}
    was_inside = transaction.inside or {}
    now_inside: dict[str, Any] = desk.inside(list(was_inside))
    for container, files in was_inside.items():
        changed = [
            path for path, text in files.items() if container in now_inside and now_inside[container].get(path) != text
        ]
        if changed:
            name = names.get(container, container[:12])
            verb = "differ" if len(changed) > 1 else "differs"
            said.append(
                f"{' and '.join(changed)} in {name} {verb} from before; only a restart restores that: "
                f"docker restart {name}"
            )
    return said


def _by_hand(plan: UndoPlan) -> str:
    forget_it = "take it off the list with: netdoctor undo --forget"
    files = [
        f"{'remove' if change.created else 'take the added lines out of'} {change.path}" for _, change in plan.files
    ]
    by_hand = [*plan.commands, *files]
    if not by_hand:
        return f"Nothing of it is left; {forget_it}"
    return f"Take it back by hand ({'; '.join(by_hand)}), then {forget_it}"


__all__ = ["UndoPlan", "Undone", "forget", "plan_undo", "undo"]
