"""The loop: plan, look at the target, write, verify. Resumes what an earlier run of the same ledger left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import Limits
from netdoctor.migration.datatypes import with_datatypes
from netdoctor.migration.deferral import restore
from netdoctor.migration.events import (
    Listener,
    Planned,
    Planning,
    Preflighted,
    Retrying,
    Verifying,
    Waiting,
    silent,
)
from netdoctor.migration.ledger import FOUND, LATE, REFUSED, Ledger, LedgerMismatch
from netdoctor.migration.plan import Plan, make_plan
from netdoctor.migration.plan_live import make_live_plan
from netdoctor.migration.planfile import PlanFile, listing_of
from netdoctor.migration.planlog import forget
from netdoctor.migration.points import Layout
from netdoctor.migration.preflight import preflight
from netdoctor.migration.prepare import Wishes, prepare, snapshot_of
from netdoctor.migration.retry import Retry
from netdoctor.migration.sources.interface import LiveSource, Source, suited
from netdoctor.migration.targets.interface import Target, TargetRefused
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.verify import Expected, Verification, verify
from netdoctor.migration.window import Window
from netdoctor.migration.writer import Refusals, Writer
from netdoctor.migration.writing import Counts, Work, write_all


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
    overlap_at: int = 0
    """Compare so many hits of searches with those of a live source; 0: do not."""
    repair: bool = False
    """Send again what verification finds wrong."""
    target_name: str = ""
    """What the ledger calls the target; empty: its address."""
    free: int | None = None
    """Bytes of free disk where the target keeps its data, where that is known."""
    request_timeout: float = 60.0
    """Seconds after which a request of this run is surely dead."""
    sleep: Callable[[float], None] = time.sleep
    file: PlanFile | None = None
    """A plan that was made before; its mapping is ``layout``'s."""


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
    refused: Mapping[int, str] = field(default_factory=dict)
    """Records that the server would not take, by number, with its words; ``--max-errors`` allowed to go on."""
    late: Mapping[int, str] = field(default_factory=dict)
    """Of a live source: records that are no longer as they were when it was listed."""
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        told = self.verification.verified + self.verification.left_alone + len(self.plan.losers)
        return self.verification.good and not self.plan.skipped and told == self.plan.records


def plan_of(source: Source, ledger: Ledger | None, options: Options, listener: Listener = silent) -> tuple[Plan, bool]:
    """The plan, and whether an earlier run of this ledger made it. Reads the export unless it is unchanged."""
    known = ledger.fact("plan") if ledger else None
    if known is not None:
        plan = Plan.from_json(json.loads(known), options.layout)
        if plan.stamp == source.stamp():
            listener(Planned(plan.points, len(plan.collections), True))
            return plan, True
        if isinstance(source, LiveSource):  # its stamp names it: nothing has to be listed to know that it is another
            assert ledger is not None
            raise _another(source, ledger)
    if known is None and options.file is not None:
        plan = options.file.plan
        listener(Planned(plan.points, len(plan.collections), False))
        return plan, False
    plan = new_plan(source, options, ledger.path if ledger else None, listener)
    if ledger and known is not None and json.loads(known)["digest"] != plan.digest:
        forget(ledger.path)
        raise _another(source, ledger)
    listener(Planned(plan.points, len(plan.collections), known is not None))
    return plan, known is not None


def _another(source: Source, ledger: Ledger) -> LedgerMismatch:
    said = f"The export {source.label} has changed since the ledger {ledger.path} was written, or is another one."
    if isinstance(source, LiveSource):
        said = f"The ledger {ledger.path} is of another index or server than {source.label}."
    return LedgerMismatch(
        said, hint="give it a ledger of its own with --ledger, or add --restart to start over with it"
    )


def new_plan(source: Source, options: Options, beside: Path | None, listener: Listener = silent) -> Plan:
    """From the source alone. ``beside`` this file lies what is kept on the way, and a live one's list of ids."""

    def tell(records: int, done: int) -> None:
        listener(Planning(records, done, source.size))

    if not isinstance(source, LiveSource):
        limits = {"max_errors": options.max_errors, "on_duplicate": options.on_duplicate}
        return make_plan(source, options.layout, tell=tell, beside=beside, **limits)  # type: ignore[arg-type]
    with ExitStack() as stack:
        listing = listing_of(beside) if beside else None
        if listing is None:
            listing = Path(stack.enter_context(TemporaryDirectory(prefix="netdoctor-ids-"))) / "ids"
        return make_live_plan(source, options.layout, listing, on_duplicate=options.on_duplicate, tell=tell)


def migrate(source: Source, target: Target, ledger: Ledger, options: Options, *, listener: Listener = silent) -> Result:
    """Everything, verified. The caller has opened (and asked the health of) ``target``.

    Raises MigrationFailed; what was written is in the ledger, and the same call resumes it.
    """
    name = options.target_name or target.address
    options = replace(options, layout=suited(options.layout, source, options.layout.metric))
    refuse = getattr(source, "refuse_target", None)
    if refuse is not None:
        refuse(target.address, options.layout)
    window = Window(options.in_flight)
    retry = retrying(options, window, listener, threading.Event())
    plan, resumed = plan_of(source, ledger, options, listener)
    ledger.bind(binding_of(plan, name, options))
    await_silence(ledger, options, listener, restart=not resumed)
    if ledger.fact("former target") not in (None, name):
        ledger.forget_collections()
    ledger.set_fact("plan", json.dumps(plan.to_json()))
    forget(ledger.path)
    if ledger.fact("run") is None:
        ledger.set_fact("run", options.file.run if options.file else uuid4().hex)
    if not ledger.complete:
        looked = preflight(plan, target, options.limits, retry, free=options.free)
        listener(Preflighted(tuple(looked.lines())))
        options = replace(options, limits=looked.limits)
    options = replace(options, limits=limits_of(ledger, options.limits))
    counts = Counts()
    began = time.monotonic()
    tracker = Tracker(ledger, plan.collections)
    try:
        counts.created += prepare(plan, target, ledger, options.wishes, retry, listener)
        names = [collection.name for collection in plan.collections]
        plan = replace(plan, layout=with_datatypes(plan.layout, names, target, retry))
        if not ledger.complete:
            found = frozenset(
                name
                for name, origin in ledger.origins().items()
                if origin == FOUND and not (options.wishes.overwrite and snapshot_of(name, ledger))
            )
            refusals = Refusals(ledger, max(0, options.max_errors - plan.skipped))
            replay = resumed and not options.wishes.overwrite and not plan.listing
            writer = Writer(target, plan.layout, retry, ledger, found, options.skip_existing, refusals, replay)
            ledger.remember({"writing": f"{options.request_timeout + 1}"})
            work = Work(
                plan, source, ledger, writer, tracker, window, options.limits, options.in_flight, plan.points, listener
            )
            write_all(work, counts)
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
    # What lands after the verification is not verified.
    wait_until(ledger, float(ledger.fact("quiet at") or 0), options, listener)
    checked = prove(plan, source, target, tracker, ledger.all_skipped(), options, retry, listener)
    _refuse_changed(source, plan)
    notes = source.notes() if isinstance(source, LiveSource) else ()
    refused, late = ledger.troubles(REFUSED), ledger.troubles(LATE)
    return Result(plan, checked, counts.sent, tuple(counts.created), resumed, written, refused, late, notes)


def binding_of(plan: Plan, target: str, options: Options) -> dict[str, Any]:
    """What a ledger is bound to."""
    told = {"export": plan.digest, "target": target, **options.layout.binding()}
    return {**told, "on_duplicate": options.on_duplicate} if options.on_duplicate else told


def retrying(options: Options, window: Window, listener: Listener, stop: threading.Event) -> Retry:
    """Every pause is told, and is a sign of distress."""

    def told(why: str, seconds: float) -> None:
        window.busy()
        listener(Retrying(why, seconds))

    return Retry(patience=options.patience, stop=stop, tell=told)


def prove(
    plan: Plan,
    source: Source,
    target: Target,
    tracker: Tracker,
    skipped: frozenset[tuple[str, str]],
    options: Options,
    retry: Retry,
    listener: Listener,
) -> Verification:
    """Compare the target with what the tracker has seen going out."""
    return verify(
        plan,
        Expected(tracker.sums, tracker.samples, skipped),
        target,
        source=source,
        retry=retry,
        workers=min(options.in_flight, 4),
        repair=options.repair,
        overlap_at=options.overlap_at,
        tell=lambda done, total: listener(Verifying(done, total)),
    )


def await_silence(ledger: Ledger, options: Options, listener: Listener, *, restart: bool) -> None:
    """After a run that was killed while it wrote: its last requests may still land, until they are surely dead.

    A resumed run sends the same again, so it may write at once, and only its verification waits. One that starts over
    may send something else, and waits before it begins.
    """
    grace = ledger.fact("writing")
    if grace is not None:
        ledger.remember({"quiet at": f"{ledger.touched() + float(grace)}"})
    if restart:
        wait_until(ledger, float(ledger.fact("quiet at") or 0), options, listener)


def wait_until(ledger: Ledger, moment: float, options: Options, listener: Listener) -> None:
    """``moment`` in seconds since 1970; clocks may jump, so never longer than a request lives."""
    seconds = min(moment - time.time(), options.request_timeout + 1)
    if seconds > 0:
        listener(Waiting("a request of the run that was killed may still land", seconds))
        options.sleep(seconds)
    if moment:
        ledger.remember({"quiet at": None})


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
