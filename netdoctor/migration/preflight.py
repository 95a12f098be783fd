"""Looks before the first write: what the target is, what it allows, what is there, whether it fits, how long it takes.

Everything is asked from where the migration will stand. What makes a run impossible stops it here, with nothing
written; what is only worth knowing is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from netdoctor.errors import MigrationFailed
from netdoctor.migration.batches import Limits
from netdoctor.migration.pace import in_words
from netdoctor.migration.plan import CollectionPlan, Plan
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import CollectionState, Target, TargetUnreachable, Transient

OLDEST = (1, 10)
"""Older servers miss parts of the API that a migration asks."""
_VECTOR_OVERHEAD = 1.3
"""Of what a point takes on disk beside its vector's bytes: ids, versions, the write-ahead log, the graph."""


class PreflightFailed(MigrationFailed):
    """The target would not take all of the plan. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """``version`` "" when the server does not tell; ``needed`` and ``free`` bytes of disk, ``free`` None: not known.

    ``seconds``: the least that the run takes (reading once more, the pace that strict mode allows), 0 where nothing is
    known; how fast the target is shows only while it is written to (``pace``). ``there``: the planned collections that
    exist, with their points.
    """

    version: str
    there: Mapping[str, int]
    missing: int
    limits: Limits
    needed: int
    free: int | None
    seconds: float
    warnings: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """For people."""
        told = [f"Qdrant {self.version or '(version not told)'}"]
        if self.there:
            many = "1 collection exists" if len(self.there) == 1 else f"{len(self.there)} collections exist"
            told.append(f"{many} ({sum(self.there.values()):,} points)")
        told.append(f"{self.missing} to create")
        space = f"about {_size(self.needed)} of disk"
        told.append(f"{space}, {_size(self.free)} free" if self.free is not None else space)
        if self.seconds >= 1:
            told.append(f"at least {in_words(self.seconds)}")
        return [", ".join(told), *(f"warning: {each}" for each in self.warnings)]


def preflight(plan: Plan, target: Target, limits: Limits, retry: Retry, *, free: int | None = None) -> Preflight:
    """``free`` bytes where the target keeps its data, if that can be known from here.

    Raises PreflightFailed, TargetUnreachable. Whether a collection is of the right kind is ``prepare``'s question.
    """
    version = retry.call(lambda: _version(target))
    states: dict[str, CollectionState] = {}
    for wanted in plan.collections:
        state = retry.call(lambda name=wanted.name: target.collection(name))  # type: ignore[misc]
        if state is not None:
            states[wanted.name] = state
    warnings = _about_version(version)
    seconds = plan.seconds
    for wanted in plan.collections:
        found = states.get(wanted.name)
        if found is None:
            continue
        limits, pace = _within(wanted, found, limits)
        seconds = max(seconds, pace)
        warnings += _about(found) + _crowded(wanted, found)
    needed = _bytes(plan)
    if free is not None and needed > free:
        raise PreflightFailed(
            f"The target has {_size(free)} of free disk, and the migration needs about {_size(needed)}. "
            "Nothing was written.",
            hint="make room there, or migrate with --no-space-check",
        )
    there = {name: state.points for name, state in states.items()}
    return Preflight(version, there, len(plan.collections) - len(there), limits, needed, free, seconds, tuple(warnings))


def _version(target: Target) -> str:
    """A server that is just starting again is waited for, like in every other call."""
    try:
        return target.health()
    except TargetUnreachable as away:
        raise Transient(away.message) from away


def _about_version(version: str) -> list[str]:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found is None:
        return []
    number = (int(found[1]), int(found[2]))
    if number < OLDEST:
        return [f"Qdrant {version} is older than what this is tested with ({OLDEST[0]}.{OLDEST[1]} and newer)"]
    return []


def _within(wanted: CollectionPlan, state: CollectionState, limits: Limits) -> tuple[Limits, float]:
    """Batches as strict mode allows, and the seconds that its rate asks for. Raises PreflightFailed."""
    told = state.limits
    most = told.get("max_points_count")
    if most is not None and wanted.points > most:
        raise _too_much(wanted, "max_points_count", most, f"{wanted.points} points")
    size = told.get("max_collection_vector_size_bytes")
    if size is not None and wanted.points * wanted.dimension * 4 > size:
        raise _too_much(
            wanted, "max_collection_vector_size_bytes", size, f"{wanted.points * wanted.dimension * 4} bytes"
        )
    batch = told.get("upsert_max_batchsize")
    if batch is not None and batch < limits.points:
        limits = Limits(max(1, int(batch)), limits.size, limits.open_size)
    rate = told.get("write_rate_limit")  # points a minute, of which a minute's may come at once; more never do
    if rate and rate < limits.points:
        limits = Limits(max(1, int(rate)), limits.size, limits.open_size)
    seconds = max(0.0, wanted.points / rate - 1) * 60 if rate else 0.0
    return limits, seconds


def _crowded(wanted: CollectionPlan, state: CollectionState) -> list[str]:
    """Points of others count as well; how many of them are the planned ones, is not known yet."""
    most = state.limits.get("max_points_count")
    if most is None or not state.points or wanted.points + state.points <= most:
        return []
    return [
        f"strict mode of collection {state.name!r} allows {most:g} points: it holds {state.points}, "
        f"and {wanted.points} are planned"
    ]


def _too_much(wanted: CollectionPlan, name: str, most: float, planned: str) -> PreflightFailed:
    return PreflightFailed(
        f"Strict mode of collection {wanted.name!r} allows {name} {most:g}, and {planned} are planned. "
        "Nothing was written.",
        hint="raise that limit of the collection, or migrate into another one",
    )


def _about(state: CollectionState) -> list[str]:
    told = []
    if state.status in ("yellow", "red"):
        told.append(f"collection {state.name!r} is {state.status}: its optimizers are busy or have failed")
    if state.hides:
        told.append(f"collection {state.name!r} hides points until they are indexed (prevent_unoptimized)")
    if state.limits.get("write_rate_limit"):
        told.append(f"collection {state.name!r} takes {state.limits['write_rate_limit']:g} points a minute")
    return told


def _bytes(plan: Plan) -> int:
    return int(sum(each.points * (each.dimension * 4 * _VECTOR_OVERHEAD + 300) for each in plan.collections))


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
