"""From a report to fixed, or not: the plan with its files, then each incident as a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from netdoctor.errors import FixFailed
from netdoctor.exits import Exit
from netdoctor.fixes.choices import Choices
from netdoctor.fixes.journal import End, Journal, Transaction
from netdoctor.fixes.panels import Panels, write_panels
from netdoctor.fixes.permanent import Declared, PanelPatch, Paste, Patch, Permanent
from netdoctor.fixes.persist import plan_permanence, write_patches
from netdoctor.fixes.plan import IMPERMANENT, Plan, make_plan
from netdoctor.fixes.possible import stands
from netdoctor.fixes.redeployed import broken_by_deploy
from netdoctor.fixes.run import Desk, Outcome, baseline, carry_out
from netdoctor.model import Confidence, Edge, EdgeReport, Finding, Membership, Report, Severity, Topology, Verdict


@dataclass(frozen=True, slots=True)
class Intended:
    """Everything that will be done, for showing and for doing. Nothing has been changed yet."""

    report: Report
    plan: Plan
    persist: bool = False
    permanent: Permanent = field(default_factory=Permanent)
    earlier: tuple[tuple[Transaction, Permanent], ...] = ()
    """Live fixes of earlier runs that are not permanent yet; only when there is nothing to fix live."""

    @property
    def empty(self) -> bool:
        """Nothing would be changed."""
        return not self.plan.fixes and not any(each.patches or each.panels for _, each in self.earlier)

    @property
    def permanents(self) -> tuple[Permanent, ...]:
        return (self.permanent, *(permanent for _, permanent in self.earlier))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of it."""

    intended: Intended
    outcomes: tuple[Outcome, ...] = ()
    written: tuple[Patch, ...] = ()
    told: tuple[PanelPatch, ...] = ()
    """What platforms were told over their API, and gave back."""
    declared: tuple[Declared, ...] = ()
    pastes: tuple[Paste, ...] = ()
    failure: FixFailed | None = None
    """Why it stopped; what was done before it stays."""

    @property
    def fixed(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(code for outcome in self.outcomes if outcome.kept for code in outcome.judgement.fixed)
        )

    @property
    def left(self) -> tuple[Finding, ...]:
        """What still fails, or was never fixable from outside."""
        # What works now and is not in a file yet is what --persist is for, no failure of the fix.
        left = [f for outcome in self.outcomes for f in outcome.judgement.left]
        fixed_now = [f for f in left if f.severity is Severity.ERROR or f.code not in IMPERMANENT]
        not_kept = [f for o in self.outcomes if not o.kept and o.fix is not None for f in o.fix.findings]
        held = [each.finding for each in self.intended.plan.held_back]
        stopped = [f for fix in self.intended.plan.fixes[len(self.outcomes) :] for f in fix.findings]
        found = {(f.code, f.cause): f for f in [*fixed_now, *not_kept, *held, *stopped] if _counts(f)}
        return tuple(found.values())

    @property
    def status(self) -> Exit:
        """0: all that was found is fixed and confirmed (and permanent, when asked). 3: nothing found, nothing known."""
        if self.failure is not None:
            return self.failure.status if self.failure.status is not Exit.OK else Exit.FINDINGS
        if self.left or any(not outcome.kept for outcome in self.outcomes) or (self.intended.persist and self.pastes):
            return Exit.FINDINGS
        verdicts = {outcome.report.verdict for outcome in self.outcomes if outcome.report is not None}
        verdicts = verdicts or {self.intended.report.verdict}
        if Verdict.BROKEN in verdicts:
            return Exit.FINDINGS
        return Exit.OK if verdicts == {Verdict.HOLDS} else Exit.UNKNOWN

    @property
    def still_broken(self) -> tuple[EdgeReport, ...]:
        """Edges that fail later than before, and that no finding explains."""
        found = [edge for outcome in self.outcomes if outcome.report is not None for edge in outcome.report.edges]
        named = {edge for finding in self.left if (edge := finding.edge) is not None}
        return tuple(each for each in found if each.verdict is Verdict.BROKEN and each.edge not in named)


def intend(
    report: Report,
    choices: Choices,
    *,
    about: Sequence[Edge] | None = None,
    persist: bool = False,
    override: bool = False,
    panels: Panels | None = None,
    elsewhere: bool = False,
    journal: Journal | None = None,
) -> Intended:
    """Plan live changes and files. ``override``: files beside the compose files, which stay as they are.
    ``panels``: what platforms will be told over their API. ``elsewhere``: the engine is on another machine.

    Raises UsageError, FixFailed, JournalError.
    """
    plan = make_plan(report, choices, about=about)
    topology = report.topology
    if not persist or topology is None:
        return Intended(report, plan, persist)
    planning = partial(plan_permanence, topology=topology, override=override, panels=panels, elsewhere=elsewhere)
    if plan.fixes:
        memberships = [m for fix in plan.fixes for m in fix.memberships]
        return Intended(report, plan, persist, planning(memberships))
    earlier = _earlier(journal, topology, about, planning) if journal is not None else ()
    return Intended(report, plan, persist, earlier=earlier)


def execute(intended: Intended, desk: Desk, bystanding: Report | None = None, panels: Panels | None = None) -> Result:
    """Do it, one incident after another, under the journal's lock. Stops at the first that cannot be done."""
    outcomes: list[Outcome] = []
    written: list[Patch] = []
    told: list[PanelPatch] = []
    pastes: list[Paste] = []
    failure: FixFailed | None = None
    topology = intended.report.topology

    def make_permanent(permanent: Permanent, transaction: str) -> None:
        done, left = write_patches(permanent, desk.journal, transaction)
        find = topology.container if topology is not None else lambda _: None
        said, unsaid = write_panels(permanent, find, panels, desk.journal, transaction)
        written.extend(done)
        told.extend(said)
        pastes.extend((*permanent.pastes, *left, *unsaid))

    for fix in intended.plan.fixes:
        try:
            outcome = carry_out(fix, baseline(intended.report, fix, bystanding), desk)
        except FixFailed as error:
            failure = error
            break
        outcomes.append(outcome)
        if outcome.kept and intended.persist:
            part = _part(intended.permanent, fix.memberships)
            make_permanent(part, outcome.transaction)
    for transaction, permanent in intended.earlier:
        make_permanent(permanent, transaction.id)
    if failure is None and any(panel.interrupts for panel in told):
        failure = broken_by_deploy(outcomes, desk)
    declared = [each for permanent in intended.permanents for each in permanent.declared]
    return Result(
        intended,
        tuple(outcomes),
        tuple(written),
        tuple(told),
        tuple(declared),
        tuple(pastes),
        failure,
    )


def _part(permanent: Permanent, memberships: Sequence[Membership]) -> Permanent:
    """What concerns these memberships."""
    wanted = set(memberships)
    return replace(
        permanent,
        patches=tuple(p for p in permanent.patches if p.membership in wanted),
        panels=tuple(p for p in permanent.panels if p.membership in wanted),
        pastes=tuple(p for p in permanent.pastes if p.membership in wanted),
    )


def _earlier(
    journal: Journal,
    topology: Topology,
    about: Sequence[Edge] | None,
    planning: Callable[[Sequence[Membership]], Permanent],
) -> tuple[tuple[Transaction, Permanent], ...]:
    """Fixes that are kept and still in effect, whose files do not say so yet."""
    ends = {ref.id for edge in about or () for ref in (edge.source, edge.target)}
    found = []
    for transaction in journal.transactions():
        if transaction.end is not End.KEPT:
            continue
        memberships = [
            membership
            for _, step in transaction.standing
            if stands(step.operation, topology)
            for membership in step.operation.permanent()
            if not ends or membership.container in ends
        ]
        permanent = planning(memberships)
        if permanent.patches or permanent.panels or permanent.pastes or permanent.declared:
            found.append((transaction, permanent))
    return tuple(found)


def _counts(finding: Finding) -> bool:
    return finding.confidence is not Confidence.POSSIBLE


__all__ = ["Intended", "Result", "execute", "intend"]
