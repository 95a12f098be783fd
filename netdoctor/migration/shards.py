"""One export, many machines: workers over disjoint parts of one plan, and a coordinator before and after them.

All meet in the folder of the plan file, which they share. The coordinator compares and creates the collections, puts
indexing off, and says so in ``PLAN.ready``. Worker ``i`` of N writes its part by a ledger of its own and leaves
``PLAN.i-of-N.done``. After the last one the coordinator adds up what they wrote, puts indexing back and verifies.
Ids depend on the records alone, so a worker that was killed is started again, anywhere, and goes on.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.files import write_whole
from netdoctor.migration.allowance import Allowance, SharedRefusals
from netdoctor.migration.datatypes import with_datatypes
from netdoctor.migration.deferral import restore
from netdoctor.migration.events import Listener, Planned, Preflighted, Waiting, silent
from netdoctor.migration.ledger import FOUND, LATE, REFUSED, Ledger, LedgerBusy, LedgerMismatch, Looked, open_ledger
from netdoctor.migration.plan import Plan
from netdoctor.migration.planfile import PlanFile
from netdoctor.migration.preflight import preflight
from netdoctor.migration.prepare import prepare, snapshot_of
from netdoctor.migration.run import Options, Result, await_silence, binding_of, prove, retrying, wait_until
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target, TargetRefused
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.window import Window
from netdoctor.migration.writer import Writer
from netdoctor.migration.writing import Counts, Share, Work, write_all

POLL = 0.5
"""Seconds between two looks at the shared folder."""
SILENCE = 1800.0
"""Seconds in which a worker must show a sign of life: time enough to be started again on another machine."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Shard:
    """Worker ``number`` (from 1) of ``of``."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``2/4``. Raises UsageError."""
        number, slash, of = text.partition("/")
        if slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 10_000:
            return cls(int(number), int(of))
        raise UsageError(f"--shard {text!r} is not NUMBER/OF.", hint="the second of four workers is --shard 2/4")

    def share(self, records: int) -> Share:
        """Its records; all shards together have each record once."""
        return Share(1 + (self.number - 1) * records // self.of, 1 + self.number * records // self.of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Meeting:
    """The files beside the plan."""

    plan: Path

    @property
    def ready(self) -> Path:
        return self._beside("ready")

    @property
    def coordinator(self) -> Path:
        return self._beside("coordinator.sqlite")

    @property
    def refused(self) -> Path:
        """Which records are left out, by whomever: see :mod:`allowance`."""
        return self._beside("refused")

    def ledger(self, shard: Shard) -> Path:
        return self._beside(f"{shard.number}-of-{shard.of}.sqlite")

    def done(self, shard: Shard) -> Path:
        return self._beside(f"{shard.number}-of-{shard.of}.done")

    def alive(self, shard: Shard) -> tuple[int, ...]:
        """Changes whenever the worker writes to its ledger, whatever the clocks of the machines say."""
        ledger = self.ledger(shard)
        return tuple(map(_changed, (ledger, ledger.with_name(f"{ledger.name}-wal"))))

    def _beside(self, tail: str) -> Path:
        return self.plan.with_name(f"{self.plan.name}.{tail}")


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker has done: ``written`` of its ``records`` are on the target, ``sent`` of them by this start."""

    shard: Shard
    records: int
    written: int
    sent: int
    refused: dict[int, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.refused


def work(
    source: Source,
    target: Target,
    file: PlanFile,
    shard: Shard,
    options: Options,
    *,
    listener: Listener = silent,
    patience: float = 600.0,
    restart: bool = False,
    busy: float = 0.0,
) -> Part:
    """One worker. Waits ``patience`` seconds for the coordinator. Raises MigrationFailed; the same call resumes.

    ``restart``: forget what an earlier start of this worker has done. ``busy``: seconds to wait while an earlier
    start still holds the ledger.
    """
    meeting, plan = Meeting(file.path), file.plan
    ready = _await(lambda: _read(meeting.ready, file.run), options, listener, patience, "the coordinator")
    if ready["of"] != shard.of:
        raise LedgerMismatch(f"The coordinator has divided the work by {ready['of']}, not by {shard.of}.")
    share = shard.share(plan.records)
    records = (share.end or 0) - share.start
    ledger = _opened(meeting.ledger(shard), options, busy, restart=restart)
    if restart:
        meeting.done(shard).unlink(missing_ok=True)
    try:
        name = options.target_name or target.address
        ledger.bind({**binding_of(plan, name, options), "shard": str(shard), "run": file.run})
        window = Window(options.in_flight)
        retry = retrying(options, window, listener, threading.Event())
        for collection, origin in ready["origins"].items():
            ledger.set_origin(collection, origin)
        await_silence(ledger, options, listener, restart=False)
        tracker = Tracker(ledger, plan.collections)
        listener(Planned(records, len(plan.collections), tracker.upto > 0))
        counts = Counts()
        if not ledger.complete:
            found = frozenset(each for each, origin in ready["origins"].items() if origin == FOUND)
            allowance = Allowance(meeting.refused, file.run, max(0, options.max_errors - plan.skipped))
            if restart:
                allowance.forget(share.start, share.end or 0)
            refusals = SharedRefusals(ledger, allowance)
            foreign = found - frozenset(ready["overwrite"])
            names = [collection.name for collection in plan.collections]
            layout = with_datatypes(plan.layout, names, target, retry)
            writer = Writer(target, layout, retry, ledger, foreign, options.skip_existing, refusals)
            ledger.remember({"writing": f"{options.request_timeout + 1}"})
            job = Work(
                plan, source, ledger, writer, tracker, window, file.limits, options.in_flight, records, listener, share
            )
            try:
                write_all(job, counts)
                tracker.save(complete=True)
            finally:
                ledger.remember({"writing": None})
        wait_until(ledger, float(ledger.fact("quiet at") or 0), options, listener)
        written = sum(sums.points for sums in tracker.sums.values())
        part = Part(shard, records, written, counts.sent, ledger.troubles(REFUSED))
    finally:
        ledger.close()
    # The ledger is closed: whoever sees this may open it.
    _write(meeting.done(shard), {"run": file.run, "shard": str(shard), "written": part.written})
    return part


def coordinate(
    source: Source,
    target: Target,
    file: PlanFile,
    workers: int,
    ledger: Ledger,
    options: Options,
    *,
    listener: Listener = silent,
    silence: float | None = SILENCE,
    gather: Callable[[Sequence[Shard]], None] | None = None,
) -> Result:
    """Prepare for ``workers`` workers, wait for them, restore, verify. ``ledger``: the coordinator's.

    ``silence``: seconds without a sign of life after which a worker is given up; None: never. ``gather``: called when
    the workers may begin, returns when all are at their end; None: they are looked for in the plan's folder.

    Raises MigrationFailed. Whatever happens, indexing is put back; the same call goes on.
    """
    meeting, plan = Meeting(file.path), file.plan
    name = options.target_name or target.address
    window = Window(options.in_flight)
    stop = threading.Event()
    retry = retrying(options, window, listener, stop)
    resumed = ledger.bind({**binding_of(plan, name, options), "workers": workers, "run": file.run})
    ledger.set_fact("run", file.run)
    began = time.monotonic()
    listener(Planned(plan.points, len(plan.collections), resumed))
    shards = [Shard(number, workers) for number in range(1, workers + 1)]
    try:
        looked = preflight(plan, target, file.limits, retry, free=options.free)
        listener(Preflighted(tuple(looked.lines())))
        created = prepare(plan, target, ledger, options.wishes, retry, listener)
        overwrite = [each for each in ledger.origins() if options.wishes.overwrite and snapshot_of(each, ledger)]
        told = {"run": file.run, "of": workers, "origins": ledger.origins(), "overwrite": overwrite}
        _write(meeting.ready, told)
        if gather is not None:
            gather(shards)
        _await_workers(shards, meeting, file, options, listener, silence)
        ledger.forget_sums()
        tracker = Tracker(ledger, plan.collections)
        skipped, refused, late = _gather([meeting.ledger(shard) for shard in shards], tracker, options)
        _keep(ledger, tracker, plan, skipped)
    except BaseException:
        restore(target, ledger, replace(retry, patience=1.0, stop=threading.Event()))
        raise
    unrestored = restore(target, ledger, retry)
    if unrestored:
        raise TargetRefused(
            f"Indexing of collection {unrestored[0]!r} could not be switched on again.",
            hint="everything is written; repeat the same command, which tries again and verifies",
        )
    written = time.monotonic() - began
    checked = prove(plan, source, target, tracker, skipped, options, retry, listener)
    sent = sum(sums.points for sums in tracker.sums.values())
    return Result(plan, checked, sent, tuple(created), resumed, written, refused, late)


def _keep(ledger: Ledger, tracker: Tracker, plan: Plan, skipped: frozenset[tuple[str, str]]) -> None:
    """What a later verification starts from, in the coordinator's ledger: then no other is needed for it."""
    ledger.set_fact("plan", json.dumps(plan.to_json()))
    for number, name in enumerate(sorted({name for name, _ in skipped}), 1):
        ids = frozenset(identity for each, identity in skipped if each == name)
        # Batches count from 0: those below it are of no batch.
        ledger.set_looked(-number, name, Looked(ids, ids))
    sums = {name: each.to_bytes() for name, each in tracker.sums.items()}
    samples = {number: sample.to_bytes() for number, sample in tracker.samples.items()}
    ledger.checkpoint(0, sums, samples, complete=True)


def _gather(
    ledgers: list[Path], tracker: Tracker, options: Options
) -> tuple[frozenset[tuple[str, str]], dict[int, str], dict[int, str]]:
    """Add up what the workers have summed up; what they left alone, what was refused, what came late."""
    skipped: set[tuple[str, str]] = set()
    refused: dict[int, str] = {}
    late: dict[int, str] = {}
    for path in ledgers:
        ledger = _opened(path, options, 10.0)
        try:
            if not ledger.complete:
                raise MigrationFailed(f"The worker of {path} is not at its end.", hint="start that worker again")
            own = Tracker(ledger, ())
            for name, sums in own.sums.items():
                tracker.sums[name].merge(sums)
            tracker.samples |= own.samples
            skipped |= ledger.all_skipped()
            refused |= ledger.troubles(REFUSED)
            late |= ledger.troubles(LATE)
        finally:
            ledger.close()
    return frozenset(skipped), refused, late


def _opened(path: Path, options: Options, busy: float, *, restart: bool = False) -> Ledger:
    """Waits ``busy`` seconds for the process that has it. Raises LedgerBusy."""
    for _ in range(int(busy / POLL)):
        with contextlib.suppress(LedgerBusy):
            return open_ledger(path, restart=restart)
        options.sleep(POLL)
    return open_ledger(path, restart=restart)


def _await_workers(
    shards: list[Shard], meeting: Meeting, file: PlanFile, options: Options, listener: Listener, silence: float | None
) -> None:
    """Returns when all are at their end. Raises MigrationFailed, which names those that show no sign of life."""
    waited, missing = 0.0, shards
    heard = {shard.number: (meeting.alive(shard), 0.0) for shard in shards}
    while True:
        missing = [shard for shard in missing if _read(meeting.done(shard), file.run) is None]
        if not missing:
            return
        silent_ones = []
        for shard in missing:
            sign = meeting.alive(shard)
            if sign != heard[shard.number][0]:
                heard[shard.number] = (sign, waited)
            elif silence is not None and waited - heard[shard.number][1] >= silence:
                silent_ones.append(shard)
        if silent_ones:
            raise _given_up(silent_ones, len(missing), meeting, silence or 0.0)
        if not waited % 60:
            more = f" ({len(missing)} of {len(shards)} are missing)" if len(missing) > 1 else ""
            listener(Waiting(f"worker {missing[0]} is not at its end{more}", 60))
        options.sleep(POLL)
        waited += POLL


def _given_up(shards: list[Shard], missing: int, meeting: Meeting, silence: float) -> MigrationFailed:
    named = ", ".join(map(str, shards[:_MOST_NAMED])) + (" and others" if len(shards) > _MOST_NAMED else "")
    never = [shard for shard in shards if not meeting.ledger(shard).exists()]
    began = " never began" if len(never) == len(shards) else f" showed no sign of life for {silence:g} s"
    others = f"; {missing - len(shards)} still at work" if missing > len(shards) else ""
    return MigrationFailed(
        f"{'Worker' if len(shards) == 1 else 'Workers'} {named}{began}{others}. Nothing is verified yet.",
        hint=f"start each again with the same EXPORT and target: netdoctor migrate EXPORT --plan {meeting.plan} "
        f"--shard {shards[0]}; then repeat the coordinator's command, which goes on",
    )


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _await(
    look: Callable[[], dict[str, Any] | None], options: Options, listener: Listener, patience: float, what: str
) -> dict[str, Any]:
    """What ``look`` finds in the end. Raises MigrationFailed after ``patience`` seconds."""
    waited = 0.0
    while True:
        found = look()
        if found is not None:
            return found
        if waited >= patience:
            raise MigrationFailed(
                f"Waited {patience:g} s for {what}, in vain. Nothing was written.",
                hint="start it: netdoctor migrate EXPORT --plan PLAN --coordinate; then repeat this command",
            )
        if not waited % 60:
            listener(Waiting(f"{what} is not ready", 60))
        options.sleep(POLL)
        waited += POLL


def _read(path: Path, run: str) -> dict[str, Any] | None:
    """None while it is not there, or is of another run."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and told.get("run") == run else None


def _write(path: Path, told: dict[str, Any]) -> None:
    try:
        write_whole(path, json.dumps(told) + "\n")
    except OSError as error:
        raise MigrationFailed(f"{path} cannot be written: {error.strerror or error}.") from error
