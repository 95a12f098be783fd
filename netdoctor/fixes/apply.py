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
from netdoctor.fixes.store import JournalError
from netdoctor.model import Connect, CreateNetwork, Disconnect, Network, Operation, RemoveNetwork, Topology
from netdoctor.model.joining import names_taken

log = logging.getLogger(__name__)

OWNER_LABEL = "netdoctor.fix"
"""On networks that a fix creates; its value is the transaction."""


class NetworkEngine(Protocol):
    """The part of ``netdoctor.engine.client.Engine`` that changes networks."""

    def connect(
        self, network: str, container: str, *, aliases: Sequence[str] = (), ipv4: str | None = None
    ) -> None: ...

    def disconnect(self, network: str, container: str) -> None: ...

    def create_network(self, name: str, *, labels: Mapping[str, str] | None = None, internal: bool = False) -> str: ...

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
                    operation.network, operation.container, aliases=operation.aliases, ipv4=operation.ipv4
                )
            case Disconnect():
                self.engine.disconnect(operation.network, operation.container)
            case CreateNetwork():
                made = self.engine.create_network(
                    operation.name, labels=dict(operation.labels), internal=operation.internal
                )
                self.made[operation.name] = made
                return made
            case RemoveNetwork():
                self.engine.remove_network(self.made.get(operation.name, operation.name))
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
        if isinstance(operation, Connect | Disconnect) and operation.network in self.made:
            return replace(operation, network=self.made[operation.network])
        return operation

    def _noted(self, transaction: str, number: int, state: StepState) -> None:
        try:
            self.journal.mark(transaction, number, state)
        except JournalError as error:
            log.warning("%s", error.message)


def stands(operation: Operation, topology: Topology) -> bool:
    """Whether the engine already is as the operation would leave it."""
    match operation:
        case Connect():
            container = topology.container(operation.container)
            endpoint = container.endpoint_on(operation.network) if container is not None else None
            if endpoint is None:
                return False
            carried = {name.lower() for name in (*endpoint.aliases, *endpoint.names)}
            right_address = operation.ipv4 is None or operation.ipv4 in (endpoint.user_ipv4, endpoint.ipv4)
            return right_address and all(alias.lower() in carried for alias in operation.aliases)
        case Disconnect():
            container = topology.container(operation.container)
            return container is None or container.endpoint_on(operation.network) is None
        case CreateNetwork():
            return any(
                network.name == operation.name and _same_owner(network, operation) for network in topology.networks
            )
        case RemoveNetwork():
            return not any(operation.name in (network.name, network.id) for network in topology.networks)
        case _:
            return False


def impossible(operation: Operation, topology: Topology) -> FixFailed | None:
    """Why the operation cannot be done on the engine as it is now; None when nothing forbids it."""
    again = "Look again with: netdoctor check, then run the fix again."
    match operation:
        case Connect() | Disconnect():
            container = topology.container(operation.container)
            if container is None:
                return FixFailed(
                    f"{operation.container_name} is gone: it was removed or made anew meanwhile.", hint=again
                )
            network = topology.network(operation.network)
            if network is None:
                return FixFailed(f"The network {operation.network_name} is gone meanwhile.", hint=again)
            if isinstance(operation, Connect):
                return _taken(operation, topology, network)
        case CreateNetwork():
            if any(n.name == operation.name and not _same_owner(n, operation) for n in topology.networks):
                return FixFailed(f"A network named {operation.name} exists meanwhile.", hint=again)
        case _:
            pass
    return None


def _taken(operation: Connect, topology: Topology, network: Network) -> FixFailed | None:
    container = topology.container(operation.container)
    assert container is not None
    endpoint = container.endpoint_on(network.id)
    if endpoint is not None and not stands(operation, topology):
        return FixFailed(
            f"{operation.container_name} was connected to {network.name} meanwhile, without the names it needs.",
            hint="Look again with: netdoctor check, then run the fix again.",
        )
    clash = sorted(set(map(str.lower, operation.aliases)) & names_taken(topology, network, container))
    if clash:
        return FixFailed(
            f"The name {clash[0]} is taken on network {network.name} meanwhile.",
            hint="A name in use is never taken. Run the fix again to plan without it, or use --isolate.",
        )
    return None


def owned_network(topology: Topology, step: JournalStep) -> Network | None:
    """The network that this step created: by its id, else by its name and our label."""
    if not isinstance(step.operation, CreateNetwork):
        return None
    wanted = step.operation
    for network in topology.networks:
        if network.id == step.made or (
            step.made is None and network.name == wanted.name and _same_owner(network, wanted)
        ):
            return network
    return None


def _same_owner(network: Network, operation: CreateNetwork) -> bool:
    mine = dict(operation.labels).get(OWNER_LABEL)
    return mine is not None and network.labels.get(OWNER_LABEL) == mine


def _labelled(operation: Operation, transaction: str) -> Operation:
    if isinstance(operation, CreateNetwork) and OWNER_LABEL not in dict(operation.labels):
        return replace(operation, labels=(*operation.labels, (OWNER_LABEL, transaction)))
    return operation


def _id_of(operation: Operation, topology: Topology) -> str | None:
    if not isinstance(operation, CreateNetwork):
        return None
    return next((n.id for n in topology.networks if n.name == operation.name and _same_owner(n, operation)), None)


def _as_fix_failure(operation: Operation, failure: NetdoctorError | None) -> NetdoctorError:
    if failure is None:
        return FixFailed(f"The engine said yes, but it was not done: {operation.command()}")
    if isinstance(failure, Gone):
        return FixFailed(failure.message, hint="Look again with: netdoctor check, then run the fix again.")
    return failure


__all__ = ["OWNER_LABEL", "Hands", "NetworkEngine", "impossible", "owned_network", "stands"]
