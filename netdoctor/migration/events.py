"""What happens during a migration, told to whoever listens. The library itself says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Planning:
    """The export is being read for the first time: ``done`` of ``size`` bytes."""

    records: int
    done: int
    size: int


@dataclass(frozen=True, slots=True)
class Planned:
    points: int
    collections: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class Preflighted:
    """What was found at the target before anything was written, in sentences."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CollectionReady:
    name: str
    created: bool


@dataclass(frozen=True, slots=True)
class BatchDone:
    """Batch ``batch`` of ``batches`` of its collection, with ``points`` points; ``done`` of ``total`` in the run."""

    collection: str
    batch: int
    batches: int
    points: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Retrying:
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing happens for at most so many seconds, for that reason."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verifying:
    done: int
    total: int


Event = Planning | Planned | Preflighted | CollectionReady | BatchDone | Retrying | Waiting | Verifying
Listener = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Listens to nothing."""
