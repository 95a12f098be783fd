"""What a migration reports in the end: as a document and as text."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from netdoctor.migration.plan import Plan
from netdoctor.migration.rollback import RolledBack
from netdoctor.migration.run import Result
from netdoctor.migration.shards import Part
from netdoctor.migration.verify import Verification
from netdoctor.terminal import plain
from netdoctor.version import __version__

SCHEMA = "netdoctor.migration/1"
_MOST_COLLECTIONS = 10
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Scene:
    """Where from, where to and how: what the report names beside the numbers."""

    export: str
    target: str
    origin: str
    """What gave the target: ``--to``, ``QDRANT_URL``."""
    transport: str = ""
    via: str = ""
    vantage: str = ""
    ledger: str = ""
    container: str = ""
    """The target's id, when it is a container of the engine that was asked."""

    def of(self, export: str, ledger: str) -> Scene:
        return replace(self, export=export, ledger=ledger)


def percent(part: int, whole: int) -> float:
    """Rounded down to two decimals: 100.0 only when nothing is missing."""
    return math.floor(part * 10000 / whole) / 100 if whole else 0.0


def _wanted(result: Result) -> int:
    """Records that were to arrive: not the losers of --on-duplicate, nor what --skip-existing left alone."""
    return result.plan.records - len(result.plan.losers) - result.verification.left_alone


def _success(result: Result) -> float:
    """Of those, how many did; 100.0 exactly where all did."""
    return percent(result.verification.verified, _wanted(result)) if _wanted(result) or not result.good else 100.0


def document(result: Result, scene: Scene) -> dict[str, Any]:
    """Plain data; fields are only ever added."""
    plan, checked = result.plan, result.verification
    return {
        **_head(scene),
        "ok": result.good,
        "in_export": plan.records,
        "migrated": checked.verified,
        "sent": result.sent,
        "resumed": result.resumed,
        "errors": plan.skipped + len(result.refused),
        "refused": list(result.refused.values())[:_MOST_NAMED],
        "late": [{"record": number, "reason": told} for number, told in [*result.late.items()][:_MOST_NAMED]],
        "source_notes": list(result.notes),
        "verified": checked.verified,
        "success_percent": _success(result),
        "collections": [
            {
                "name": check.name,
                "created": check.name in result.created,
                "planned": check.planned,
                "verified": check.equal,
                "points": check.held,
            }
            for check in checked.collections
        ],
        "left_alone": checked.left_alone,
        "other_points": _others(result),
        "compared": {
            "bit_for_bit": checked.exact,
            "with_the_source_again": checked.reread,
            "repaired": checked.repaired,
        },
        "searches": {"asked": checked.searched, "found": checked.found},
        **_overlap(checked),
        "problems": list(checked.problems),
        **_about_plan(plan),
        "seconds": {
            "plan": round(plan.seconds, 3),
            "write": round(result.write_seconds, 3),
            "verify": round(checked.seconds, 3),
        },
    }


def plan_document(plan: Plan, scene: Scene) -> dict[str, Any]:
    """Of a dry run: nothing was written."""
    return {
        **_head(scene),
        "dry_run": True,
        "in_export": plan.records,
        "errors": plan.skipped,
        "collections": [
            {"name": each.name, "dimension": each.dimension, "planned": each.points} for each in plan.collections
        ],
        **_about_plan(plan),
        "seconds": {"plan": round(plan.seconds, 3)},
    }


def text(result: Result, scene: Scene) -> str:
    """For people: at most 80 columns where names allow it."""
    plan, checked = result.plan, result.verification
    more = len(checked.collections) - _MOST_COLLECTIONS
    speed = f" ({result.sent / result.write_seconds:,.0f}/s)" if result.sent and result.write_seconds else ""
    earlier = checked.verified - result.sent
    took = f"plan {plan.seconds:.2f} s, write {result.write_seconds:.2f} s{speed}, verify {checked.seconds:.2f} s"
    rows = [
        ("in export", f"{plan.records}"),
        ("migrated", f"{checked.verified}" + (f"  ({result.sent} now, {earlier} before)" if earlier > 0 else "")),
        ("collections", f"{len(checked.collections)}"),
        *(("", f"{plain(check.name)}  {check.equal}") for check in checked.collections[:_MOST_COLLECTIONS]),
        ("", f"and {more} more" if more > 0 else ""),
        ("errors", f"{plan.skipped + len(result.refused)}"),
        ("verified", f"{checked.verified}  read back and equal"),
        ("searches", f"{checked.found} of {checked.searched} sampled vectors find themselves"),
        ("success", f"{_success(result):.2f} %"),
        ("time", took),
        ("ledger", plain(scene.ledger)),
    ]
    lines = [*_title(scene), *_table(rows)]
    lines += [f"  ! {plain(str(bad))}" for bad in plan.bad]
    lines += [f"  ! {plain(told)}" for told in [*result.refused.values()][:_MOST_NAMED]]
    lines += [f"  ! record {number}: {plain(told)}" for number, told in [*result.late.items()][:_MOST_NAMED]]
    lines += [f"  ! {plain(problem)}" for problem in checked.problems]
    lines += _notes(plan, result)
    if result.good:
        lines.append(f"OK: {checked.verified} of {_wanted(result)} vectors are in Qdrant, verified.")
    else:
        lines.append(f"NOT COMPLETE: {checked.verified} of {_wanted(result)} vectors are in Qdrant as exported.")
    return "\n".join(lines) + "\n"


def part_document(part: Part, scene: Scene) -> dict[str, Any]:
    """Of one worker's part: written, not verified yet."""
    return {
        **_head(scene),
        "ok": part.good,
        "shard": str(part.shard),
        "records": part.records,
        "written": part.written,
        "sent": part.sent,
        "refused": list(part.refused.values())[:_MOST_NAMED],
    }


def part_text(part: Part, scene: Scene) -> str:
    rows = [
        ("part", f"{part.shard}: {part.records} records"),
        ("written", f"{part.written}  ({part.sent} now)"),
        ("ledger", plain(scene.ledger)),
    ]
    lines = [*_title(scene), *_table(rows)]
    lines += [f"  ! {plain(told)}" for told in [*part.refused.values()][:_MOST_NAMED]]
    lines.append(f"Worker {part.shard} is at its end. The coordinator verifies.")
    return "\n".join(lines) + "\n"


def _overlap(checked: Verification) -> dict[str, Any]:
    told = checked.overlap
    if told is None:
        return {}
    shares = {"mean": round(told.mean, 4), "worst": round(told.worst, 4), "same_best": round(told.first, 4)}
    return {"overlap": {"hits": told.count, "searches": told.queries, **shares, "exact": told.exact}}


def verification_text(result: Result, scene: Scene) -> str:
    """For people: of a verification alone."""
    plan, checked = result.plan, result.verification
    bad = [check for check in checked.collections if check.equal < check.planned]
    how = "bit for bit" if checked.exact else "within the tolerance of this target"
    shown = bad[:_MOST_COLLECTIONS]
    rows = [
        ("migrated", f"{plan.points}"),
        ("verified", f"{checked.verified}  {how}"),
        *(("", f"{plain(check.name)}  {check.equal} of {check.planned}") for check in shown),
        ("", f"and {len(bad) - len(shown)} more" if len(bad) > len(shown) else ""),
        ("repaired", f"{checked.repaired}" if checked.repaired else ""),
        ("searches", f"{checked.found} of {checked.searched} sampled vectors find themselves"),
        ("", f"{checked.overlap}" if checked.overlap else ""),
        ("time", f"{checked.seconds:.2f} s"),
        ("ledger", plain(scene.ledger)),
    ]
    lines = [*_title(scene), *_table(rows), *(f"  ! {plain(problem)}" for problem in checked.problems)]
    if _others(result):
        lines.append(f"  note: {_others(result)} other points are in these collections too")
    if checked.good:
        lines.append(f"OK: {checked.verified} of {plan.points} vectors are in Qdrant, verified.")
    else:
        lines.append(f"DIFFERENT: {checked.verified} of {plan.points} vectors are in Qdrant as they were sent.")
        if not checked.repaired:
            lines.append("  send them again: add --repair")
    return "\n".join(lines) + "\n"


def rollback_document(result: RolledBack, scene: Scene) -> dict[str, Any]:
    return {
        **_head(scene),
        "ok": result.whole,
        "deleted": result.deleted,
        "collections_dropped": list(result.dropped),
        "collections_restored": list(result.restored),
        "kept_changed": result.kept,
        "kept_from_before": result.before,
        "missing": result.missing,
        "problems": list(result.told),
    }


def rollback_text(result: RolledBack, scene: Scene) -> str:
    rows = [
        ("deleted", f"{result.deleted}"),
        ("dropped", f"{len(result.dropped)} collections that the run had created" if result.dropped else ""),
        ("restored", f"{len(result.restored)} collections from their snapshots" if result.restored else ""),
        ("not there", f"{result.missing}" if result.missing else ""),
        ("from before", f"{result.before}  left alone" if result.before else ""),
        ("changed", f"{result.kept}  left alone" if result.kept else ""),
    ]
    lines = [*_title(scene), *_table(rows), *(f"  ! {plain(problem)}" for problem in result.told)]
    lines.append(
        "OK: nothing of the run is left." if result.whole else "NOT WHOLE: some of what the run wrote is still there."
    )
    return "\n".join(lines) + "\n"


def plan_text(plan: Plan, scene: Scene) -> str:
    rows = [
        ("in export", f"{plan.records}"),
        ("errors", f"{plan.skipped}"),
        ("collections", f"{len(plan.collections)}"),
    ]
    rows += [("", f"{plain(c.name)}  {c.points} x {c.dimension}") for c in plan.collections[:_MOST_COLLECTIONS]]
    lines = [*_title(scene), *_table(rows), *(f"  ! {plain(str(bad))}" for bad in plan.bad), *_notes(plan, None)]
    return "\n".join([*lines, "Dry run: nothing was written."]) + "\n"


def _title(scene: Scene) -> list[str]:
    how = ", ".join(
        part
        for part in (
            scene.transport,
            f"from inside {plain(scene.via)}" if scene.via else "",
            f"vantage {scene.vantage}" if scene.vantage else "",
        )
        if part
    )
    lines = [f"{plain(scene.export)} -> {plain(scene.target)}"]
    if how:
        lines.append(f"  {how}")
    return lines


def _table(rows: list[tuple[str, str]]) -> list[str]:
    return [f"  {name:<12} {value}".rstrip() for name, value in rows if value]


def _notes(plan: Plan, result: Result | None) -> list[str]:
    notes = []
    if plan.left_out:
        notes.append(f"  note: keys not migrated: {', '.join(map(plain, plan.left_out))}")
    if plan.losers:
        records = "record" if len(plan.losers) == 1 else "records"
        notes.append(f"  note: {len(plan.losers)} {records} lost to another one for the same point")
    if result is not None:
        notes += [f"  note: {plain(note)}" for note in result.notes]
        if result.verification.left_alone:
            notes.append(f"  note: {result.verification.left_alone} were there before with other content: left alone")
        if _others(result):
            notes.append(f"  note: {_others(result)} other points are in these collections too")
        missing = any(check.equal < check.planned for check in result.verification.collections)
        if missing and result.resumed:
            notes.append("  note: the ledger says they were written; add --repair to send them again")
    return notes


def _others(result: Result) -> int:
    """Points in the collections that are not of this run."""
    return sum(max(0, check.held - check.planned) for check in result.verification.collections)


def _head(scene: Scene) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "netdoctor": __version__,
        "export": scene.export,
        "target": scene.target,
        "target_from": scene.origin,
        "transport": scene.transport,
        "via": scene.via or None,
        "vantage": scene.vantage or None,
        "ledger": scene.ledger or None,
    }


def _about_plan(plan: Plan) -> dict[str, Any]:
    return {
        "bad_records": [{"record": b.number, "offset": b.offset, "reason": b.reason} for b in plan.bad],
        "integer_fields": sorted(plan.layout.integers),
        "duplicates_lost": len(plan.losers),
        "keys_left_out": list(plan.left_out),
    }
