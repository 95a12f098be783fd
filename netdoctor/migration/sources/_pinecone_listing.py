"""All ids of an index: namespace after namespace, page after page, also when tokens get lost on the way.

Ids of a namespace come sorted bitwise, by UTF-8, as the API promises. So a listing that has to begin again, because
its token is not known any more, leaves out what is not greater than the last id it gave; and a listing that is shorter
than the namespace's count is gone through once more, for what may have been left off at its end.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from netdoctor.migration.sources._pinecone_client import IdPage, PineconeClient
from netdoctor.migration.sources._pinecone_refusals import PineconeFailed, TokenLost

_AHEAD = 8
"""Namespaces whose first page is asked for in advance: many small ones would else take a round trip each."""
_MOST_LOST = 20
"""Lost tokens in one namespace that are still believed to be an accident."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing goes on: ``token`` asks for the page after the one that ended with id ``last``; "" for all
    pages again, of which what is not greater than ``last`` is left out.

    ``count`` ids of the namespace were given before; ``ordered``: they came in order.
    """

    namespace: str
    token: str
    last: str
    count: int
    ordered: bool = True

    def to_json(self) -> dict[str, str | int]:
        return {"token": self.token, "last": self.last, "count": self.count, "ordered": self.ordered}


def place_in(told: object) -> tuple[Place | None, str | None]:
    """Where to go on by what :func:`place_after` told: at a place, or behind a whole namespace. Raises ValueError."""
    if not isinstance(told, dict) or not isinstance(told.get("namespace"), str):
        raise ValueError("no place in a list of ids")
    namespace, last, token = told["namespace"], told.get("last"), told.get("token")
    if token is None:
        return None, namespace
    if not isinstance(token, str) or not isinstance(last, str):
        raise ValueError("no place in a list of ids")
    try:
        return Place(namespace, token, last, int(told["count"]), bool(told["ordered"])), None
    except (KeyError, TypeError) as error:
        raise ValueError("no place in a list of ids") from error


def place_after(namespace: str, place: Place | None) -> dict[str, str | int]:
    """For JSON. ``place`` None: the namespace is at its end."""
    return {"namespace": namespace, **(place.to_json() if place is not None else {})}


@dataclass(frozen=True, slots=True)
class Page:
    """``ids`` of one namespace, never empty; ``after``: where to go on, None at the namespace's end.

    ``token`` is what this page was asked for with, ``before`` how many ids the namespace had given before it.
    """

    namespace: str
    ids: list[str]
    after: Place | None
    token: str
    before: int
    ordered: bool

    def parts(self, size: int) -> Iterator[tuple[list[str], Place | None]]:
        """At most ``size`` ids at a time, each with where to go on; all at once where there is no order to do so by."""
        if not self.ordered or len(self.ids) <= size:
            yield self.ids, self.after
            return
        for at in range(0, len(self.ids), size):
            ids = self.ids[at : at + size]
            inside = at + size < len(self.ids)
            place = Place(self.namespace, self.token, ids[-1], self.before + at + len(ids)) if inside else self.after
            yield ids, place


class Unordered(PineconeFailed):
    """The token is lost and the ids have no order to go on by."""

    def __init__(self, namespace: str) -> None:
        super().__init__(
            f"Listing the ids of namespace {namespace!r} broke off, and they do not come in order.",
            hint="repeat the same command: the namespace is listed from its start",
        )
        self.namespace = namespace


class Lister:
    """``counts``: records of each namespace by the stats. ``restarts`` counts lost tokens, ``short`` what stays
    missing by namespace: (expected, listed)."""

    def __init__(self, client: PineconeClient, counts: dict[str, int], limit: int) -> None:
        self._client = client
        self._counts = counts
        self._limit = limit
        self.restarts = 0
        self.short: dict[str, tuple[int, int]] = {}

    def everything(self, namespaces: Iterable[str], start: Place | None = None) -> Iterator[Page]:
        """All pages of these, one after another; ``start`` is in the first of them. Raises PineconeFailed."""
        names = iter(namespaces)
        waiting: deque[tuple[str, Future[IdPage] | None]] = deque()
        with ThreadPoolExecutor(_AHEAD, thread_name_prefix="netdoctor-list") as pool:
            try:
                if start is not None:
                    waiting.append((next(names), None))
                while True:
                    for name in names:
                        waiting.append((name, pool.submit(self._client.list_ids, name, "", self._limit)))
                        if len(waiting) >= _AHEAD:
                            break
                    if not waiting:
                        return
                    name, first = waiting.popleft()
                    if first is None:
                        yield from self._namespace(name, None, start)
                    else:
                        yield from self._namespace(name, first.result(), None)
            finally:
                for _, future in waiting:
                    if future is not None:
                        future.cancel()

    def _namespace(self, name: str, first: IdPage | None, start: Place | None) -> Iterator[Page]:
        place = start or Place(name, "", "", 0)
        token, last, count, ordered = place.token, place.last, place.count, place.ordered
        again = bool(count) and not token
        skipping = bool(count) and (ordered or not token)  # a place may be inside a page
        lost = 0
        while True:
            try:
                page = first if first is not None else self._client.list_ids(name, token, self._limit)
            except TokenLost:
                lost += 1
                self.restarts += 1
                self._client.pace.tell(
                    f"Pinecone does not know the place in namespace {name!r} any more: it is listed from its start"
                    + (f", and {count:,} ids that are known are left out" if ordered and count else ""),
                    0.0,
                )
                if not ordered:
                    raise Unordered(name) from None
                if lost > _MOST_LOST:
                    raise PineconeFailed(
                        f"Pinecone forgets the place in namespace {name!r} again and again.",
                        hint="repeat the same command later: it resumes",
                    ) from None
                token, skipping = "", bool(count)
                continue
            first = None
            ids = page.ids
            if skipping:
                ids = [each for each in ids if _greater(each, last)]
                skipping = not ids
            ids = [each for at, each in enumerate(ids) if each != (ids[at - 1] if at else last)] if count else ids
            if ids:
                ordered = ordered and _in_order(last if count else None, ids)
                last, count = ids[-1], count + len(ids)
            asked, more = token, bool(page.after) and page.after != token
            expected = self._counts.get(name, 0)
            # Tokens were known to get lost at the service's side: an early end is not believed unasked.
            again_now = not more and count < expected and ordered and not again
            token = page.after if more else ""
            if ids:
                after = Place(name, token, last, count, ordered) if more or again_now else None
                yield Page(name, ids, after, asked, count - len(ids), ordered)
            if again_now:
                again, skipping = True, bool(count)
            elif not more:
                if count < expected:
                    self.short[name] = (expected, count)
                return


def namespaces_of(client: PineconeClient, counts: dict[str, int], only: tuple[str, ...] = ()) -> list[str]:
    """Those of the stats and those of the index's own list, in order. Raises PineconeFailed for one in neither."""
    found = set(counts) | set(client.namespaces())
    if not only:
        return sorted(found)
    missing = sorted(set(only) - found - {""})
    if missing:
        raise PineconeFailed(
            f"The index has no namespace {missing[0]!r}.",
            hint=f"it has {', '.join(map(repr, sorted(found)[:8])) or 'none'}",
        )
    return sorted(set(only))


def _greater(one: str, other: str) -> bool:
    with contextlib.suppress(UnicodeEncodeError):
        return one.encode() > other.encode()
    return one > other


def _in_order(before: str | None, ids: list[str]) -> bool:
    # Strings compare by code point, which is the order of their UTF-8.
    previous = before
    for each in ids:
        if previous is not None and each <= previous:
            return False
        previous = each
    return True
