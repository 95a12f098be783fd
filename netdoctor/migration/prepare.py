"""Gets the collections ready: compares those that are there, creates the others, marked with the run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netdoctor.migration.datatypes import NARROW
from netdoctor.migration.deferral import defer
from netdoctor.migration.events import CollectionReady, Listener
from netdoctor.migration.ledger import CREATED, FOUND, INTENDED, Ledger
from netdoctor.migration.plan import CollectionPlan, Plan
from netdoctor.migration.points import Layout
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import AS_USUAL, CollectionState, Making, Target, TargetRefused


@dataclass(frozen=True, slots=True)
class Wishes:
    """What collections shall be like: how they are made, and ``indexes`` on payload fields as (field, kind)."""

    making: Making = AS_USUAL
    indexes: tuple[tuple[str, str], ...] = ()
    overwrite: bool = False
    """Replace points that were there before; a snapshot of their collection is made first."""
    defer: bool = True
    """Put indexing off while a new collection is filled."""


def prepare(plan: Plan, target: Target, ledger: Ledger, wishes: Wishes, retry: Retry, listener: Listener) -> list[str]:
    """Compare every collection that is there before the first one is created; then create what is missing.

    The names of the collections created.
    """
    run = ledger.fact("run") or ""
    created = []
    missing: list[CollectionPlan] = []
    for wanted in plan.collections:
        state = retry.call(lambda wanted=wanted: target.collection(wanted.name))  # type: ignore[misc]
        origin = ledger.origin(wanted.name)
        if state is None:
            if origin == CREATED and ledger.begun:
                raise TargetRefused(
                    f"Collection {wanted.name!r}, which an earlier run created, is gone from {target.address}.",
                    hint="add --restart to migrate everything again",
                )
            missing.append(wanted)
            continue
        _refuse_other_kind(wanted, plan.layout, state, target)
        if origin is None:
            ledger.set_origin(wanted.name, FOUND)
        elif origin == INTENDED:
            # Killed between asking and hearing. Our mark, or empty: nobody's data is at risk. Else look first.
            # By an exact count: what a collection says of itself is an estimate, and may be missing.
            ours = state.run == run or not retry.call(lambda wanted=wanted: target.count(wanted.name))  # type: ignore[misc]
            ledger.set_origin(wanted.name, CREATED if ours else FOUND)
        listener(CollectionReady(wanted.name, created=False))
    if wishes.overwrite:
        for wanted in plan.collections:
            if ledger.origin(wanted.name) == FOUND and not ledger.complete:
                _keep_a_copy(wanted.name, target, ledger, retry)
    for wanted in missing:
        ledger.set_origin(wanted.name, INTENDED)
        making = replace(wishes.making, run=run, sparse=plan.layout.sparse_vector if wanted.sparse else None)
        retry.call(lambda wanted=wanted, making=making: _create(wanted, plan.layout, target, making))  # type: ignore[misc]
        ledger.set_origin(wanted.name, CREATED)
        created.append(wanted.name)
        listener(CollectionReady(wanted.name, created=True))
    if not ledger.complete:
        for wanted in plan.collections:
            ours = ledger.origin(wanted.name) == CREATED
            _index(wanted, plan.layout, target, wishes, retry, created=ours)
            if wishes.defer and ours:
                defer(wanted, target, ledger, retry)
    return created


def snapshot_of(collection: str, ledger: Ledger) -> str | None:
    """The snapshot made before this run overwrote anything in the collection."""
    return ledger.fact(f"snapshot of {collection}")


def _keep_a_copy(collection: str, target: Target, ledger: Ledger, retry: Retry) -> None:
    if snapshot_of(collection, ledger) is not None:
        return
    before = retry.call(lambda: target.count(collection))
    try:
        name = retry.call(lambda: target.snapshot(collection))
    except TargetRefused as refused:
        raise TargetRefused(
            f"--overwrite needs a snapshot of collection {collection!r} first, and there is none to be had: "
            f"{refused.message} Nothing was written.",
            hint="use --skip-existing, or migrate into another collection",
        ) from refused
    if retry.call(lambda: target.count(collection)) == before:
        # Else somebody writes at this moment, and how many points the snapshot holds is not known.
        ledger.set_fact(f"points before {collection}", str(before))
    ledger.set_fact(f"snapshot of {collection}", name)


def _index(
    wanted: CollectionPlan, layout: Layout, target: Target, wishes: Wishes, retry: Retry, *, created: bool
) -> None:
    """Before the load: an index that is there already is kept up more cheaply than built later."""
    if layout.collection is not None and created:
        retry.call(lambda: target.index(wanted.name, layout.tenant_field, "keyword", tenant=True))
    for field, kind in wishes.indexes:
        retry.call(lambda field=field, kind=kind: target.index(wanted.name, field, kind))  # type: ignore[misc]


def _create(wanted: CollectionPlan, layout: Layout, target: Target, making: Making) -> None:
    try:
        target.create(wanted.name, wanted.dimension, layout.metric, making)
    except TargetRefused:
        # A first try may have been carried out although its answer was lost.
        state = target.collection(wanted.name)
        if state is None or _other_kind(wanted, layout, state) or target.count(wanted.name):
            raise


def _refuse_other_kind(wanted: CollectionPlan, layout: Layout, state: CollectionState, target: Target) -> None:
    what = _other_kind(wanted, layout, state)
    if what is not None:
        raise TargetRefused(
            f"Collection {wanted.name!r} on {target.address} {what}. Nothing was written.",
            hint="remove that collection, or choose another name with --default-collection or --strip-prefix",
        )


def _other_kind(wanted: CollectionPlan, layout: Layout, state: CollectionState) -> str | None:
    """Why the plan's points do not fit into the collection, in words that go after its name."""
    if state.odd:
        return state.odd
    if wanted.dimension and state.dimension is None:
        return f"has named vectors ({', '.join(state.vectors)})" if state.vectors else "has no dense vector"
    if wanted.dimension and state.dimension != wanted.dimension:
        return f"has vectors of {state.dimension} dimensions, the export has {wanted.dimension}"
    if wanted.dimension and state.metric is not layout.metric:
        return f"measures by {getattr(state.metric, 'value', state.metric)}, not {layout.metric.value}"
    if wanted.sparse and layout.sparse_vector not in state.sparse:
        others = f" (it has {', '.join(sorted(state.sparse))})" if state.sparse else ""
        return f"has no sparse vector {layout.sparse_vector!r}{others}"
    if state.datatype not in ("float32", "default", *NARROW):
        return f"stores vectors as {state.datatype}, which is not known here"
    return None
