"""Records of ids, in the ids' order, with several fetches under way: a round trip takes longer than a reply.

At most as many pages as the window allows, and as ``_HELD`` bytes of replies allow, are asked for or wait to be taken.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources._pinecone_client import LONGEST_URL, PineconeClient
from netdoctor.migration.sources._pinecone_pricing import FETCH
from netdoctor.migration.sources._pinecone_records import GONE, bad, record_of
from netdoctor.migration.sources._pinecone_refusals import NotTaken, PineconeFailed, TooMuch

T = TypeVar("T")
_Fetching = Future[tuple[list[Record | BadRecord], int]]

_HELD = 24 << 20
"""Bytes of replies in memory at once; records take about as much, and parsing the one at hand thrice that."""
_BLIND = 4
"""Pages under way before the size of a reply is known."""
_SOME = 10
"""Refused ids of one page that are still believed to be the ids' fault."""
_REFUSED = "Pinecone does not give it"


@dataclass(frozen=True, slots=True)
class Wanted(Generic[T]):
    """``ids`` of one namespace, numbered from ``number`` on; ``mark`` comes back with their records."""

    number: int
    namespace: str
    ids: list[str]
    mark: T


class Fetcher:
    """``gone`` counts ids that were listed and are not there, ``late`` those that came only when asked again."""

    def __init__(self, client: PineconeClient, most: int) -> None:
        self._client = client
        self._most = most
        self._typical = 0.0
        self._lock = threading.Lock()
        self.gone = 0
        self.late = 0

    def run(self, pages: Iterable[Wanted[T]]) -> Generator[tuple[Wanted[T], list[Record | BadRecord]], None, None]:
        """Every page's records, in order. The next pages are listed meanwhile. Raises PineconeFailed.

        Closing it half-way ends every pause, waits for the replies under way, and leaves no thread.
        """
        source = iter(pages)
        waiting: deque[tuple[Wanted[T], _Fetching]] = deque()
        whole = False
        listing = ThreadPoolExecutor(1, thread_name_prefix="netdoctor-pages")
        fetching = ThreadPoolExecutor(self._most, thread_name_prefix="netdoctor-fetch")
        upcoming: Future[Wanted[T] | None] | None = listing.submit(next, source, None)
        try:
            while upcoming is not None or waiting:
                room = upcoming if len(waiting) < self._allowed() else None
                if room is not None and room.done():
                    page = room.result()
                    upcoming = None
                    if page is not None:
                        waiting.append((page, fetching.submit(self._page, page)))
                        upcoming = listing.submit(next, source, None)
                elif waiting and waiting[0][1].done():
                    page, future = waiting.popleft()
                    records, size = future.result()
                    self._learn(records, size)
                    yield page, records
                else:
                    heads: list[Future[Any]] = [each for _, each in list(waiting)[:1]]
                    wait([*heads, *([room] if room is not None else [])], return_when=FIRST_COMPLETED)
            whole = True
        finally:
            for _, future in waiting:
                future.cancel()
            with contextlib.nullcontext() if whole else self._client.pace.interrupted():
                fetching.shutdown()
                listing.shutdown()
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def _learn(self, records: list[Record | BadRecord], size: int) -> None:
        self._typical = max(size, self._typical * 0.9 + size * 0.1)
        self.gone += sum(1 for each in records if isinstance(each, BadRecord) and each.reason.endswith(GONE))

    def _allowed(self) -> int:
        # Nothing is known of the replies' size before the first.
        by_bytes = int(_HELD / self._typical) if self._typical else _BLIND
        return max(1, min(self._client.pace.window.size, by_bytes))

    def _page(self, page: Wanted[T]) -> tuple[list[Record | BadRecord], int]:
        found: dict[str, Record | BadRecord] = {}
        size = 0
        for part in parts(page.ids):
            size += self._part(page, part, found)
        missing = [each for each in page.ids if each not in found]
        if missing:
            # Deleted since it was listed, or not there yet at the replica that was asked: once more tells.
            for part in parts(missing):
                size += self._part(page, part, found)
            with self._lock:
                self.late += sum(1 for each in missing if each in found)
        ordered: list[Record | BadRecord] = []
        for number, identity in enumerate(page.ids, page.number):
            one = found.get(identity)
            if one is None:
                ordered.append(bad(number, page.namespace, identity, GONE))
            elif isinstance(one, BadRecord):
                ordered.append(BadRecord(number, one.offset, one.reason))
            else:
                ordered.append(one._replace(number=number))
        refused = [each for each in ordered if isinstance(each, BadRecord) and _REFUSED in each.reason]
        if len(refused) == len(ordered) and len(refused) > _SOME:
            raise PineconeFailed(f"Pinecone gives no record at all: {refused[0].reason}.")
        return ordered, size

    def _part(self, page: Wanted[T], ids: list[str], found: dict[str, Record | BadRecord]) -> int:
        """One fetch; halved when it is too long or cannot be answered, down to the id, which is named."""
        try:
            fetched = self._client.fetch(page.namespace, ids)
        except (TooMuch, NotTaken) as refused:
            if len(ids) > 1:
                half = len(ids) // 2
                return self._part(page, ids[:half], found) + self._part(page, ids[half:], found)
            found[ids[0]] = bad(0, page.namespace, ids[0], f"{_REFUSED} ({refused})")
            return 0
        each = fetched.size // max(1, len(fetched.things))
        for identity in ids:
            thing = fetched.things.get(identity)
            if thing is not None:
                found[identity] = record_of(0, page.namespace, identity, thing, each)
        return fetched.size


def parts(ids: list[str]) -> Iterator[list[str]]:
    """As many at once as a URL holds."""
    held: list[str] = []
    length = 0
    for each in ids:
        size = len(quote(each, safe="", errors="replace")) + 5
        if held and (length + size > LONGEST_URL or len(held) >= FETCH):
            yield held
            held, length = [], 0
        held.append(each)
        length += size
    if held:
        yield held
