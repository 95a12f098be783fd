"""A source, step by step, so that an export can go on after the last step that is safely on disk."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from netdoctor.errors import MigrationFailed
from netdoctor.migration.listing import Listing
from netdoctor.migration.listlog import forget_list, list_ids
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources._pinecone_listing import place_after, place_in
from netdoctor.migration.sources.interface import LiveSource, Source
from netdoctor.migration.sources.pinecone import PineconeSource

_STEP, _STEP_BYTES = 100, 4 << 20


@dataclass(frozen=True, slots=True)
class Step:
    """``records`` of one namespace (or, of a file, of several); ``after`` goes on behind them, and JSON keeps it."""

    namespace: str
    records: list[Record | BadRecord]
    after: Any


class Steps(Protocol):
    def run(self, after: Any) -> Iterator[Step]:
        """From the start (None), or from an earlier step's ``after``. To be closed."""

    def counted(self) -> dict[str, int] | None:
        """Records by namespace, as the index says after everything is read; None: nobody else has counted."""

    def forget(self) -> None:
        """Remove what was kept beside the export for going on."""


def steps_of(source: Source, beside: Path) -> Steps:
    """``beside``: where a live index's list of ids may be kept."""
    if isinstance(source, PineconeSource):
        return PineconeSteps(source)
    return NumberedSteps(source, beside)


class PineconeSteps:
    """Listing and fetching go hand in hand; goes on by the listing's token, or where that is lost by the last id."""

    def __init__(self, source: PineconeSource) -> None:
        self._source = source

    def run(self, after: Any) -> Iterator[Step]:
        try:
            place, past = place_in(after) if after is not None else (None, None)
        except ValueError as error:
            raise MigrationFailed(
                "The unfinished export's state cannot be read.", hint="add --restart to begin again"
            ) from error
        with contextlib.closing(self._source.stretches(place, past)) as stretches:  # type: ignore[type-var]
            for stretch in stretches:
                yield Step(stretch.namespace, stretch.records, place_after(stretch.namespace, stretch.after))

    def counted(self) -> dict[str, int] | None:
        # Asked now, not when the reading began: what was added or deleted meanwhile must show.
        now = self._source.stats().counts
        wanted = set(self._source.namespaces)
        # A namespace of today that the run did not know counts, unless only some were asked for.
        return {name: count for name, count in now.items() if count and (name in wanted or not self._source.only)}

    def forget(self) -> None:
        """Nothing is kept."""


class NumberedSteps:
    """Any source whose records have a number for good: a file, or a live index by its list of ids."""

    def __init__(self, source: Source, beside: Path) -> None:
        self._source = source
        self._ids = beside.with_name(f"{beside.name}.ids")

    def run(self, after: Any) -> Iterator[Step]:
        start, done = (after["cursor"], int(after["number"])) if after else (None, 0)
        told: dict[str, Any] = {}
        if isinstance(self._source, LiveSource):
            listing = list_ids(self._source, self._ids) if after is None else Listing.read(self._ids)
            if after is not None and after.get("list", listing.digest) != listing.digest:
                raise MigrationFailed(
                    f"The list of ids {self._ids.name} is not the one that the export was begun by.",
                    hint="add --restart to begin again",
                )
            self._source.follow(listing)
            told["list"] = listing.digest
        held: list[Record | BadRecord] = []
        size, cursor, namespace = 0, start, ""
        records = self._source.records(start)
        try:
            for record in records:
                if record.number <= done:
                    continue
                held.append(record)
                if isinstance(record, Record):
                    cursor, namespace = self._source.cursor(record), record.namespace
                    size += record.values.nbytes + record.size
                if len(held) >= _STEP or size >= _STEP_BYTES:
                    yield Step(namespace, held, {**told, "cursor": cursor, "number": record.number})
                    held, size = [], 0
            if held:
                yield Step(namespace, held, {**told, "cursor": cursor, "number": held[-1].number})
        finally:
            close = getattr(records, "close", None)
            if close is not None:
                close()

    def counted(self) -> dict[str, int] | None:
        """By its own list of ids."""
        if not isinstance(self._source, LiveSource) or not self._ids.exists():
            return None
        return dict(Counter(namespace for namespace, _ in Listing.read(self._ids).entries()))

    def forget(self) -> None:
        forget_list(self._ids)
        self._ids.unlink(missing_ok=True)
