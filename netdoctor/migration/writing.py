"""The loop that reads, converts and writes, all at once, and knows when each batch is done.

Reading and cutting happen in the caller's thread, converting and sending in a small pool. Memory is bounded by what is
under way: at most the window's size of batches and one more, each bounded by bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import BEGINNING, Batch, Limits, Place, cut, cut_listed
from netdoctor.migration.events import BatchDone, Listener
from netdoctor.migration.ledger import LATE, Ledger
from netdoctor.migration.listing import Listing
from netdoctor.migration.plan import Plan
from netdoctor.migration.records import BadRecord
from netdoctor.migration.retry import Stopped
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.window import Window
from netdoctor.migration.writer import Writer, Written


@dataclass(frozen=True, slots=True)
class Share:
    """The records that one worker writes: numbered ``start`` up to, but not, ``end``."""

    start: int = 1
    end: int | None = None


ALL = Share()


@dataclass(slots=True)
class Counts:
    """``done`` planned points that are written, ``sent`` of them by this run."""

    done: int = 0
    sent: int = 0
    created: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that the loop needs; ``total`` points are to be done."""

    plan: Plan
    source: Source
    ledger: Ledger
    writer: Writer
    tracker: Tracker
    window: Window
    limits: Limits
    workers: int
    total: int
    listener: Listener
    share: Share = ALL


def write_all(work: Work, counts: Counts) -> None:
    """Write what the ledger does not know as done. Raises what went wrong first, when the pool is quiet."""
    ledger, tracker, window, writer = work.ledger, work.tracker, work.window, work.writer
    sizes = {collection.name: collection.points for collection in work.plan.collections}
    live = bool(work.plan.listing)
    failure: BaseException | None = None
    before = work.share.start - 1  # records of other workers
    counts.done += max(0, tracker.place.points - before if live else tracker.place.points)
    with ThreadPoolExecutor(work.workers, thread_name_prefix="netdoctor-write") as pool:
        waiting: dict[Future[Written], tuple[Batch, bool]] = {}

        def settle(done: set[Future[Written]]) -> Iterator[BaseException]:
            for future in done:
                batch, new = waiting.pop(future)
                error = future.exception()
                if error is not None:
                    if not isinstance(error, Stopped):
                        yield error
                    continue
                window.fine()
                written = future.result()
                if new:
                    ledger.mark_done(batch.number)
                tracker.settled(batch.number, batch.collection, written.tally, written.samples, batch.after)
                counts.sent += written.sent
                counts.done += len(batch.records)
                if new and failure is None:  # a listener may have been what failed
                    work.listener(_told(batch, sizes[batch.collection], work.limits, counts.done, work.total))

        try:
            for batch in _batches(work):
                if batch.number < tracker.upto:
                    counts.done += len(batch.records)
                    continue
                # What a live source gives now may not be what it gave then: digests must be of what was sent.
                new = live or not ledger.is_done(batch.number)
                first = batch.first if live else batch.first + before
                future = pool.submit(writer.write, batch, send=new, first=first, total=work.plan.points)
                waiting[future] = (batch, new)
                while len(waiting) > window.size and failure is None:
                    failure = next(settle(wait(waiting, return_when=FIRST_COMPLETED).done), None)
                if failure is not None:
                    break
        except BaseException as broken:  # noqa: BLE001  # raised again below, when the pool is quiet
            failure = broken
        if failure is not None:
            writer.retry.stop.set()
        for error in settle(set(wait(waiting).done)):
            writer.retry.stop.set()
            failure = failure or error
    if failure is not None:
        tracker.save()
        raise _with_state(failure, counts.done, work.total)


def _batches(work: Work) -> Iterator[Batch]:
    def late(bad: BadRecord) -> None:
        work.ledger.set_trouble(bad.number, LATE, bad.reason)

    return batches(work.plan, work.source, work.limits, work.share, work.tracker.place, late)


def batches(
    plan: Plan,
    source: Source,
    limits: Limits,
    share: Share = ALL,
    place: Place = BEGINNING,
    late: Callable[[BadRecord], None] = lambda _bad: None,
) -> Iterator[Batch]:
    """The batches of a share from ``place`` on: the same, with the same numbers, whenever they are cut."""
    if not plan.listing:
        start = max(share.start, place.start)
        return cut(plan.good(source, start, share.end), plan.layout.collection_of, limits, place)
    at = max(share.start - 1, place.read)
    records = plan.good(source, at + 1, share.end, late)
    pages = _within(Listing.read(Path(plan.listing)).pages(limits.points, at), share.end)
    return cut_listed(pages, records, plan.layout.collection_of, place)


def _within(pages: Iterator[tuple[int, str, list[str]]], end: int | None) -> Iterator[tuple[int, str, list[str]]]:
    """The pages before record ``end``, the last one shortened."""
    for first, namespace, ids in pages:
        if end is not None and first + 1 >= end:
            return
        yield first, namespace, ids if end is None else ids[: end - 1 - first]


def _told(batch: Batch, points: int, limits: Limits, done: int, total: int) -> BatchDone:
    batches = max(batch.nth, -(-points // limits.points))
    return BatchDone(batch.collection, batch.nth, batches, len(batch.records), done, total)


def _with_state(failure: BaseException, done: int, total: int) -> BaseException:
    if isinstance(failure, MigrationFailed):
        failure.message = f"{failure.message} {done} of {total} vectors are written and kept."
        failure.hint = failure.hint or "repeat the same command: it resumes"
        failure.args = (failure.message,)
    return failure
