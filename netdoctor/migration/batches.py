"""Cuts a stream of records into batches of one collection each, always the same way.

The cut depends on the export and the limits alone (never on time, transport or what is done already), so that a
batch's number means the same records in every run of the same ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from netdoctor.migration.records import Record


@dataclass(frozen=True, slots=True)
class Limits:
    """``points`` and ``size`` (bytes of the export) bound one batch; ``open_size`` all unfinished ones together."""

    points: int = 256
    size: int = 4 << 20
    open_size: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """``number`` counts from 0 over the whole run, ``nth`` from 1 within its collection."""

    number: int
    collection: str
    nth: int
    records: tuple[Record, ...]
    size: int


def cut(records: Iterable[Record], collection_of: Callable[[str], str], limits: Limits) -> Iterator[Batch]:
    """Batches in the order in which they fill up, the unfinished ones last."""
    waiting: dict[str, list[Record]] = {}
    sizes: dict[str, int] = {}
    names: dict[str, str] = {}
    nth: dict[str, int] = {}
    number = open_size = 0

    def close(name: str) -> Batch:
        nonlocal number, open_size
        size = sizes.pop(name)
        nth[name] = nth.get(name, 0) + 1
        batch = Batch(number, name, nth[name], tuple(waiting.pop(name)), size)
        number += 1
        open_size -= size
        return batch

    for record in records:
        name = names.get(record.namespace)
        if name is None:
            name = names[record.namespace] = collection_of(record.namespace)
        if name in waiting and sizes[name] + record.size > limits.size:
            yield close(name)
        held = waiting.setdefault(name, [])
        held.append(record)
        sizes[name] = sizes.get(name, 0) + record.size
        open_size += record.size
        if len(held) >= limits.points:
            yield close(name)
        elif open_size > limits.open_size:
            yield close(next(iter(waiting)))  # the oldest: many small namespaces must not fill the memory
    for name in list(waiting):
        yield close(name)
