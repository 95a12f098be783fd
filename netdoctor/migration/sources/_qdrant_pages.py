"""Reads a collection of another Qdrant page by page: ids, and the points of a list of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

from netdoctor.migration.records import NOWHERE, BadRecord, Record, Sparse
from netdoctor.migration.retry import Retry
from netdoctor.migration.targets.interface import CollectionState, Hit, KeyRefused, Page, Query, TargetUnreachable
from netdoctor.migration.unwire import payload_of
from netdoctor.migration.wire import read_vector

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

IDS = 5000
"""Ids asked for at a time: they are small."""
Start = str | int | None
T = TypeVar("T")
KEY = "QDRANT_SOURCE_API_KEY"
"""Of its own: the target's key is nobody else's business."""


class Server(Protocol):
    """What the two ways to a Qdrant (:mod:`netdoctor.migration.targets`) have in common for reading."""

    @property
    def address(self) -> str: ...

    def collections(self) -> list[str]: ...

    def collection(self, name: str) -> CollectionState | None: ...

    def ids(self, name: str, limit: int, start: Start = None) -> tuple[list[str], Start]: ...

    def scroll(self, name: str, limit: int, start: Start = None) -> Page: ...

    def search(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]: ...


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks again what may be answered the next time. Failures are told as the source's, not the target's."""

    retry: Retry
    label: str

    def call(self, action: Callable[[], T]) -> T:
        """Raises KeyRefused, TargetRefused, TargetUnreachable, Stopped."""
        try:
            return self.retry.call(action)
        except KeyRefused as refused:
            raise key_refused(refused, self.label) from refused
        except TargetUnreachable as away:
            why = away.message.rpartition(": ")[2]
            raise TargetUnreachable(
                f"The source {self.label} did not answer within {self.retry.patience:g} s: {why}", hint=away.hint
            ) from away


def key_refused(refused: KeyRefused, label: str) -> KeyRefused:
    return KeyRefused(
        f"The source: {refused.message}",
        hint=f"set {KEY} (the target's key is not given to {label}), or use --source-key-file or --ask-source-key",
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """Which vectors of a collection are read. ``vector``: "" the one without a name, None none."""

    collection: str
    vector: str | None
    dimension: int
    sparse: str | None
    left: tuple[str, ...] = ()
    """Vectors that stay behind."""


@dataclass(frozen=True, slots=True)
class _Read:
    id: str
    payload: Mapping[str, Any]
    values: Vector
    sparse: Sparse | None
    size: int


def id_pages(server: Server, collection: str, asking: Asking, start: Start = None) -> Iterator[tuple[list[str], Start]]:
    """Every id from ``start`` on, in the server's order (numbers first, then UUIDs), and the id after each page."""
    while True:
        found, start = asking.call(lambda start=start: server.ids(collection, IDS, start))  # type: ignore[misc]
        yield found, start
        if start is None:
            return


def records_at(
    server: Server, shape: Shape, ids: Sequence[str], number: int, asking: Asking
) -> list[Record | BadRecord]:
    """The points of these ids, which are in the server's order; ``number`` is the first one's."""
    wanted, found = set(ids), {}
    start: Start = place(ids[0])
    last = _rank(place(ids[-1]))
    while start is not None and _rank(start) <= last:  # more than once where others were added in between
        points, start = _page(server, shape, len(ids), start, asking)
        found.update({point.id: point for point in points if point.id in wanted})
    for identity in ids:
        if identity not in found:  # asked for once more, alone
            points, _ = _page(server, shape, 1, place(identity), asking)
            found.update({point.id: point for point in points if point.id == identity})
    return [_record(found.get(each), each, number + index, shape) for index, each in enumerate(ids)]


def first_records(server: Server, shape: Shape, count: int, start: Start, asking: Asking) -> list[Record | BadRecord]:
    """At most ``count`` points from ``start`` on, whatever they are."""
    points, _ = _page(server, shape, count, start, asking)
    return [_record(point, point.id, index, shape) for index, point in enumerate(points, 1)]


def place(identity: str) -> str | int:
    """As Qdrant has it: a number or a UUID."""
    return int(identity) if identity.isdigit() else identity


def _rank(at: str | int) -> tuple[int, int, str]:
    return (0, at, "") if isinstance(at, int) else (1, 0, at)


def _page(server: Server, shape: Shape, limit: int, start: Start, asking: Asking) -> tuple[list[_Read], Start]:
    if shape.vector:
        return asking.call(lambda: _named_page(server, shape, limit, start))
    page = asking.call(lambda: server.scroll(shape.collection, limit, start))
    import numpy as np

    found = []
    for stored in page.points:
        sparse = _named(stored.sparse).get(shape.sparse or "")
        size = len(stored.vector) + len(stored.sparse) + sum(map(len, stored.entries))
        values = np.frombuffer(stored.vector, "<f4").astype(np.float32, copy=False)
        found.append(_Read(stored.id, payload_of(list(stored.entries)), values, sparse, size))
    return found, page.following


def _named_page(server: Any, shape: Shape, limit: int, start: Start) -> tuple[list[_Read], Start]:
    """Over REST: a vector chosen by its name."""
    import numpy as np

    names = [name for name in (shape.vector, shape.sparse) if name]
    body: dict[str, Any] = {"limit": limit, "with_payload": True, "with_vector": names}
    if start is not None:
        body["offset"] = start
    reply = server.call("POST", f"/collections/{quote(shape.collection, safe='')}/points/scroll", body)
    found = []
    for point in reply["points"]:
        vectors = point.get("vector") or {}
        values = np.asarray(vectors.get(shape.vector) or [], dtype=np.float32)
        _, named = read_vector({name: one for name, one in vectors.items() if name == shape.sparse})
        payload = point.get("payload") or {}
        sparse = named.get(shape.sparse or "")
        found.append(_Read(str(point["id"]), payload, values, sparse, values.nbytes + len(str(payload))))
    return found, reply.get("next_page_offset")


def _record(read: _Read | None, identity: str, number: int, shape: Shape) -> Record | BadRecord:
    if read is None:
        return BadRecord(number, NOWHERE, f"point {identity} of collection {shape.collection!r} is gone")
    values = read.values
    if values.ndim != 1 or (len(values) and len(values) != shape.dimension):
        return BadRecord(number, NOWHERE, f"point {identity} of collection {shape.collection!r} holds several vectors")
    if not len(values) and read.sparse is None:
        return BadRecord(number, NOWHERE, f"point {identity} of collection {shape.collection!r} has no vector")
    return Record(number, NOWHERE, read.size, identity, values, read.payload, shape.collection, (), read.sparse)


def _named(data: bytes) -> dict[str, Sparse | None]:
    """What ``wire.named_bytes`` wrote: name, zero, count of pairs, colon, pairs."""
    found: dict[str, Sparse | None] = {}
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        colon = data.index(b":", end)
        after = colon + 1 + 8 * int(data[end + 1 : colon])
        found[data[at:end].decode("utf-8")] = Sparse.from_bytes(data[colon + 1 : after])
        at = after
    return found
