"""What several workers wrote is taken back in one go: each worker's own ledger says what it looked up and sent."""

from __future__ import annotations

import json
from contextlib import ExitStack

from netdoctor.errors import UsageError
from netdoctor.migration.aftermath import refuse_other_target
from netdoctor.migration.ledger import Ledger, open_ledger
from netdoctor.migration.planfile import PlanFile
from netdoctor.migration.rollback import Part, Run
from netdoctor.migration.shards import Meeting, Shard


def run_of_fleet(stack: ExitStack, file: PlanFile, coordinator: Ledger, name: str) -> Run:
    """Open every worker's ledger there is; a worker without one has sent nothing.

    Raises UsageError when the coordinator never began, LedgerMismatch, LedgerBusy.
    """
    binding = coordinator.fact("binding")
    if binding is None:
        raise UsageError(f"The ledger {coordinator.path} holds no migration.", hint="nothing was written by this plan")
    bound = json.loads(binding)
    refuse_other_target(coordinator, bound, name)
    workers = bound.get("workers")
    if not isinstance(workers, int) or bound.get("run") != file.run:
        raise UsageError(
            f"The ledger {coordinator.path} is not of the plan {file.path}.", hint="name its own with --plan"
        )
    meeting, parts = Meeting(file.path), []
    for number in range(1, workers + 1):
        shard = Shard(number, workers)
        path = meeting.ledger(shard)
        if path.exists():
            ledger = open_ledger(path)
            stack.callback(ledger.close)
            parts.append(Part(ledger, shard.share(file.plan.records)))
        elif meeting.done(shard).exists():
            raise UsageError(
                f"Worker {shard} has written, and its ledger {path} is gone: what it sent is not known.",
                hint="bring that file back; nothing was deleted",
            )
    return Run(file.plan, coordinator, file.limits, tuple(parts), whole=len(parts) == workers)


def disband(file: PlanFile) -> None:
    """Nobody is ready, and nobody is done: the plan can be gone by once more. After a rollback that is whole."""
    meeting = Meeting(file.path)
    meeting.ready.unlink(missing_ok=True)
    for path in file.path.parent.glob(f"{file.path.name}.*-of-*.done"):
        path.unlink(missing_ok=True)
