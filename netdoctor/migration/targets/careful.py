"""What a collection's strict mode refuses is asked for again within what it allows.

Strict mode (Qdrant 1.13 and later; Qdrant Cloud switches it on) limits single requests: how many points a page may
have, how many searches a batch, whether anything may be asked exactly. A server tells its limit where it refuses, so
nothing is asked for in advance, and the first refusal is remembered.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from netdoctor.migration.points import Point
from netdoctor.migration.targets.interface import Hit, Page, Query, TargetRefused, not_exactly, splits, strict_mode

P = TypeVar("P")
T = TypeVar("T")
_LIMIT = re.compile(r'Limit exceeded \d+ > (\d+) for "limit"')
_BATCH = re.compile(r'Limit exceeded \d+ > (\d+) for "upsert')
_PAGE = 5000
"""Ids that are counted at a time."""


class Careful(ABC):
    """The calls of a target that strict mode may forbid, over its own ones of one request each."""

    def __init__(self) -> None:
        self._most: dict[str, int] = {}
        self._batch: dict[str, int] = {}
        self._asked: dict[str, int] = {}

    @abstractmethod
    def _write(self, name: str, points: Sequence[bytes], *, insert_only: bool) -> None: ...

    @abstractmethod
    def _delete(self, name: str, ids: Sequence[str]) -> None: ...

    @abstractmethod
    def _retrieve(self, name: str, ids: Sequence[str]) -> Mapping[str, Point]: ...

    @abstractmethod
    def _page(self, name: str, limit: int, start: str | int | None) -> Page: ...

    @abstractmethod
    def _ids(self, name: str, limit: int, start: str | int | None) -> tuple[list[str], str | int | None]: ...

    @abstractmethod
    def _count(self, name: str) -> int: ...

    @abstractmethod
    def _searched(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]: ...

    def upsert(self, name: str, points: Sequence[bytes], *, insert_only: bool = False) -> None:
        self._in_parts(name, self._batch, points, lambda some: self._write(name, some, insert_only=insert_only))

    def delete(self, name: str, ids: Sequence[str]) -> None:
        self._in_parts(name, self._batch, ids, lambda some: self._delete(name, some))

    def retrieve(self, name: str, ids: Sequence[str]) -> Mapping[str, Point]:
        found: dict[str, Point] = {}
        self._in_parts(name, self._asked, ids, lambda some: found.update(self._retrieve(name, some)))
        return found

    def scroll(self, name: str, limit: int, start: str | int | None = None) -> Page:
        return self._within(name, limit, lambda most: self._page(name, most, start))

    def ids(self, name: str, limit: int, start: str | int | None = None) -> tuple[list[str], str | int | None]:
        """At most ``limit`` ids in their order, from ``start`` on, and where the next ones start."""
        return self._within(name, limit, lambda most: self._ids(name, most, start))

    def count(self, name: str) -> int:
        try:
            return self._count(name)
        except TargetRefused as refused:
            if not not_exactly(refused.message):
                raise
        found, start = self.ids(name, _PAGE)
        total = len(found)
        while start is not None:
            found, start = self.ids(name, _PAGE, start)
            total += len(found)
        return total

    def search(self, name: str, queries: Sequence[Query], limit: int) -> Sequence[Sequence[Hit]]:
        try:
            return self._within(name, limit, lambda most: self._searched(name, queries, most))
        except TargetRefused as refused:
            if not strict_mode(refused.message) and not splits(refused.message):
                raise
            if not_exactly(refused.message) and any(each.only is not None and not each.roughly for each in queries):
                # Among the points of one id there is nothing to be inexact about.
                return self.search(name, [replace(each, roughly=each.only is not None) for each in queries], limit)
            if len(queries) == 1:
                raise
        half = len(queries) // 2
        return [*self.search(name, queries[:half], limit), *self.search(name, queries[half:], limit)]

    def _in_parts(
        self, name: str, known: dict[str, int], items: Sequence[P], send: Callable[[Sequence[P]], None]
    ) -> None:
        """``known``: how many at once a collection takes, where that was told before."""
        most = known.get(name, len(items))
        if len(items) <= most:
            try:
                send(items)
            except TargetRefused as refused:
                most = _part(refused, len(items))
                if not most:
                    raise
                known[name] = most
            else:
                return
        for start in range(0, len(items), most):
            self._in_parts(name, known, items[start : start + most], send)

    def _within(self, name: str, limit: int, ask: Callable[[int], T]) -> T:
        limit = min(limit, self._most.get(name, limit))
        try:
            return ask(limit)
        except TargetRefused as refused:
            found = _LIMIT.search(refused.message)
            if found is None or not 0 < int(found[1]) < limit:
                raise
        self._most[name] = int(found[1])
        return ask(self._most[name])


def _part(refused: TargetRefused, asked: int) -> int:
    """How many at once may go through, where not so many as asked; 0: that is not the matter."""
    found = _BATCH.search(refused.message)
    if found is not None and 0 < int(found[1]) < asked:
        return int(found[1])
    return asked // 2 if splits(refused.message) else 0
