"""Digests and samples of what a run has written, in step with its ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence

from netdoctor.migration.batches import BEGINNING, Place
from netdoctor.migration.digest import DIGEST_VERSION, Sums, Tally, empty_sums
from netdoctor.migration.ledger import Ledger
from netdoctor.migration.plan import CollectionPlan
from netdoctor.migration.samples import Sample

_EVERY = 5.0
"""Seconds between two checkpoints, or twenty times what one takes."""


class Tracker:
    """``upto``: batches below it are in the sums of an earlier run already. Used by one thread."""

    def __init__(
        self, ledger: Ledger, collections: Sequence[CollectionPlan], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self.sums = empty_sums(collections)
        self.samples: dict[int, Sample] = {}
        self.upto = 0
        self.place = BEGINNING
        """Where reading goes on: all batches before it are in the sums."""
        if ledger.fact("digest version") == str(DIGEST_VERSION):
            self.upto = int(ledger.fact("summed") or 0)
            told = ledger.fact("place")
            self.place = Place.from_json(json.loads(told)) if told else BEGINNING
            self.sums |= {name: Sums.from_bytes(data) for name, data in ledger.sums().items()}
            self.samples = {number: Sample.from_bytes(data) for number, data in ledger.samples().items()}
        else:
            ledger.forget_sums()
            ledger.set_fact("digest version", str(DIGEST_VERSION))
        self._next = self.upto
        self._waiting: dict[int, tuple[str, Tally, Place | None]] = {}
        self._changed: set[str] = set()
        self._new: dict[int, Sample] = {}
        self._due = clock() + _EVERY
        self._torn = False
        """An order to stop came while a batch was being added: the sums are of no whole number of batches."""

    def settled(
        self, number: int, collection: str, tally: Tally, samples: Mapping[int, Sample], after: Place | None = None
    ) -> None:
        """Batch ``number`` is done. Sums take batches in their order, so that a checkpoint is one number.

        ``after``: where reading would go on behind it.
        """
        self._waiting[number] = (collection, tally, after)
        self.samples.update(samples)
        self._new.update(samples)
        torn, self._torn = self._torn, True
        while self._next in self._waiting:
            name, waiting, place = self._waiting.pop(self._next)
            self.place = place or self.place
            self.sums[name].add(waiting)
            self._changed.add(name)
            self._next += 1
        self._torn = torn
        if self._clock() >= self._due:
            self.save()

    def save(self, *, complete: bool = False) -> None:
        """Write a checkpoint; ``complete``: every batch of the plan is in it.

        After an interrupted :meth:`settled` nothing is written: the next run goes on from the checkpoint before it.
        """
        if self._torn:
            return
        began = self._clock()
        sums = {name: self.sums[name].to_bytes() for name in self._changed}
        samples = {number: sample.to_bytes() for number, sample in self._new.items()}
        place = json.dumps(self.place.to_json())
        self._ledger.checkpoint(self._next, sums, samples, place=place, complete=complete)
        self._changed.clear()
        self._new.clear()
        self._due = self._clock() + max(_EVERY, 20 * (self._clock() - began))
