"""What can be done with the ledger of a finished run: verify it again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.migration.events import Listener, Retrying, Verifying, silent
from netdoctor.migration.ledger import Ledger, LedgerMismatch
from netdoctor.migration.plan import Plan
from netdoctor.migration.points import Layout
from netdoctor.migration.retry import Retry
from netdoctor.migration.run import Result
from netdoctor.migration.sources.interface import Source
from netdoctor.migration.targets.interface import Target
from netdoctor.migration.tracked import Tracker
from netdoctor.migration.verify import Expected, verify


def told_plan(ledger: Ledger) -> tuple[Plan, dict[str, Any]]:
    """The plan and the binding that the ledger holds. Raises UsageError when it holds none."""
    binding, plan = ledger.fact("binding"), ledger.fact("plan")
    if binding is None or plan is None:
        raise UsageError(f"The ledger {ledger.path} holds no migration.", hint="migrate first: netdoctor migrate")
    bound: dict[str, Any] = json.loads(binding)
    return Plan.from_json(json.loads(plan), Layout.bound(bound)), bound


def refuse_other_target(ledger: Ledger, bound: dict[str, Any], name: str) -> None:
    if bound["target"] != name:
        raise LedgerMismatch(
            f"The ledger {ledger.path} is of a migration into {bound['target']!r}, not into {name!r}.",
            hint="give that target with --to, or another ledger with --ledger",
        )


def verify_again(
    source: Source | None,
    target: Target,
    ledger: Ledger,
    *,
    name: str,
    patience: float = 60.0,
    repair: bool = False,
    overlap_at: int = 0,
    listener: Listener = silent,
) -> Result:
    """Compare the target with what the run wrote. ``source`` may be away: then differences are counted, not named.

    Raises MigrationFailed when the run is not at its end, or the source is another one now.
    """
    plan, bound = told_plan(ledger)
    refuse_other_target(ledger, bound, name)
    if not ledger.complete:
        raise MigrationFailed(
            f"The migration of the ledger {ledger.path} is not at its end.", hint="repeat its command: it resumes"
        )
    if source is not None:
        plan = with_source(plan, source)
    elif repair:
        raise UsageError("Without the export nothing can be repaired.", hint="name the export file first")
    tracker = Tracker(ledger, plan.collections)
    checked = verify(
        plan,
        Expected(tracker.sums, tracker.samples, ledger.all_skipped()),
        target,
        source=source,
        retry=Retry(patience=patience, tell=lambda why, seconds: listener(Retrying(why, seconds))),
        workers=4,
        repair=repair,
        overlap_at=overlap_at,
        tell=lambda done, total: listener(Verifying(done, total)),
    )
    return Result(plan, checked, 0, (), True, 0.0)


def with_source(plan: Plan, source: Source) -> Plan:
    """A touched file is read once to see whether it is still the same."""
    if source.stamp() == plan.stamp:
        return plan
    for _ in source.records():
        pass
    if source.digest() != plan.digest:
        raise LedgerMismatch(f"The export {source.label} has changed since it was migrated.")
    return replace(plan, stamp=source.stamp())
