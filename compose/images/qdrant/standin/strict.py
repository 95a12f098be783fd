"""Strict mode: what a collection refuses although it could be answered, in the server's words."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import BadInput, RateLimited

Json = dict[str, Any]

_INSIDE = ("must", "should", "must_not", "min_should", "conditions", "filter", "nested", "is_empty", "is_null")


class Rate:
    """Points that may be written in a minute, or a read's costs, as a bucket that is full at first. Not thread-safe."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._most = 0
        self._left = 0.0
        self._at = 0.0

    def take(self, points: int, most: int) -> None:
        now = time.monotonic()
        if most != self._most:
            self._most, self._left = most, float(most)
        else:
            self._left = min(float(most), self._left + (now - self._at) * most / 60)
        self._at = now
        head = f"Rate limiting exceeded: {self._what} rate limit exceeded"
        if points > most:
            raise RateLimited(f"{head}, request larger than rate limiter capacity, please try to split your request")
        if points > self._left:
            seconds = math.ceil((points - self._left) * 60 / most)
            raise RateLimited(
                f"{head}: Operation requires {points} tokens but only {self._left:.1f} were available. "
                f"Retry after {seconds}s",
                seconds,
            )
        self._left -= points


class Strict:
    """The limits of one collection's configuration; none where the mode is off."""

    def __init__(self, config: Json) -> None:
        found = config.get("strict_mode_config") or {}
        self._told: Json = found if found.get("enabled") else {}

    def upsert(self, points: int, held: int, bytes_held: int) -> None:
        self._limit(points, "upsert_max_batchsize", "upsert limit")
        # Counted before the request: what it adds may go beyond.
        most = self._told.get("max_points_count")
        if most is not None and held >= most:
            raise BadInput(f"Bad request: Max points count limit of {most} reached!")
        size = self._told.get("max_collection_vector_size_bytes")
        if size is not None and bytes_held >= size:
            raise BadInput(f"Bad request: Max vector storage size limit of {size / 1024**2}MB reached!")

    @property
    def write_rate(self) -> int | None:
        """Points a minute."""
        return self._told.get("write_rate_limit")

    @property
    def read_rate(self) -> int | None:
        """Of costs a minute: a page is 1, a point of a list of ids 1."""
        return self._told.get("read_rate_limit")

    def limit(self, asked: int | None) -> None:
        self._limit(10 if asked is None else asked, "max_query_limit", "limit")

    def batch(self, searches: int) -> None:
        self._limit(searches, "search_max_batchsize", "search batch size")

    def exact(self, asked: Any) -> None:
        if asked and self._told.get("search_allow_exact") is False:
            raise _refused("Exact search disabled!", "Set exact=false.")

    def filter(self, condition: Json | None, indexed: Iterable[str]) -> None:
        if self._told.get("unindexed_filtering_retrieve") is not False:
            return
        missing = sorted(set(_keys(condition)) - set(indexed))
        if missing:
            raise _refused(
                f'Index required but not found for "{missing[0]}" of one of the following types: [keyword]',
                "Create an index for this key or use a different filter.",
            )

    def index(self, indexes: int) -> None:
        most = self._told.get("max_payload_index_count")
        if most is not None and indexes >= most:
            raise _refused(
                f"Collection already has the maximum number of payload indices ({most})",
                "Please delete an existing index before creating a new one.",
            )

    def _limit(self, asked: int, name: str, label: str) -> None:
        most = self._told.get(name)
        if most is not None and asked > most:
            raise _refused(
                f'Limit exceeded {asked} > {most} for "{label}"',
                f'Reduce the "{label}" parameter to or below {most}.',
            )


def _refused(why: str, solution: str) -> BadInput:
    return BadInput(f"Bad request: {why}. Help: {solution}")


def _keys(condition: Any) -> Iterator[str]:
    if isinstance(condition, list):
        for one in condition:
            yield from _keys(one)
    elif isinstance(condition, dict):
        if isinstance(condition.get("key"), str):
            yield condition["key"]
        for name in (
            "must",
            "should",
            "must_not",
            "min_should",
            "conditions",
            "filter",
            "nested",
            "is_empty",
            "is_null",
        ):
            yield from _keys(condition.get(name))
