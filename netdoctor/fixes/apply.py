"""Operations done on the engine: journalled first, looked at afterwards, taken back when one of them fails.

The engine's status codes are not believed: connecting twice is an error on every version, and a broken connection
says nothing about what was done. What stands is read again instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from netdoctor.errors import FixFailed, Gone, NetdoctorError
from netdoctor.fixes.journal import Journal, JournalStep, StepState
from netdoctor.fixes.possible import OWNER_LABEL, impossible, owned_network, same_owner, stands
from netdoctor.fixes.store import JournalError
from netdoctor.model import (
    AddServiceNetwork,
    Connect,
    CreateNetwork,
    Disconnect,
    Operation,
    RemoveNetwork,
    RemoveServiceNetwork,
    Topology,
)

log = logging.getLogger(__name__)


class NetworkEngine(Protocol):
    """The part of ``netdoctor.engine.client.Engine`` that changes networks."""

    def connect(
        self,
        network: str,
        container: str,
        *,
        aliases: Sequence[str] = (),
        ipv4: str | None = None,
        ipv6: str | None = None,
    ) -> None: ...

    def disconnect(self, network: str, container: str) -> None: ...

    def create_network(
        self, name: str, *, labels: Mapping[str, str] | None = None, internal: bool = False, driver: str = "bridge"
    ) -> str: ...

    def set_service_network(self, service: str, network: str, *, joined: bool) -> None: ...

    def remove_network(self, network: str) -> None: ...


@dataclass(slots=True)
class Hands:
    """What applying needs: the engine, a fresh look at it, the journal (locked by the caller)."""

    engine: NetworkEngine
    look: Callable[[], Topology]
    journal: Journal
    made: dict[str, str] = field(default_factory=dict)
    """Networks that this run created: name to id."""

    def apply(self, transaction: str, operations: Sequence[Operation], *, first: int = 0) -> None:
        """Do them in order. Raises FixFailed or the engine's own error; what was done so far then still stands."""
        now = self.look()
        for number, operation in enumerate(operations, first):
            now = self._one(transaction, number, self.resolved(operation), now)

    def take_back(self, transaction: str, steps: Sequence[tuple[int, JournalStep]]) -> tuple[str, ...]:
        """Invert steps that may stand, the last one first. Returns what could not be taken back, as sentences.

        A journal that cannot be written does not stop it: the intents are on the disk already.
        """
        problems = []
        for number, step in reversed(steps):
            try:
                self._invert(step)
                self._noted(transaction, number, StepState.REVERTED)
            except NetdoctorError as error:
                problems.append(f"{step.inverse.command()}: {error.message}")
        return tuple(problems)

    def _one(self, transaction: str, number: int, operation: Operation, now: Topology) -> Topology:
        problem = impossible(operation, now)
        if problem is not None:
            raise problem
        labelled = _labelled(operation, transaction)
        self.journal.intend(transaction, number, labelled, labelled.inverse(now))
        if stands(labelled, now):
            # Somebody did it in the meantime: theirs, so it is not ours to take back.
            self.journal.mark(transaction, number, StepState.NOT_DONE)
            return now
        failure: NetdoctorError | None = None
        made: str | None = None
        try:
            made = self._do(labelled)
        except NetdoctorError as error:
            failure = error
        after = self.look()
        if not stands(labelled, after):
            self.journal.mark(transaction, number, StepState.NOT_DONE)
            raise _as_fix_failure(labelled, failure)
        self.journal.mark(transaction, number, StepState.DONE, made=made or _id_of(labelled, after))
        return after

    def _do(self, operation: Operation) -> str | None:
        match operation:
            case Connect():
                self.engine.connect(
                    operation.network,
                    operation.container,
                    aliases=operation.aliases,
                    ipv4=operation.ipv4,
                    ipv6=operation.ipv6,
                )
            case Disconnect():
                self.engine.disconnect(operation.network, operation.container)
            case CreateNetwork():
                made = self.engine.create_network(
                    operation.name,
                    labels=dict(operation.labels),
                    internal=operation.internal,
                    driver=operation.driver,
                )
                self.made[operation.name] = made
                return made
            case RemoveNetwork():
                self.engine.remove_network(self.made.get(operation.name, operation.name))
            case AddServiceNetwork():
                self.engine.set_service_network(operation.service, operation.network, joined=True)
            case RemoveServiceNetwork():
                self.engine.set_service_network(operation.service, operation.network, joined=False)
            case _:
                raise FixFailed(f"netdoctor cannot do this by itself: {operation.command()}")
        return None

    def _invert(self, step: JournalStep) -> None:
        now = self.look()
        inverse = self.resolved(step.inverse)
        if isinstance(inverse, RemoveNetwork):
            ours = owned_network(now, step)
            if ours is not None:
                self.made[inverse.name] = ours.id
                self._do(inverse)
            return
        if not stands(inverse, now) and impossible(inverse, now) is None:
            try:
                self._do(inverse)
            except NetdoctorError:
                if not stands(inverse, self.look()):
                    raise

    def resolved(self, operation: Operation) -> Operation:
        """A network that was created meanwhile is addressed by its id."""
        known = (Connect, Disconnect, AddServiceNetwork, RemoveServiceNetwork)
        if isinstance(operation, known) and operation.network in self.made:
            return replace(operation, network=self.made[operation.network])
        return operation

    def _noted(self, transaction: str, number: int, state: StepState) -> None:
        try:
            self.journal.mark(transaction, number, state)
        except JournalError as error:
            log.warning("%s", error.message)


def _labelled(operation: Operation, transaction: str) -> Operation:
    if isinstance(operation, CreateNetwork) and OWNER_LABEL not in dict(operation.labels):
        return replace(operation, labels=(*operation.labels, (OWNER_LABEL, transaction)))
    return operation


def _id_of(operation: Operation, topology: Topology) -> str | None:
    if not isinstance(operation, CreateNetwork):
        return None
    return next((n.id for n in topology.networks if n.name == operation.name and same_owner(n, operation)), None)


def _as_fix_failure(operation: Operation, failure: NetdoctorError | None) -> NetdoctorError:
    if failure is None:
        return FixFailed(f"The engine said yes, but it was not done: {operation.command()}")
    if isinstance(failure, Gone):
        return FixFailed(failure.message, hint="Look again with: netdoctor check, then run the fix again.")
    return failure


__all__ = ["Hands", "NetworkEngine"]
