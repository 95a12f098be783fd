"""Reads a collection back, once, and sums up what it holds."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from netdoctor.migration.digest import Sums, Tally, point_digest
from netdoctor.migration.plan import CollectionPlan
from netdoctor.migration.points import Layout, point_id, tenant_point_id
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import Stored, Target
from netdoctor.migration.unwire import payload_of
from netdoctor.migration.wire import entry_start

_PAGE_BYTES = 512 << 10
_SPARSE_BYTES = 2000
"""What a sparse vector is taken to need: a few hundred pairs."""
_FEW = 4096
"""A collection is read by several hands only when each gets at least so many points."""


@dataclass(slots=True)
class Held:
    """``points`` in the collection, ``other`` of them plainly not of this run; ``sums`` of the rest."""

    points: int
    other: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class _Slice:
    """Ids from ``start`` (None: the first) to before ``end`` (None: the last)."""

    collection: CollectionPlan
    start: str | None
    end: str | None
    ours: Callable[[Stored], bool] | None


def read_back(
    collections: Sequence[CollectionPlan],
    layout: Layout,
    expected: Mapping[str, Sums],
    target: Target,
    *,
    retry: Retry,
    workers: int,
    tell: Callable[[int], None],
    skipped: frozenset[tuple[str, str]] = frozenset(),
) -> dict[str, Held]:
    """Every point of every collection, read once. ``tell(points)`` is called for each page, from several threads."""
    held = {each.name: Held(0, 0, Sums(expected[each.name].bits)) for each in collections}
    lock = threading.Lock()

    def read(piece: _Slice) -> None:
        mine = held[piece.collection.name]
        for points in _pages(piece, target, retry):
            wanted = points if piece.ours is None else [point for point in points if piece.ours(point)]
            if skipped:
                wanted = [point for point in wanted if (piece.collection.name, point.id) not in skipped]
            tally = Tally.of(
                (point.id, point_digest(point.id, point.entries, point.vector, point.sparse)) for point in wanted
            )
            with lock:
                mine.points += len(points)
                mine.other += len(points) - len(wanted)
                mine.sums.add(tally)
            tell(len(points))

    with ThreadPoolExecutor(workers, thread_name_prefix="netdoctor-verify") as pool:
        waiting: set[Future[None]] = set()
        try:
            for piece in _slices(collections, layout, target, retry, workers):
                waiting.add(pool.submit(read, piece))
                if len(waiting) > workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
            for future in waiting:
                future.result()
        except BaseException:
            retry.stop.set()
            raise
    return held


def _slices(
    collections: Sequence[CollectionPlan], layout: Layout, target: Target, retry: Retry, workers: int
) -> Iterator[_Slice]:
    for each in collections:
        count = retry.call(lambda name=each.name: target.count(name))  # type: ignore[misc]
        # Only where there are points of others is it worth finding out which ones are.
        ours = None if count == each.points else _recognise(layout)
        hands = max(1, min(workers, count // _FEW)) if target.transport != "folder" else 1
        bounds = [None, *(f"{(n << 32) // hands:08x}-0000-0000-0000-000000000000" for n in range(1, hands)), None]
        for start, end in itertools.pairwise(bounds):
            yield _Slice(each, start, end, ours)


def _pages(piece: _Slice, target: Target, retry: Retry) -> Iterator[list[Stored]]:
    name = piece.collection.name
    plan = piece.collection
    limit = max(16, min(2048, _PAGE_BYTES // (plan.dimension * 4 + (_SPARSE_BYTES if plan.sparse else 0) + 400)))
    start: str | int | None = piece.start
    while True:
        page = retry.call(lambda start=start: target.scroll(name, limit, start))  # type: ignore[misc]
        points = list(page.points)
        if piece.end is not None:
            points = [point for point in points if point.id < piece.end or point.id.isdigit()]
        if points:
            yield points
        if page.following is None or (len(points) < len(page.points)):
            return
        start = page.following


def _recognise(layout: Layout) -> Callable[[Stored], bool]:
    """Whether a point's id follows from its payload by the id rule: else no record of ours ever became it."""
    original, tenant = entry_start(layout.id_field), entry_start(layout.tenant_field)

    def ours(point: Stored) -> bool:
        told = _text(point.entries, original, layout.id_field)
        if told is None:
            return False
        if layout.collection is None:
            return point_id(told) == point.id
        namespace = _text(point.entries, tenant, layout.tenant_field)
        return namespace is not None and tenant_point_id(told, namespace) == point.id

    return ours


def _text(entries: Sequence[bytes], start: bytes, key: str) -> str | None:
    for entry in entries:
        if entry.startswith(start):
            value = payload_of([entry]).get(key)
            return value if isinstance(value, str) else None
    return None
