"""Plan and result as text for a person (80 columns, no colour needed) and as data for a program."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from netdoctor.fixes import run
from netdoctor.fixes.codec import operation_to_json
from netdoctor.fixes.permanent import Paste, Permanent
from netdoctor.fixes.plan import HeldBack, PlannedFix
from netdoctor.fixes.service import Intended, Result
from netdoctor.fixes.undo import Undone, UndoPlan
from netdoctor.model import Finding
from netdoctor.redact import redact_text
from netdoctor.terminal import plain, plain_block

WIDTH = 80
_GAP = 11
"""Columns of the word in front."""

SCHEMA = "netdoctor.fix/1"


def plan_text(intended: Intended) -> str:
    """What will be done."""
    lines: list[str] = []
    for fix in intended.plan.fixes:
        lines += [*_planned(fix), ""]
    for held in intended.plan.held_back:
        lines += [*_held(held), ""]
    for permanent in intended.permanents:
        lines += list(_permanent(permanent))
    if not lines:
        return "Nothing to fix.\n"
    return "\n".join(lines).rstrip() + "\n"


def result_text(result: Result, *, again: str, persist_command: str) -> str:
    """What was done, what is left, what to type next."""
    lines: list[str] = []
    for outcome in result.outcomes:
        lines += _outcome(outcome)
    if result.failure is not None:
        lines += _row("FAILED", result.failure.message)
        lines += _row("", result.failure.hint) if result.failure.hint else []
    for patch in result.written:
        lines += _row("permanent", f"{patch.path}: written and read back ({patch.edit.service} joins {patch.edit.key})")
        if not patch.named:
            lines += _row("", "It takes effect at the next: docker compose up -d")
    for panel in result.told:
        lines += _row("permanent", f"{panel.where}: told over its API and read back")
        lines += [line for note in panel.notes[-1:] for line in _row("", note)]
    for declared in result.declared:
        lines += _row("permanent", f"{declared.path} says it already")
    if result.pastes:
        lines += _not_permanent(result)
    lines += _left(result)
    lines += _next(result, again, persist_command)
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def undo_text(plan: UndoPlan) -> str:
    """What will be taken back."""
    transaction = plan.transaction
    lines = [f"Take back: {plain(transaction.title)} ({transaction.at})"]
    lines += [f"  {plain(command)}" for command in plan.commands]
    lines += [
        f"  {'remove' if change.created else 'take the added lines out of'} {plain(change.path)}"
        for _, change in plan.files
    ]
    lines += [f"  tell {plain(change.address)} what it had before: {plain(change.title)}" for _, change in plan.panels]
    lines += [f"  ({plain(gone)})" for gone in plan.gone]
    if not plan.commands and not plan.files and not plan.panels:
        lines.append("  Nothing of it is in effect any more.")
    return "\n".join(lines) + "\n"


def undone_text(undone: Undone) -> str:
    """What was taken back, and what was not."""
    lines = _row("undone", plain(undone.transaction.title)) if not undone.problems else []
    lines += [line for path in undone.restored_files for line in _row("restored", path)]
    lines += [line for problem in undone.problems for line in _row("NOT UNDONE", problem)]
    lines += [line for said in undone.lasting for line in _row("note", said)]
    for diff in undone.by_hand:
        lines += _row("by hand", "The file has changed since it was patched; this takes the added lines out:")
        lines += [plain_block(diff)]
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def document(result: Result) -> dict[str, Any]:
    """The machine-readable report of a run; fields are only ever added."""
    intended = result.intended
    return {
        "schema": SCHEMA,
        "status": int(result.status),
        **plan_document(intended),
        "outcomes": [run.as_json(outcome) for outcome in result.outcomes],
        "fixed": list(result.fixed),
        "left": [{"code": f.code, "cause": redact_text(f.cause)} for f in result.left],
        "written": [patch.path for patch in result.written],
        "told": [panel.where for panel in result.told],
        "paste": [_paste_document(paste) for paste in result.pastes],
        "error": result.failure.message if result.failure is not None else None,
    }


def plan_document(intended: Intended) -> dict[str, Any]:
    """The plan alone."""
    return {
        "plan": [
            {
                "code": fix.finding.code,
                "cause": redact_text(fix.finding.cause),
                "also": [{"code": f.code, "cause": redact_text(f.cause)} for f in fix.also],
                "title": fix.remedy.title,
                "safe": fix.remedy.safe,
                "operations": [operation_to_json(operation) for operation in fix.operations],
                "commands": list(fix.commands),
                "warnings": list(fix.warnings),
                "alternatives": list(fix.alternatives),
            }
            for fix in intended.plan.fixes
        ],
        "held_back": [
            {
                "code": h.finding.code,
                "reason": h.reason,
                "advice": list(h.advice),
                "commands": list(h.commands),
            }
            for h in intended.plan.held_back
        ],
        "patches": [
            {"path": patch.path, "service": patch.edit.service, "diff": patch.diff}
            for permanent in intended.permanents
            for patch in permanent.patches
        ],
        "panels": [
            {
                "platform": panel.platform,
                "address": panel.address,
                "resource": panel.now.resource,
                "service": panel.service,
                "switches": list(panel.switches),
                "diff": panel.diff,
            }
            for permanent in intended.permanents
            for panel in permanent.panels
        ],
        "planned_paste": [_paste_document(paste) for permanent in intended.permanents for paste in permanent.pastes],
    }


def _planned(fix: PlannedFix) -> Iterator[str]:
    yield from _row(fix.finding.code, fix.finding.cause)
    for finding in fix.also:
        yield from _row(finding.code, finding.cause)
    yield from _row("fix", f"{fix.remedy.title}{'' if fix.remedy.safe else ' (disruptive)'}")
    yield from (f"{'':{_GAP}}{plain(command)}" for command in fix.commands)
    for warning in fix.warnings:
        yield from _row("note", warning)
    for alternative in fix.alternatives:
        yield from _row("or", alternative)


def _held(held: HeldBack) -> Iterator[str]:
    yield from _row(held.finding.code, held.finding.cause)
    yield from _row("not fixed", f"{held.reason}.")
    for advice in held.advice:
        # Each line is a command for copying, or a sentence.
        for index, line in enumerate(advice.splitlines()):
            yield from _row("do this" if index == 0 else "", line)
    yield from (f"{'':{_GAP}}{plain(command)}" for command in held.commands)


def _permanent(permanent: Permanent) -> Iterator[str]:
    for patch in permanent.patches:
        made = " (a new file)" if patch.created else ""
        yield from _row(
            "for good", f"{patch.path}{made}: service {patch.edit.service} joins {patch.membership.network}"
        )
        for notice in patch.edit.notices:
            # Names and routes were foreseen above, for this very engine.
            if not notice.startswith(("On ", "The service's default route")):
                yield from _row("", notice)
        yield ""
        yield plain_block(patch.diff)
    for panel in permanent.panels:
        yield from _row("for good", f"{panel.where}: service {panel.service} joins {panel.membership.network}")
        for said in (*panel.switches, *panel.notes):
            yield from _row("", said)
        yield ""
        if panel.diff:
            yield plain_block(panel.diff)
    for declared in permanent.declared:
        yield from _row("for good", f"{declared.path} says it already")
    for paste in permanent.pastes:
        yield from _pasted(paste, "to paste")


def _pasted(paste: Paste, word: str) -> Iterator[str]:
    # Most reasons begin with the platform's name.
    yield from _row(word, paste.why if paste.why.startswith(paste.platform) else f"{paste.platform}: {paste.why}")
    yield ""
    yield plain_block(paste.text).rstrip()
    yield ""


def _outcome(outcome: run.Outcome) -> Iterator[str]:
    judgement = outcome.judgement
    title = outcome.fix.remedy.title if outcome.fix is not None else "The interrupted fix"
    if outcome.kept:
        yield from _row("fixed", f"{', '.join(judgement.fixed) or title}: confirmed from inside")
        report = outcome.report
        holding = [e.label for e in report.edges if e.verdict.value == "holds"] if report is not None else []
        yield from (line for label in holding[:4] for line in _row("", f"{label} holds"))
        return
    yield from _row("NOT fixed", f"{title}: applied, not confirmed, {'rolled back' if not outcome.problems else ''}")
    for reason in judgement.against:
        yield from _row("", reason)
    for problem in outcome.problems:
        yield from _row("NOT undone", problem)


def _not_permanent(result: Result) -> Iterator[str]:
    live = any(outcome.kept for outcome in result.outcomes) or not result.outcomes
    yield ""
    yield f"{'LIVE fixed. ' if live else ''}NOT permanent: paste this"
    for paste in result.pastes:
        yield from _pasted(paste, "because")


def _left(result: Result) -> Iterator[str]:
    said: dict[str, Finding] = {finding.code: finding for finding in result.left}
    for finding in said.values():
        yield from _row("remains", f"{finding.code}: {finding.cause}")
    for edge in result.still_broken:
        yield from _row("remains", f"{edge.label} now fails at a later layer, for a reason of its own")


def _next(result: Result, again: str, persist_command: str) -> Iterator[str]:
    kept = any(outcome.kept for outcome in result.outcomes)
    # A service keeps what it was given; only what a container was given goes with it.
    passing = any(o.kept and (o.fix is None or o.fix.memberships) for o in result.outcomes)
    live_only = passing and not result.intended.persist
    yield ""
    if live_only:
        yield "This lasts until the container is made anew. For good:"
        yield f"  {persist_command}"
    if result.left or result.still_broken or result.failure is not None:
        yield f"Next: {again}"
    if kept or result.written or result.told:
        yield "Take it back with: netdoctor undo"


def _paste_document(paste: Paste) -> dict[str, str]:
    return {"container": paste.container, "platform": paste.platform, "why": paste.why, "text": paste.text}


def _row(word: str, text: str) -> list[str]:
    """A word in front, the text beside it, wrapped; words that are too long to wrap (paths) stay whole."""
    wrapped = textwrap.wrap(redact_text(plain(text)), WIDTH - _GAP, break_long_words=False, break_on_hyphens=False) or [
        ""
    ]
    return [f"{word if index == 0 else '':{_GAP}}{line}" for index, line in enumerate(wrapped)]


__all__ = ["SCHEMA", "document", "plan_document", "plan_text", "result_text", "undo_text", "undone_text"]
