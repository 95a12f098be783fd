"""The loop: apply, ask again from inside, keep or roll back. Every step is on the disk before it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from netdoctor.errors import FixFailed, NetdoctorError
from netdoctor.fixes import snapshot
from netdoctor.fixes.apply import Hands, NetworkEngine
from netdoctor.fixes.confirm import Baseline, Judgement, baseline_of, judge
from netdoctor.fixes.journal import End, Journal, StepState, Transaction
from netdoctor.fixes.plan import PlannedFix, changed_by
from netdoctor.fixes.possible import first_problem, owned_network, stands
from netdoctor.fixes.snapshot import Snapshot
from netdoctor.model import CreateNetwork, Edge, Operation, Report, Topology, Verdict

Recheck = Callable[[Topology, Sequence[Edge]], Report]
"""Ask these edges again from inside, on a fresh topology."""

INSIDE = ("/etc/resolv.conf", "/etc/hosts")
"""Files that the engine rewrites when networks change, and does not always write back."""

SECOND_LOOK = 1.0
"""Seconds before a disappointing answer is asked for once more: a program may need a moment."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything the loop works with. The caller holds the journal's lock."""

    engine: NetworkEngine
    look: Callable[[], Topology]
    recheck: Recheck
    journal: Journal
    read_inside: Callable[[str, str], bytes] | None = None
    """``Engine.read_file``; None where nobody can read inside."""
    tell: Callable[[str], None] = lambda _: None
    """Progress, one sentence at a time."""
    sleep: Callable[[float], None] = time.sleep

    def hands(self) -> Hands:
        return Hands(self.engine, self.look, self.journal)

    def inside(self, containers: Sequence[str]) -> dict[str, dict[str, str]]:
        """What can be read of :data:`INSIDE`; silence is no reason to stop."""
        found: dict[str, dict[str, str]] = {}
        for container in containers:
            for path in INSIDE:
                try:
                    raw = self.read_inside(container, path) if self.read_inside is not None else None
                except NetdoctorError:
                    raw = None
                if raw is not None:
                    found.setdefault(container, {})[path] = raw.decode("utf-8", "replace")
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one fix."""

    fix: PlannedFix | None
    transaction: str
    judgement: Judgement
    kept: bool
    problems: tuple[str, ...] = ()
    """What could not be rolled back."""
    report: Report | None = field(default=None, compare=False)
    """The answers after it."""


def baseline(report: Report, fix: PlannedFix, bystanders: Report | None = None) -> Baseline:
    """The edges that the finding explains, and every passing one of the same run or of the same containers."""
    explained = baseline_of(report, fix.findings)
    asked = [each for each in explained.asked if each.codes or each.verdict is Verdict.HOLDS]
    if bystanders is not None:
        asked += [each for each in baseline_of(bystanders, ()).asked if each.verdict is Verdict.HOLDS]
    return Baseline(tuple(asked))


def carry_out(fix: PlannedFix, before: Baseline, desk: Desk) -> Outcome:
    """Apply one planned fix, confirm it, keep it or roll it back.

    Raises FixFailed or the engine's error when it could not be applied; then it is rolled back already, and the
    message says so. Interrupts roll back as well.
    """
    now = desk.look()
    _still_possible(fix, now)
    touched = changed_by(fix.operations)
    transaction = desk.journal.begin(
        fix.remedy.title, fix.operations, snapshot.take(now, touched), before.to_json(), desk.inside(touched)
    )
    return _finish(desk, transaction, fix.operations, 0, before, fix, desk.hands())


def finish(interrupted: Transaction, desk: Desk) -> Outcome:
    """Complete a transaction that was killed half-way, and confirm it as if it had not been."""
    try:
        before = Baseline.from_json(interrupted.baseline or {})
    except (KeyError, TypeError, ValueError) as error:
        raise FixFailed(
            "The journal does not say what the interrupted fix was for.", hint="Revert it: netdoctor undo"
        ) from error
    now = desk.look()
    hands = desk.hands()
    for number, step in interrupted.standing:
        made = owned_network(now, step)
        if made is not None and isinstance(step.operation, CreateNetwork):
            hands.made[step.operation.name] = made.id
        if step.state is StepState.INTENDED:
            there = stands(step.operation, now)
            desk.journal.mark(
                interrupted.id, number, StepState.DONE if there else StepState.NOT_DONE, made=made.id if made else None
            )
    left = tuple(op for op in interrupted.planned if not _already(op, now, hands))
    return _finish(desk, interrupted.id, left, len(interrupted.steps), before, None, hands)


def _already(operation: Operation, now: Topology, hands: Hands) -> bool:
    if isinstance(operation, CreateNetwork):
        return operation.name in hands.made
    return stands(hands.resolved(operation), now)


def _finish(
    desk: Desk,
    transaction: str,
    operations: Sequence[Operation],
    first: int,
    before: Baseline,
    fix: PlannedFix | None,
    hands: Hands,
) -> Outcome:
    try:
        for operation in operations:
            desk.tell(operation.command())
        hands.apply(transaction, operations, first=first)
        desk.tell("asking again from inside")
        judgement, report = _judged(before, desk, operations, _before(desk.journal, transaction))
    except BaseException as error:
        problems = _roll_back(desk, transaction, hands)
        if isinstance(error, NetdoctorError):
            raise _failed(error, problems) from error
        raise
    if judgement.keep:
        topology = report.topology or desk.look()
        standing = snapshot.places(topology, _before(desk.journal, transaction))
        desk.journal.end(transaction, End.KEPT, snapshot.take(topology, standing.values()))
        return Outcome(fix, transaction, judgement, True, (), report)
    return Outcome(fix, transaction, judgement, False, _roll_back(desk, transaction, hands), report)


def _judged(
    before: Baseline, desk: Desk, applied: Sequence[Operation], was: Sequence[Snapshot]
) -> tuple[Judgement, Report]:
    judgement, report = _asked(before, desk, applied, was)
    if not judgement.keep:
        desk.sleep(SECOND_LOOK)
        judgement, report = _asked(before, desk, applied, was)
    return judgement, report


def _asked(
    before: Baseline, desk: Desk, applied: Sequence[Operation], was: Sequence[Snapshot]
) -> tuple[Judgement, Report]:
    """Of a service whose tasks were made anew, the new ones are asked."""
    now = desk.look()
    here = before.moved(snapshot.places(now, was))
    report = desk.recheck(now, here.edges)
    return judge(here, report, applied), report


def _roll_back(desk: Desk, transaction: str, hands: Hands) -> tuple[str, ...]:
    """Take back every step that may stand; what cannot be is left open in the journal, for ``undo``."""
    found = next((t for t in desk.journal.transactions() if t.id == transaction), None)
    if found is None:
        return ("the journal lost the transaction",)
    problems = list(hands.take_back(transaction, found.standing))
    now = desk.look()
    for was in found.before:
        container = now.container(was.container) if was.slot is None else snapshot.successor(now, was)
        if container is not None:
            problems += snapshot.moved(was, container)
    if not problems:
        desk.journal.end(transaction, End.ROLLED_BACK)
    return tuple(problems)


def _before(journal: Journal, transaction: str) -> tuple[Snapshot, ...]:
    found = next((t for t in journal.transactions() if t.id == transaction), None)
    return found.before if found is not None else ()


def _still_possible(fix: PlannedFix, now: Topology) -> None:
    problem = first_problem(fix.operations, now)
    if problem is not None:
        raise FixFailed(f"{problem.message} Nothing was changed.", hint=problem.hint)


def _failed(error: NetdoctorError, problems: Sequence[str]) -> FixFailed:
    if problems:
        return FixFailed(
            f"{error.message} Rolling back did not work entirely: {'; '.join(problems)}.",
            hint="Look at the engine, then take back the rest with: netdoctor undo",
            status=error.status,
        )
    status = FixFailed.status if isinstance(error, FixFailed) else error.status
    return FixFailed(f"{error.message} Everything done so far was rolled back.", hint=error.hint, status=status)


def interrupted_error(transaction: Transaction) -> FixFailed:
    """What the next run says about one that was killed: what stands, and both ways out."""
    done = [step.operation.command() for _, step in transaction.standing if step.state is StepState.DONE]
    maybe = [step.operation.command() for _, step in transaction.standing if step.state is StepState.INTENDED]
    left = transaction.planned[len(transaction.steps) :]
    parts = [f"done: {'; '.join(done)}"] if done else []
    parts += [f"perhaps done: {'; '.join(maybe)}"] if maybe else []
    parts += [f"not done: {'; '.join(op.command() for op in left)}"] if left else []
    return FixFailed(
        f"An earlier fix was interrupted ({transaction.title}, {transaction.at}): {', '.join(parts)}.",
        hint="Revert it: netdoctor undo. Or finish and confirm it: netdoctor fix --finish",
    )


def as_json(outcome: Outcome) -> dict[str, Any]:
    """For the machine-readable report."""
    judgement = outcome.judgement
    return {
        "title": outcome.fix.remedy.title if outcome.fix is not None else "the interrupted fix",
        "kept": outcome.kept,
        "fixed": list(judgement.fixed),
        "left": [{"code": finding.code, "cause": finding.cause} for finding in judgement.left],
        "against": list(judgement.against),
        "problems": list(outcome.problems),
    }


__all__ = [
    "INSIDE",
    "Desk",
    "Outcome",
    "Recheck",
    "as_json",
    "baseline",
    "carry_out",
    "finish",
    "interrupted_error",
]
