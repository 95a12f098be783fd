"""The loop: plan, look at the target, write, verify. Resumes what an earlier run of the same ledger left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from uuid import uuid4

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import Batch, Limits, cut
from netdoctor.migration.deferral import restore
from netdoctor.migration.events import (
    BatchDone,
    Listener,
    Planned,
    Planning,
    Retrying,
    Verifying,
    silent,
)
from netdoctor.migration.ledger import FOUND, Ledger, LedgerMismatch
from netdoctor.migration.plan import Plan, make_plan
from netdoctor.migration.points import Layout
from netdoctor.migration.prepare import Wishes, prepare, snapshot_of
from netdoctor.migration.retry import Retry, Stopped
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target, TargetRefused
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.verify import Expected, Verification, verify
from netdoctor.migration.window import Window
from netdoctor.migration.writer import Writer, Written


@dataclass(frozen=True, slots=True)
class Options:
    """``in_flight`` requests at once; ``max_errors`` bad records may be skipped; ``patience`` in seconds."""

    layout: Layout = field(default_factory=Layout)
    limits: Limits = field(default_factory=Limits)
    in_flight: int = 4
    max_errors: int = 0
    patience: float = 60.0
    wishes: Wishes = field(default_factory=Wishes)
    on_duplicate: str | None = None
    """Of two records for one point the ``first`` or ``last`` wins; None: they stop the run."""
    skip_existing: bool = False
    """Leave points alone that were there before with other content; else they stop the run."""
    repair: bool = False
    """Send again what verification finds wrong."""
    target_name: str = ""
    """What the ledger calls the target; empty: its address."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did. ``good``: every record of the export is in Qdrant, proven."""

    plan: Plan
    verification: Verification
    sent: int
    """Points sent by this run; the others were there already."""
    created: tuple[str, ...]
    resumed: bool
    write_seconds: float

    @property
    def good(self) -> bool:
        told = self.verification.verified + self.verification.left_alone + len(self.plan.losers)
        return self.verification.good and not self.plan.skipped and told == self.plan.records


@dataclass(slots=True)
class _Counts:
    done: int = 0
    sent: int = 0
    created: list[str] = field(default_factory=list)


def plan_of(source: Source, ledger: Ledger | None, options: Options, listener: Listener = silent) -> tuple[Plan, bool]:
    """The plan, and whether an earlier run of this ledger made it. Reads the export unless it is unchanged."""
    known = ledger.fact("plan") if ledger else None
    if known is not None:
        plan = Plan.from_json(json.loads(known), options.layout)
        if plan.stamp == source.stamp():
            listener(Planned(plan.points, len(plan.collections), True))
            return plan, True
    plan = make_plan(
        source,
        options.layout,
        max_errors=options.max_errors,
        on_duplicate=options.on_duplicate,
        tell=lambda records, done: listener(Planning(records, done, source.size)),
    )
    if known is not None and json.loads(known)["digest"] != plan.digest:
        raise LedgerMismatch(
            f"The export {source.label} has changed since the ledger was written.",
            hint="add --restart to start over with the new export",
        )
    listener(Planned(plan.points, len(plan.collections), known is not None))
    return plan, known is not None


def migrate(source: Source, target: Target, ledger: Ledger, options: Options, *, listener: Listener = silent) -> Result:
    """Everything, verified. The caller has opened (and asked the health of) ``target``.

    Raises MigrationFailed; what was written is in the ledger, and the same call resumes it.
    """
    name = options.target_name or target.address
    stop = threading.Event()
    window = Window(options.in_flight)

    def told(why: str, seconds: float) -> None:
        window.busy()
        listener(Retrying(why, seconds))

    retry = Retry(patience=options.patience, stop=stop, tell=told)
    plan, resumed = plan_of(source, ledger, options, listener)
    ledger.bind(
        {
            "export": plan.digest,
            "target": name,
            **options.layout.binding(),
            **({"on_duplicate": options.on_duplicate} if options.on_duplicate else {}),
        }
    )
    if ledger.fact("former target") not in (None, name):
        ledger.forget_collections()
    ledger.set_fact("plan", json.dumps(plan.to_json()))
    if ledger.fact("run") is None:
        ledger.set_fact("run", uuid4().hex)
    options = replace(options, limits=limits_of(ledger, options.limits))
    counts = _Counts()
    began = time.monotonic()
    tracker = Tracker(ledger, plan.collections)
    try:
        counts.created += prepare(plan, target, ledger, options.wishes, retry, listener)
        if not ledger.complete:
            found = frozenset(
                name
                for name, origin in ledger.origins().items()
                if origin == FOUND and not (options.wishes.overwrite and snapshot_of(name, ledger))
            )
            writer = Writer(target, plan.layout, retry, ledger, found, options.skip_existing)
            ledger.remember({"writing": "yes"})
            _write(plan, source, ledger, writer, tracker, window, options, counts, listener)
            _refuse_changed(source, plan)
            tracker.save(complete=True)
            ledger.remember({"writing": None})
    except BaseException:
        # The server may be gone, and then the next start does it: no patience here.
        restore(target, ledger, Retry(patience=1.0))
        ledger.remember({"writing": None})
        raise
    unrestored = restore(target, ledger, retry)
    if unrestored:
        raise TargetRefused(
            f"Indexing of collection {unrestored[0]!r} could not be switched on again.",
            hint="everything is written; repeat the same command, which tries again and verifies",
        )
    written = time.monotonic() - began
    checked = verify(
        plan,
        Expected(tracker.sums, tracker.samples, ledger.all_skipped()),
        target,
        source=source,
        retry=retry,
        workers=min(options.in_flight, 4),
        repair=options.repair,
        tell=lambda done, total: listener(Verifying(done, total)),
    )
    _refuse_changed(source, plan)
    return Result(plan, checked, counts.sent, tuple(counts.created), resumed, written)


def limits_of(ledger: Ledger, wanted: Limits | None = None) -> Limits:
    """Those that the ledger's batch numbers were cut by; a resumed run cannot choose others."""
    wanted = wanted or Limits()
    told = ledger.fact("limits")
    if told is not None:
        return Limits(*json.loads(told))
    ledger.set_fact("limits", json.dumps([wanted.points, wanted.size, wanted.open_size]))
    return wanted


def _refuse_changed(source: Source, plan: Plan) -> None:
    if source.stamp() != plan.stamp:
        raise MigrationFailed(
            f"The export {source.label} changed while it was read.",
            hint="add --restart, with an export that nobody writes to",
        )


def _write(
    plan: Plan,
    source: Source,
    ledger: Ledger,
    writer: Writer,
    tracker: Tracker,
    window: Window,
    options: Options,
    counts: _Counts,
    listener: Listener,
) -> None:
    """Read and cut here, convert and send in the pool. At most ``in_flight`` + 1 batches are in memory."""
    sizes = {collection.name: collection.points for collection in plan.collections}
    failure: BaseException | None = None
    with ThreadPoolExecutor(options.in_flight, thread_name_prefix="netdoctor-write") as pool:
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
                tracker.settled(batch.number, batch.collection, written.tally, written.samples)
                counts.sent += written.sent
                counts.done += len(batch.records)
                if new:
                    listener(_told(batch, sizes[batch.collection], options.limits, counts.done, plan.points))

        try:
            first = 0
            for batch in cut(plan.good(source), plan.layout.collection_of, options.limits):
                at, first = first, first + len(batch.records)
                if batch.number < tracker.upto:
                    counts.done += len(batch.records)
                    continue
                new = not ledger.is_done(batch.number)
                waiting[pool.submit(writer.write, batch, send=new, first=at, total=plan.points)] = (batch, new)
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
        raise _with_state(failure, counts.done, plan.points)


def _told(batch: Batch, points: int, limits: Limits, done: int, total: int) -> BatchDone:
    batches = max(batch.nth, -(-points // limits.points))
    return BatchDone(batch.collection, batch.nth, batches, len(batch.records), done, total)


def _with_state(failure: BaseException, done: int, total: int) -> BaseException:
    if isinstance(failure, MigrationFailed):
        failure.message = f"{failure.message} {done} of {total} vectors are written and kept."
        failure.hint = failure.hint or "repeat the same command: it resumes"
        failure.args = (failure.message,)
    return failure
