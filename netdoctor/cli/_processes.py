"""``migrate --processes N``: the cores of one machine, each with a part of one plan.

One interpreter converts on one core, whatever the number of its threads. So the parts that several machines would
write (``migration/shards.py``) are written by children of this process, which prepares, waits, and verifies.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import click

from netdoctor.cli import _hand
from netdoctor.cli._retyped import retyped
from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.exits import Exit
from netdoctor.migration.events import BatchDone, Listener, Retrying

if TYPE_CHECKING:
    from netdoctor.migration.ledger import Ledger
    from netdoctor.migration.planfile import PlanFile
    from netdoctor.migration.run import Options, Result
    from netdoctor.migration.sources.interface import Source
    from netdoctor.migration.summary import Scene
    from netdoctor.migration.targets.interface import Target

_NOT_OURS = frozenset(
    {"processes", "in_flight", "plan", "shard", "coordinate", "workers", "emit", "ledger", "restart", "dry_run"}
    | {"fix", "yes", "overlap", "repair", "format", "output", "report", "quiet", "verbose"}
)
"""Options that a child is not given: they are this process's, or are said to each child anew."""
_PATIENCE = 30.0
"""Seconds in which a child must have stopped in order."""


def refuse_processes(given: dict[str, Any], source: Source) -> None:
    """Raises UsageError where several processes cannot work."""
    if given["shard"] or given["coordinate"] or given["emit"] or given["plan"]:
        raise UsageError(
            "--processes makes a plan and workers of its own.",
            hint="leave it out, or leave out --plan, --shard, --coordinate and --emit",
        )
    if source.live:
        raise UsageError(
            "A live index is read by one process: how often it may be asked is bounded.",
            hint="leave out --processes, or export it first: netdoctor vectors export",
        )
    if given["ask_api_key"]:
        raise UsageError(
            "Several processes cannot share a prompt.", hint="put the key into QDRANT_API_KEY, or name --api-key-file"
        )


def refuse_other_count(ledger: Ledger, processes: int) -> None:
    """Raises LedgerMismatch: the parts of an unfinished run are divided already."""
    from netdoctor.migration.ledger import LedgerMismatch

    bound = ledger.fact("binding")
    earlier = json.loads(bound).get("workers", 1) if bound else processes
    if earlier != processes:
        by = "one process" if earlier == 1 else f"{earlier} processes"
        raise LedgerMismatch(
            f"The ledger {ledger.path} belongs to a run by {by}.",
            hint=f"resume it with --processes {earlier}, give this one a ledger of its own with --ledger, or add "
            "--restart to start over",
        )


def migrate_by_processes(
    stack: ExitStack,
    given: dict[str, Any],
    source: Source,
    options: Options,
    listener: Listener,
    opened: tuple[Ledger, Target, Scene],
) -> tuple[Result, Scene]:
    """``opened``: the locked ledger and the target. Raises MigrationFailed; the same command goes on."""
    from netdoctor.migration.shards import coordinate

    ledger, target, scene = opened
    if target.transport == "folder":
        raise UsageError("An embedded Qdrant is of one process.", hint="leave out --processes")
    hands = stack.enter_context(Hands(given["processes"], listener))
    path = plan_of(ledger.path)
    # While this process reads for the plan, they load what they need.
    each, new = max(2, -(-given["in_flight"] // hands.count)), ledger.fact("binding") is None
    hands.begin(click.get_current_context(), path, each, restart=new)
    file = _planned(ledger, source, options, path, listener)
    ledger.remember({"plan file": path.name})
    told = replace(options, layout=file.layout, limits=file.limits, on_duplicate=file.on_duplicate, file=file)
    result = coordinate(
        source, target, file, hands.count, ledger, told, listener=listener, gather=lambda _: hands.work(file)
    )
    return replace(result, sent=hands.sent), scene.of(source.label, str(ledger.path))


def plan_of(ledger: Path) -> Path:
    """The plan of a run by processes; their ledgers lie beside it."""
    return ledger.with_name(f"{ledger.name}.plan")


def _planned(ledger: Ledger, source: Source, options: Options, path: Path, listener: Listener) -> PlanFile:
    """The plan of the earlier start, or a new one. Raises LedgerMismatch when that was made from something else."""
    from netdoctor.migration.planfile import read_plan, write_plan
    from netdoctor.migration.planlog import forget
    from netdoctor.migration.run import binding_of, new_plan

    bound = ledger.fact("binding")
    if bound is None:
        plan = new_plan(source, options, path, listener)
        file = write_plan(path, plan, source, limits=options.limits, on_duplicate=options.on_duplicate)
        forget(path)
        return file
    file = read_plan(path, source)
    name = options.target_name
    ledger.bind({**binding_of(file.plan, name, options), "workers": json.loads(bound)["workers"], "run": file.run})
    return file


class Hands:
    """The children. Entered and :meth:`begin`: they load what they need; left: none of them is there any more."""

    def __init__(self, count: int, listener: Listener) -> None:
        self.count = count
        self.sent = 0
        """Points sent by this start."""
        self._listener = listener
        self._children: list[subprocess.Popen[bytes]] = []
        self._heard: queue.Queue[tuple[int, str | None]] = queue.Queue()
        self._complaints: list[IO[bytes]] = []

    def __enter__(self) -> Hands:
        return self

    def begin(self, ctx: click.Context, plan: Path, in_flight: int, *, restart: bool) -> None:
        """Start them. They wait for :meth:`work`."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if name.removeprefix("NETDOCTOR_").lower() not in _NOT_OURS or not name.startswith("NETDOCTOR_")
        }
        environment[_hand.VARIABLE] = "1"
        for number in range(1, self.count + 1):
            more = [f"--plan={plan}", f"--shard={number}/{self.count}", f"--in-flight={in_flight}"]
            more += ["--format=json", "--quiet", *(["--restart"] if restart else [])]
            complaints = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it is left
            self._complaints.append(complaints)
            child = subprocess.Popen(
                [sys.executable, "-m", "netdoctor", *retyped(ctx, without=_NOT_OURS, more=more)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment,
                # A Ctrl-C at the terminal is this process's, which stops them in order.
                process_group=0,
            )
            self._children.append(child)
            threading.Thread(target=self._hear, args=(number - 1, child), name="netdoctor-child", daemon=True).start()

    def _hear(self, index: int, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        with child.stdout as lines:
            for line in lines:
                self._heard.put((index, line.decode("utf-8", "replace")))
        self._heard.put((index, None))

    def work(self, file: PlanFile) -> None:
        """Everything of the plan. Raises MigrationFailed with what the first child to fail said."""
        try:
            for child in self._children:
                assert child.stdin is not None
                # It may have failed already: what it said comes below.
                with contextlib.suppress(OSError):
                    child.stdin.write(_hand.GO)
                    child.stdin.flush()
            self._follow(file)
        except BaseException:
            self._stop()
            raise

    def _follow(self, file: PlanFile) -> None:
        said = [""] * self.count
        left = self.count
        tally = _Tally(file)
        while left:
            index, line = self._heard.get()
            if line is None:
                left -= 1
                self._settle(index, said[index])
            elif line.startswith('{"event"'):
                tally.tell(index, json.loads(line), self._listener)
            else:
                said[index] += line

    def _settle(self, index: int, said: str) -> None:
        """A child is at its end. Raises MigrationFailed when it is not at the end of its part."""
        status = self._children[index].wait()
        told: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            told = json.loads(said)
        if status in (Exit.OK, Exit.FINDINGS) and "sent" in told:
            self.sent += int(told["sent"])
            return
        error = told.get("error") or {}
        message = str(error.get("message") or self._complained(index) or "it said nothing")
        if status < 0:
            message = f"it was ended by signal {-status}"
        raise MigrationFailed(
            f"Process {index + 1} of {self.count} stopped: {message}",
            hint=str(error.get("hint") or "repeat the same command: it resumes"),
        )

    def _complained(self, index: int) -> str:
        file = self._complaints[index]
        file.seek(0)
        return file.read(4000).decode("utf-8", "replace").strip()

    def _stop(self) -> None:
        """In order where they can; by force where they do not end."""
        deadline = time.monotonic() + _PATIENCE
        for child in self._children:
            if child.poll() is None:
                child.terminate()
        for child in self._children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            if child.poll() is None:
                child.kill()
                child.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stop()
        finally:
            for child in self._children:
                assert child.stdin is not None
                with contextlib.suppress(OSError):
                    child.stdin.close()
            for file in self._complaints:
                file.close()


class _Tally:
    """What all children have done, from what each of them tells."""

    def __init__(self, file: PlanFile) -> None:
        self._total = file.plan.points
        self._points = {each.name: each.points for each in file.plan.collections}
        self._limit = file.limits.points
        self._done: dict[int, int] = {}
        self._nth: dict[str, dict[int, int]] = {}

    def tell(self, index: int, event: dict[str, Any], listener: Listener) -> None:
        if event["event"] == Retrying.__name__:
            listener(Retrying(event["reason"], event["seconds"]))
            return
        name = event["collection"]
        self._done[index] = event["done"]
        self._nth.setdefault(name, {})[index] = event["batch"]
        batch = sum(self._nth[name].values())
        batches = max(batch, -(-self._points[name] // self._limit))
        listener(BatchDone(name, batch, batches, event["points"], sum(self._done.values()), self._total))
