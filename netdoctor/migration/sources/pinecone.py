"""A live Pinecone index: ``pinecone:NAME`` or ``pinecone:https://HOST``, all of its namespaces."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from netdoctor.errors import UsageError
from netdoctor.migration.listing import Listing
from netdoctor.migration.points import Metric, default_namespace
from netdoctor.migration.records import BadRecord, MalformedExport, Record
from netdoctor.migration.sources._pinecone_address import (
    SCHEME,
    IndexAddress,
    number_option,
    read_address,
    read_key,
    url_of,
)
from netdoctor.migration.sources._pinecone_client import PAGE, PineconeClient, Stats
from netdoctor.migration.sources._pinecone_fetching import Fetcher, Wanted
from netdoctor.migration.sources._pinecone_listing import (
    Lister,
    Page,
    Place,
    Unordered,
    namespaces_of,
    place_after,
    place_in,
)
from netdoctor.migration.sources._pinecone_pace import HINT, Pace
from netdoctor.migration.sources._pinecone_pricing import FETCH, Estimate, estimate
from netdoctor.migration.sources._pinecone_refusals import not_listable
from netdoctor.migration.sources.interface import SOURCES, Access, Cursor, IdGroup, Source
from netdoctor.migration.window import Window

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

_METRICS = {"cosine": Metric.COSINE, "dotproduct": Metric.DOT, "euclidean": Metric.EUCLID}
IN_FLIGHT = 8
"""Fetches under way: at a round trip of 80 ms that is the documented limit of 100 a second."""
_FIRST_PATIENCE = 8.0
"""Seconds in which an index must have answered once."""
SAMPLE = 1000
"""Records of a plan's sample."""
_KEPT = 2000
"""Ids remembered while listing, of which a sample can be taken without listing again."""
_MOST_REWINDS = 3
"""Times that one listing begins a namespace without an order anew."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records of one page in their order, and where reading goes on after them (None: the namespace ends)."""

    namespace: str
    records: list[Record | BadRecord]
    after: Place | None


class PineconeSource:
    """An open index. Thread-compatible; threads of its own only while something is read. Close it."""

    def __init__(
        self,
        address: IndexAddress,
        key: str,
        *,
        only: tuple[str, ...] = (),
        in_flight: int = IN_FLIGHT,
        patience: float = 120.0,
        page: int = PAGE,
        tell: Callable[[str, float], None] = lambda _reason, _seconds: None,
    ) -> None:
        """Connects, and reads the index's description and counts. Raises PineconeFailed."""
        self._address = address
        self._only = tuple(default_namespace(name) for name in only)
        self._client = PineconeClient(key, Pace(Window(in_flight), patience=patience, tell=tell))
        self._fetcher = Fetcher(self._client, in_flight)
        self._page = page
        self._listing: Listing | None = None
        self._keep = _Keep()
        self._known = 0
        # A wrong host is told before anybody loses patience.
        pace = self._client.pace
        pace.patience = min(patience, _FIRST_PATIENCE)
        pace.hint = "is the host right, and may this machine connect to it (a proxy: HTTPS_PROXY)?"
        try:
            self._metric, self._dimension = self._meet()
            self.before = self._client.stats()
            self._namespaces = namespaces_of(self._client, self.before.counts, self._only)
        except BaseException:
            self._client.close()
            raise
        pace.patience, pace.hint = patience, HINT
        self._metric = self._metric or self.before.metric
        self._dimension = self._dimension or self.before.dimension
        self._lister = Lister(self._client, self.before.counts, page)

    def _meet(self) -> tuple[str | None, int | None]:
        address = self._address
        if address.host:
            self._client.host = address.host
            return None, None
        about = self._client.describe(address.controller, address.name)
        self._client.host = url_of(about.host, address.controller.partition("://")[0])
        if about.kind == "pod":
            raise not_listable(self._client.host, "it is pod-based")
        return about.metric, about.dimension

    @property
    def label(self) -> str:
        return self._address.label

    @property
    def size(self) -> int:
        return 0

    @property
    def live(self) -> bool:
        return True

    @property
    def metric(self) -> Metric | None:
        return _METRICS.get(self._metric or "")

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(self._namespaces)

    @property
    def only(self) -> tuple[str, ...]:
        """The namespaces that were asked for; empty: all."""
        return self._only

    @property
    def counts(self) -> dict[str, int]:
        """Records of each namespace that is read, as the index counted them when it was opened."""
        return {name: self.before.counts.get(name, 0) for name in self._namespaces}

    def stats(self) -> Stats:
        """The counts, asked anew."""
        return self._client.stats()

    def stamp(self) -> str:
        """The index by its host, which is its own for ever, and which namespaces of it."""
        only = "".join(f" {name!r}" for name in sorted(set(self._only)))
        return f"{SCHEME}{self._client.host.partition('://')[2]}{only}"

    def digest(self) -> str:
        return self.stamp()

    # --- ids -------------------------------------------------------------------------------------------------------

    def ids(self) -> Iterator[tuple[str, str]]:
        self._keep = _Keep()
        for page in self._lister.everything(self._namespaces):
            for identity in page.ids:
                self._keep.look(page.namespace, identity)
                yield page.namespace, identity

    def groups(self, after: Cursor = None) -> Iterator[IdGroup]:
        place, past = self._place(after)
        rewinds = 0
        while True:
            try:
                for page in self._pages(place, past):
                    for identity in page.ids:
                        self._keep.look(page.namespace, identity)
                    yield IdGroup(page.namespace, page.ids, cast(Cursor, place_after(page.namespace, page.after)))
                return
            except Unordered as lost:
                rewinds += 1
                if rewinds > _MOST_REWINDS:
                    raise
                place, past = Place(lost.namespace, "", "", 0), None
                yield IdGroup(lost.namespace, [], cast(Cursor, place_after(lost.namespace, place)), again=True)

    def remember(self, ids: Iterable[tuple[str, str]]) -> None:
        self._keep = _Keep()
        for self._known, (namespace, identity) in enumerate(ids, 1):
            self._keep.look(namespace, identity)

    def _place(self, after: Cursor) -> tuple[Place | None, str | None]:
        try:
            return (None, None) if after is None else place_in(after)
        except ValueError as error:
            raise MalformedExport("The list of ids is of another kind of source.", hint="add --restart") from error

    def _pages(self, place: Place | None, past: str | None) -> Iterator[Page]:
        """From ``place`` on, or all that comes after the namespace ``past``."""
        names = [name for name in self._namespaces if past is None or name > past]
        if place is not None:
            names = [place.namespace, *(name for name in self._namespaces if name > place.namespace)]
        return self._lister.everything(names, place)

    def sample(self, count: int) -> Iterator[Record | BadRecord]:
        chosen = _spread(self._keep.chosen() or self._first_ids(count), count)
        for _, records in self._fetcher.run(_wanted(chosen)):
            yield from records

    def _first_ids(self, count: int) -> list[tuple[str, str]]:
        """Where nothing was listed yet: the first ids of each namespace."""
        found: list[tuple[str, str]] = []
        each = max(1, count // max(1, len(self._namespaces)))
        for namespace in self._namespaces[:count]:
            page = self._client.list_ids(namespace, "", min(PAGE, each))
            found += [(namespace, identity) for identity in page.ids]
        return found

    # --- records ---------------------------------------------------------------------------------------------------

    def follow(self, listing: Listing) -> None:
        self._listing = listing

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        if self._listing is None:
            raise MalformedExport(f"{self.label} has no list of ids to read by.", hint="make the plan again")
        first = 1 if start is None else start
        if not isinstance(first, int) or isinstance(first, bool) or not 1 <= first <= len(self._listing) + 1:
            raise MalformedExport("The plan's places are of another kind of source.", hint="make the plan again")
        pages = (Wanted(at + 1, namespace, ids, None) for at, namespace, ids in self._listing.pages(PAGE, first - 1))
        with contextlib.closing(self._fetcher.run(pages)) as run:
            for _, records in run:
                yield from records

    def cursor(self, record: Record) -> Cursor:
        return record.number

    def stretches(self, place: Place | None = None, past: str | None = None) -> Iterator[Stretch]:
        """Everything without a list of ids: pages are listed while earlier ones are fetched.

        From ``place`` on, or all that comes after the namespace ``past``. Numbers count from there.
        Raises PineconeFailed, and Unordered when the listing of a namespace must begin again.
        """

        def pages() -> Iterator[Wanted[Place | None]]:
            number = 1
            for page in self._pages(place, past):
                for ids, after in page.parts(FETCH):
                    yield Wanted(number, page.namespace, ids, after)
                    number += len(ids)

        with contextlib.closing(self._fetcher.run(pages())) as run:
            for page, records in run:
                yield Stretch(page.namespace, records, page.mark)

    def nearest(self, namespace: str, vector: Vector, count: int) -> Sequence[str]:
        """Ids of the nearest records of that namespace, as the index finds them. It costs read units."""
        return self._client.query(default_namespace(namespace), vector.tolist(), count)

    # --- what to know ----------------------------------------------------------------------------------------------

    def estimate(self) -> Estimate:
        """Before anything is read."""
        return estimate(self.counts.values(), self._page, self._dimension)

    def cost(self, ids: int) -> str:
        """With a plan's sample, which is read beside the records."""
        counts = list(self.counts.values())
        return estimate(counts if sum(counts) == ids else [ids], self._page, self._dimension, sample=SAMPLE).sentence()

    @property
    def read_units(self) -> int:
        """Spent so far, as the replies say."""
        return self._client.read_units

    @property
    def gone(self) -> int:
        """Ids that were listed and not there any more."""
        return self._fetcher.gone

    def notes(self) -> tuple[str, ...]:
        found = []
        if self.read_units:
            found.append(f"Pinecone counted {self.read_units:,} read units.")
        if self._known:
            found.append(f"{self._known:,} ids had been listed by an earlier start and were not asked for again.")
        if self._fetcher.gone:
            found.append(f"{_records(self._fetcher.gone)} listed but not there any more when fetched, asked for twice.")
        if self._fetcher.late:
            found.append(f"{_records(self._fetcher.late)} found only when asked for again.")
        if self._lister.restarts:
            found.append(
                f"Pinecone forgot a place in its list of ids {self._lister.restarts} times; "
                "the listing began again and left out what it had given before."
            )
        for name, (expected, listed) in list(self._lister.short.items())[:5]:
            found.append(
                f"Namespace {name!r}: the index counts {expected:,} records and lists {listed:,}; "
                "its counts lag behind deletions."
            )
        return tuple(found)

    def hear(self, tell: Callable[[str, float], None]) -> None:
        """``tell(reason, seconds)`` hears of every pause."""
        self._client.pace.tell = tell

    def close(self) -> None:
        self._client.close()


class _Keep:
    """The first id of each namespace, and a fair choice among all others, in bounded memory."""

    def __init__(self) -> None:
        self._firsts: list[tuple[str, str]] = []
        self._some: list[tuple[str, str]] = []
        self._seen = 0
        self._last: str | None = None
        self._chance = random.Random(0)  # noqa: S311  # the same choice every time

    def look(self, namespace: str, identity: str) -> None:
        if namespace != self._last:
            self._last = namespace
            if len(self._firsts) < _KEPT:
                self._firsts.append((namespace, identity))
                return
        self._seen += 1
        if len(self._some) < _KEPT:
            self._some.append((namespace, identity))
        elif (place := self._chance.randrange(self._seen)) < _KEPT:
            self._some[place] = (namespace, identity)

    def chosen(self) -> list[tuple[str, str]]:
        return self._firsts + self._some


def _spread(chosen: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """At most ``count``: what comes first has precedence, the rest evenly; grouped by namespace."""
    head = chosen[: count // 2]
    rest = chosen[len(head) :]
    step = max(1, -(-len(rest) // max(1, count - len(head))))
    return sorted(set((head + rest[::step])[:count]))


def _wanted(chosen: list[tuple[str, str]]) -> Iterator[Wanted[None]]:
    at = 0
    while at < len(chosen):
        namespace = chosen[at][0]
        ids = [identity for name, identity in chosen[at : at + PAGE] if name == namespace]
        yield Wanted(at + 1, namespace, ids, None)
        at += len(ids)


def _records(count: int) -> str:
    return "1 record was" if count == 1 else f"{count:,} records were"


class _Kind:
    name = "pinecone"
    options = frozenset({"host", "controller", "in-flight", "page", "patience"})

    def recognises(self, given: str, head: bytes | None) -> bool:
        return head is None and given.startswith(SCHEME)

    def open(self, given: str, access: Access) -> Source:
        address = read_address(given, access)
        if not access.environment and access.api_key_file is None:
            raise UsageError("There is no Pinecone API key.", hint="set PINECONE_API_KEY")
        return PineconeSource(
            address,
            read_key(access),
            only=access.namespaces,
            in_flight=number_option(access, "in-flight", IN_FLIGHT, 32),
            page=number_option(access, "page", PAGE, 1000),
            patience=float(number_option(access, "patience", 120, 86_400)),
        )


SOURCES.add("pinecone", _Kind(), home=__name__)
