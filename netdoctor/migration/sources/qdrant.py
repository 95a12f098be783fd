"""Another Qdrant: ``http://HOST:6333/COLLECTION``, ``qdrant://HOST/COLLECTION``, or all collections of the server.

A collection is a namespace of its name. Numbers in payloads are kept as they are: Qdrant knows integers from floats.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote, urlsplit

from netdoctor.errors import NotFound, UsageError
from netdoctor.files import read_key
from netdoctor.migration.listing import Listing
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.retry import Retry
from netdoctor.migration.sources._qdrant_pages import (
    KEY,
    Asking,
    Server,
    Shape,
    first_records,
    id_pages,
    key_refused,
    records_at,
)
from netdoctor.migration.sources.interface import SOURCES, Access, Cursor, IdGroup, Source

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector
    from netdoctor.migration.targets.interface import CollectionState

_PAGE = 256
_AHEAD = 2
"""Pages read before they are asked for."""
_MOST_NAMED = 20


class QdrantSource:
    """An open server. Thread-compatible; one thread of its own, only while records are read. Close it."""

    exact = True
    """Numbers are integers or not, as they stand."""

    def __init__(self, server: Server, shapes: Mapping[str, Shape], metric: Metric | None, label: str) -> None:
        self._server = server
        self._shapes = shapes
        self._metric = metric
        self._label = label
        self._listing: Listing | None = None
        self._stack = ExitStack()
        self._asking = Asking(Retry(stop=threading.Event()), label)

    @property
    def label(self) -> str:
        return self._label

    @property
    def size(self) -> int:
        return 0

    @property
    def live(self) -> bool:
        return True

    @property
    def metric(self) -> Metric | None:
        return self._metric

    def stamp(self) -> str:
        names = "".join(f" {name!r}:{shape.vector!r}:{shape.sparse!r}" for name, shape in sorted(self._shapes.items()))
        return f"qdrant {self._server.address.partition('://')[2]}{names}"

    def digest(self) -> str:
        return self.stamp()

    def ids(self) -> Iterator[tuple[str, str]]:
        for name, found, _ in self._listed(None):
            for identity in found:
                yield name, identity

    def groups(self, after: Cursor = None) -> Iterator[IdGroup]:
        for name, found, following in self._listed(after):
            yield IdGroup(name, found, [name, following])

    def remember(self, ids: Iterable[tuple[str, str]]) -> None:
        """The sample is not taken from the list."""

    def _listed(self, after: Cursor) -> Iterator[tuple[str, list[str], str | int | None]]:
        """Collection, ids, the next id of that collection; from ``[collection, next id]`` on."""
        names, start = sorted(self._shapes), None
        if after is not None:
            if not isinstance(after, list) or len(after) != 2 or not isinstance(after[0], str):
                raise MalformedExport("The list of ids is of another kind of source.", hint="add --restart")
            before, start = str(after[0]), after[1] if isinstance(after[1], (str, int)) else None
            names = [name for name in names if name > before or (name == before and start is not None)]
        for name in names:
            for found, following in id_pages(self._server, name, self._asking, start):
                yield name, found, following
            start = None

    def sample(self, count: int) -> Iterator[Record | BadRecord]:
        """The first of each collection, and some from each sixteenth of the UUIDs."""
        each = max(2, count // max(1, len(self._shapes)))
        for name in sorted(self._shapes):
            starts = [None, *(f"{digit:x}0000000-0000-0000-0000-000000000000" for digit in range(1, 16))]
            seen = set()
            for start in starts[: each // 2 + 1]:
                part = max(1, each // len(starts))
                for found in first_records(self._server, self._shapes[name], part, start, self._asking):
                    if isinstance(found, BadRecord):
                        yield found
                    elif found.id not in seen:
                        seen.add(found.id)
                        yield found

    def follow(self, listing: Listing) -> None:
        self._listing = listing

    def cursor(self, record: Record) -> Cursor:
        return record.number

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        if self._listing is None:
            raise MalformedExport(f"{self.label} has no list of ids to read by.", hint="make the plan again")
        first = 1 if start is None else start
        if not isinstance(first, int) or isinstance(first, bool) or first < 1:
            raise MalformedExport("The plan's places are of another kind of source.", hint="make the plan again")
        pages = self._listing.pages(_PAGE, first - 1)

        def begin(pool: ThreadPoolExecutor) -> Future[list[Record | BadRecord]] | None:
            page = next(pages, None)
            if page is None:
                return None
            at, name, ids = page
            if name not in self._shapes:
                raise MalformedExport("The list of ids is of other collections.", hint="make the plan again")
            return pool.submit(records_at, self._server, self._shapes[name], ids, at + 1, self._asking)

        # One after the other, but ahead of the writing.
        pool = ThreadPoolExecutor(1, thread_name_prefix="netdoctor-read")
        try:
            under_way = [page for _ in range(_AHEAD) if (page := begin(pool)) is not None]
            while under_way:
                found = under_way.pop(0).result()
                following = begin(pool)
                if following is not None:
                    under_way.append(following)
                yield from found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def cost(self, ids: int) -> str:
        return ""

    def notes(self) -> tuple[str, ...]:
        return tuple(
            f"Of collection {shape.collection!r} these vectors stay behind: {', '.join(shape.left)}."
            for _, shape in sorted(self._shapes.items())
            if shape.left
        )

    def refuse_target(self, address: str, layout: Layout) -> None:
        """Raises UsageError when a collection would be written into itself."""
        if not _one_server(address, self._server.address):
            return
        for name in sorted(self._shapes):
            if layout.collection_of(name) == name:
                raise UsageError(
                    f"Source and target are the same collection {name!r} at {address}.",
                    hint="name another server with --to, or another collection with --collection or --strip-prefix",
                )

    def nearest(self, namespace: str, vector: Vector, count: int) -> Sequence[str]:
        """Ids of the nearest points of that collection: by comparing with every one, where strict mode lets us."""
        from netdoctor.migration.targets.interface import Query, TargetRefused, not_exactly

        shape = self._shapes[namespace]
        query = Query(vector, using=shape.vector or "", exact=True)
        try:
            (hits,) = self._asking.call(lambda: self._server.search(shape.collection, [query], count))
        except TargetRefused as refused:
            if not not_exactly(refused.message):
                raise
            rough = replace(query, exact=False)
            (hits,) = self._asking.call(lambda: self._server.search(shape.collection, [rough], count))
        return [hit.id for hit in hits]

    def hear(self, tell: Callable[[str, float], None]) -> None:
        """``tell(reason, seconds)`` hears of every pause."""
        self._asking = Asking(replace(self._asking.retry, tell=tell), self._label)

    def close(self) -> None:
        self._asking.retry.stop.set()
        with contextlib.suppress(Exception):
            self._stack.close()

    def owns(self, stack: ExitStack) -> QdrantSource:
        """What is closed with it."""
        self._stack = stack.pop_all()
        return self


def open_qdrant(given: str, access: Access) -> QdrantSource:
    """Raises UsageError, NotFound, TargetUnreachable, KeyRefused."""
    from netdoctor.migration.address import Wanted, resolve_target
    from netdoctor.migration.target import Transport, open_server
    from netdoctor.migration.targets.interface import KeyRefused

    url, name = read_url(given, access.options.get("collection"))
    grpc_port = _port(access.options.get("grpc-port"))
    if access.reach is not None:
        address, vantage = access.reach(url)
    else:
        address = resolve_target(Wanted(url, "the source"), topology=None, app=None, vantage=None, grpc_port=grpc_port)
        vantage = None
    with ExitStack() as stack:
        server = open_server(
            address,
            vantage=vantage,
            transport=Transport.REST if access.options.get("vector") else Transport.AUTO,
            api_key=_key(access),
            hint=f"netdoctor check host {address.host}",
        )
        try:
            opened = cast(Server, stack.enter_context(server))
        except KeyRefused as refused:
            raise key_refused(refused, address.url) from refused
        asking = Asking(Retry(), address.url)
        names = asking.call(opened.collections)
        chosen = [name] if name else [each for each in names if not access.namespaces or each in access.namespaces]
        missing = [each for each in (*chosen, *access.namespaces) if each not in names]
        if missing or not chosen:
            what = f"There is no collection {missing[0]!r}" if missing else "There are no collections"
            raise NotFound(f"{what} at {address.url}.", hint=f"collections: {', '.join(names[:_MOST_NAMED]) or 'none'}")
        shapes, metrics = {}, set()
        for each in chosen:
            state = asking.call(lambda each=each: opened.collection(each))  # type: ignore[misc]
            if state is None:
                raise NotFound(f"Collection {each!r} is gone from {address.url}.")
            shapes[each], metric = _shape(opened, state, access.options)
            metrics.add(metric)
        label = f"{address.url}/{name}" if name else address.url
        source = QdrantSource(opened, shapes, metrics.pop() if len(metrics) == 1 else None, label)
        return source.owns(stack)


def read_url(given: str, collection: str | None) -> tuple[str, str | None]:
    """The server's URL, and the collection, which is the last part of its path. Raises UsageError."""
    text = given
    if text.startswith("qdrant://"):
        text = f"http://{text.removeprefix('qdrant://')}"
    text = text.removeprefix("qdrant:")
    if "://" not in text:
        text = f"http://{text}"
    from netdoctor.migration.address import Wanted, refuse_credentials

    refuse_credentials(Wanted(text, "the source"))
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UsageError(f"The source is not a URL: {error}.") from error
    path = parts.path.rstrip("/")
    if collection is None and path:
        path, _, last = path.rpartition("/")
        collection = unquote(last)
    return f"{parts.scheme}://{parts.netloc}{path}", collection or None


def _shape(server: Server, state: CollectionState, options: Mapping[str, str]) -> tuple[Shape, Metric | None]:
    names = [""] if state.dimension is not None else list(state.vectors)
    dimension, metric = state.dimension or 0, state.metric
    vector = options.get("vector")
    if vector is None and state.dimension is not None:
        vector = ""
    elif vector is not None and vector not in names:
        raise UsageError(
            f"Collection {state.name!r} has no vector {vector!r}.",
            hint=f"its vectors: {', '.join(filter(None, names)) or 'one without a name'}",
        )
    elif vector is None and names:
        raise UsageError(
            f"Collection {state.name!r} has named vectors ({', '.join(names)}); a migration writes one without a name.",
            hint=f"choose one: --source-option vector={names[0]}",
        )
    if vector:
        # Over REST, which is what a name is read by.
        about = cast(Any, server).call("GET", f"/collections/{quote(state.name, safe='')}")
        spec = about["config"]["params"]["vectors"][vector]
        dimension, metric = int(spec["size"]), Metric(spec["distance"])
    sparse = options.get("sparse")
    if sparse is not None and sparse not in state.sparse:
        raise UsageError(
            f"Collection {state.name!r} has no sparse vector {sparse!r}.", hint=f"it has: {', '.join(state.sparse)}"
        )
    if sparse is None and len(state.sparse) > 1:
        raise UsageError(
            f"Collection {state.name!r} has several sparse vectors ({', '.join(state.sparse)}).",
            hint=f"choose one: --source-option sparse={min(state.sparse)}",
        )
    sparse = sparse or next(iter(state.sparse), None)
    left = tuple(sorted(name for name in (*names, *state.sparse) if name not in (vector, sparse)))
    return Shape(state.name, vector, dimension, sparse, left), metric


def _one_server(one: str, other: str) -> bool:
    """The same host, and one port or the two neighbours that Qdrant listens on (REST, and gRPC one above)."""
    (host, port), (elsewhere, another) = _door(one), _door(other)
    return host == elsewhere and (port is None or another is None or abs(port - another) <= 1)


def _door(address: str) -> tuple[str, int | None]:
    parts = urlsplit(address)
    host = parts.hostname or address
    return "localhost" if host in ("127.0.0.1", "::1") else host, parts.port


def _key(access: Access) -> str | None:
    if access.api_key_file is not None:
        try:
            return read_key(access.api_key_file) or None
        except OSError as error:
            raise NotFound(
                f"The key file {access.api_key_file} cannot be read: {error.strerror or error}.",
                hint="Name a file that holds the key, and nothing else.",
            ) from error
    return access.environment.get(KEY) or None


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UsageError(f"--source-option grpc-port={text!r} is not a port.")
    return int(text)


class _Kind:
    name = "qdrant"
    options: frozenset[str] = frozenset({"collection", "grpc-port", "sparse", "vector"})

    def recognises(self, given: str, head: bytes | None) -> bool:
        return head is None and given.startswith(("qdrant:", "http://", "https://"))

    def open(self, given: str, access: Access) -> Source:
        return open_qdrant(given, access)


SOURCES.add("qdrant", _Kind(), home=__name__)
