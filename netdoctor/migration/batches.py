"""Cuts a stream of records into batches of one collection each, always the same way.

The cut depends on the export and the limits alone (never on time, transport or what is done already), so that a
batch's number means the same records in every run of the same ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from netdoctor.migration.records import Record


@dataclass(frozen=True, slots=True)
class Limits:
    """``points`` and ``size`` (bytes of the export) bound one batch; ``open_size`` all unfinished ones together."""

    points: int = 256
    size: int = 4 << 20
    open_size: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where cutting can go on, after batch ``number`` - 1: with less than what is open to be read again."""

    number: int
    points: int
    """In all batches before it."""
    read: int
    """The last record that the cut had seen."""
    nth: Mapping[str, int]
    """Batches closed, by collection."""
    open: Mapping[str, int]
    """The first record of every unfinished batch, by collection."""

    @property
    def start(self) -> int:
        """The first record that must be read again."""
        return min(self.open.values(), default=self.read + 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Place:
        return cls(**data)


BEGINNING = Place(0, 0, 0, {}, {})


@dataclass(frozen=True, slots=True)
class Batch:
    """``number`` counts from 0 over the whole run, ``nth`` from 1 within its collection."""

    number: int
    collection: str
    nth: int
    records: tuple[Record, ...]
    size: int
    first: int = 0
    """Points in all batches before it."""
    after: Place | None = None
    """Where a run can go on once this batch and all before it are done; not every batch tells."""


def cut(
    records: Iterable[Record], collection_of: Callable[[str], str], limits: Limits, place: Place = BEGINNING
) -> Iterator[Batch]:
    """Batches in the order in which they fill up, the unfinished ones last.

    ``place``: go on there. ``records`` then begin at ``place.start`` or before, and the batches are those that the
    first cut made from there on.
    """
    waiting: dict[str, list[Record]] = {}
    sizes: dict[str, int] = {}
    names: dict[str, str] = {}
    nth = dict(place.nth)
    number, first = place.number, place.points
    seen = place.read
    open_size = due = 0

    def close(name: str) -> Batch:
        nonlocal number, first, open_size, due
        size = sizes.pop(name)
        nth[name] = nth.get(name, 0) + 1
        held = tuple(waiting.pop(name))
        number += 1
        open_size -= size
        after = None
        if number >= due:
            # Telling costs as much as there are collections: with thousands of them not after every batch.
            due = number + 1 + len(nth) // 16
            unfinished = {name: left[0].number for name, left in waiting.items()}
            after = Place(number, first + len(held), seen, dict(nth), unfinished)
        batch = Batch(number - 1, name, nth[name], held, size, first, after)
        first += len(held)
        return batch

    for record in records:
        name = names.get(record.namespace)
        if name is None:
            name = names[record.namespace] = collection_of(record.namespace)
        if record.number <= place.read and record.number < place.open.get(name, place.read + 1):
            continue  # it is in a batch before this place
        if name in waiting and sizes[name] + record.size > limits.size:
            yield close(name)
        seen = max(record.number, place.read)
        held = waiting.setdefault(name, [])
        held.append(record)
        sizes[name] = sizes.get(name, 0) + record.size
        open_size += record.size
        if len(held) >= limits.points:
            yield close(name)
        while open_size > limits.open_size:
            yield close(next(iter(waiting)))  # the oldest: many small namespaces must not fill the memory
    for name in list(waiting):
        yield close(name)


def cut_listed(
    pages: Iterable[tuple[int, str, list[str]]],
    records: Iterable[Record],
    of: Callable[[str], str],
    place: Place = BEGINNING,
) -> Iterator[Batch]:
    """Batches of a live source: the list of ids alone decides, so that what has gone since moves nothing.

    ``pages`` are ``Listing.pages``, whose indices from 0 are the records' numbers from 1; ``records`` begin with the
    first page. A batch is short by the records that are gone. ``place``: the first page is the one behind it.
    """
    stream = iter(records)
    record = next(stream, None)
    nth = dict(place.nth)
    for number, (first, namespace, ids) in enumerate(pages, place.number):
        end = first + len(ids)
        held = []
        while record is not None and record.number <= end:
            held.append(record)
            record = next(stream, None)
        name = of(namespace)
        nth[name] = nth.get(name, 0) + 1
        after = Place(number + 1, end, end, dict(nth), {}) if len(nth) < 100 or not number % len(nth) else None
        yield Batch(number, name, nth[name], tuple(held), sum(each.size for each in held), first, after)
