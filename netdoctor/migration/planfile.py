"""The plan as a file, made once and shared by all who work by it.

``migrate EXPORT --dry-run --plan FILE`` writes it, ``migrate EXPORT --plan FILE`` goes by it instead of reading the
export a second time. It holds what every worker must agree on: the mapping, the cut into batches, the run's id.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from netdoctor.errors import UsageError
from netdoctor.files import JSON_STARTS, read_within, write_whole
from netdoctor.migration.batches import Limits
from netdoctor.migration.ledger import LedgerMismatch
from netdoctor.migration.listing import listing_of as listing_of
from netdoctor.migration.plan import Plan
from netdoctor.migration.points import Layout
from netdoctor.migration.records import Record
from netdoctor.migration.sources.interface import Source
from netdoctor.version import __version__

SCHEMA = "netdoctor.plan/1"
LIMIT = 512 << 20
"""Bytes: a line for each thousand records and each batch."""
_PROBES = 16


@dataclass(frozen=True, slots=True)
class PlanFile:
    """``run`` marks the collections that are created by it, whichever worker asks."""

    path: Path
    plan: Plan
    limits: Limits
    run: str
    on_duplicate: str | None = None

    @property
    def layout(self) -> Layout:
        return self.plan.layout


def _text(path: Path) -> str:
    """Raises OSError, UnicodeDecodeError, UsageError."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no plan: it is no plain file.", hint=_HINT)
    raw = read_within(path, LIMIT + 1, starts=JSON_STARTS)
    if len(raw) > LIMIT:
        raise UsageError(f"{path} is too large for a plan.", hint=_HINT)
    return raw.decode("utf-8")


def write_plan(path: Path, plan: Plan, source: Source, *, limits: Limits, on_duplicate: str | None = None) -> PlanFile:
    """Raises UsageError when the file cannot be written."""
    run = uuid4().hex
    told = {
        "schema": SCHEMA,
        "netdoctor": __version__,
        "run": run,
        "export": {"name": source.label, "size": source.size, "probe": _probe(plan, source)},
        "mapping": plan.layout.binding(),
        "on_duplicate": on_duplicate,
        "limits": [limits.points, limits.size, limits.open_size],
        "plan": {**plan.to_json(), "listing": Path(plan.listing).name if plan.listing else ""},
    }
    try:
        write_whole(path, json.dumps(told, ensure_ascii=True) + "\n")
    except OSError as error:
        raise UsageError(
            f"The plan {path} cannot be written: {error.strerror or error}.", hint="Name another file with --plan."
        ) from error
    return PlanFile(path, plan, limits, run, on_duplicate)


def read_plan(path: Path, source: Source) -> PlanFile:
    """Raises UsageError when it is no plan, LedgerMismatch when it is not of this source."""
    try:
        told = json.loads(_text(path))
        if not isinstance(told, dict) or told.get("schema") != SCHEMA:
            raise UsageError(f"{path} is no plan that this version of netdoctor reads.", hint=_HINT)
        layout = Layout.bound(told["mapping"])
        if layout.binding() != told["mapping"]:
            raise UsageError(f"The plan {path} maps records in another way than this version.", hint=_HINT)
        data: dict[str, Any] = told["plan"]
        listing = str(path.resolve().with_name(data["listing"])) if data["listing"] else ""
        plan = Plan.from_json({**data, "listing": listing}, layout)
        found = PlanFile(path, plan, Limits(*told["limits"]), str(told["run"]), told["on_duplicate"])
        size, probe = told["export"]["size"], told["export"]["probe"]
    except OSError as error:
        raise UsageError(f"The plan {path} cannot be read: {error.strerror or error}.", hint=_HINT) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no plan.", hint=_HINT) from error
    if plan.stamp == source.stamp():
        return found
    # A copy on another machine, or touched: the same bytes where the plan has its places are the same export.
    if plan.listing or size != source.size or probe != _probe(plan, source):
        raise LedgerMismatch(f"The plan {path} is of another export than {source.label}.", hint=_HINT)
    return replace(found, plan=replace(plan, stamp=source.stamp()))


_HINT = "make it with: netdoctor migrate EXPORT --dry-run --plan FILE"


def _probe(plan: Plan, source: Source) -> str:
    """A digest of some records all over the source, and of the way to them."""
    digest = hashlib.sha256()
    if plan.listing:
        return ""
    step = max(1, len(plan.marks) // _PROBES)
    for number, cursor in [*plan.marks[::step], *plan.marks[-1:]]:
        found = next(iter(source.records(cursor)), None)
        if not isinstance(found, Record) or found.number != number:
            return f"not record {number}"
        digest.update(json.dumps([number, found.offset, found.size, found.id, found.namespace]).encode())
        digest.update(found.values.astype("<f4").tobytes())
    return digest.hexdigest()[:32]
