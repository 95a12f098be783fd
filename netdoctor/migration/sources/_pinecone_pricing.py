"""What reading an index will cost, before anything is read: from the documented rules, so an estimate.

A fetch costs one read unit for every ten records, rounded up for each call, and at least one; a page of ids costs one.
Money: USD 16 for a million read units (Standard plan, on demand, AWS us-east-1; other regions and plans differ).
Monthly allowances: Starter 1,000,000 read units, Builder 2,000,000; the others pay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

USD_PER_MILLION = 16.0
FREE = 1_000_000
"""Read units a month on the Starter plan."""
FETCH = 100
"""Ids of one fetch."""
_DIGITS = 11
"""Bytes of one number in a reply, about."""
_BESIDE = 400
"""Bytes of a record's id, keys and metadata in a reply, about."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """``egress`` in bytes, roughly; 0 where the dimension is not known."""

    records: int
    list_units: int
    fetch_units: int
    egress: int

    @property
    def units(self) -> int:
        return self.list_units + self.fetch_units

    @property
    def usd(self) -> float:
        return self.units * USD_PER_MILLION / 1e6

    def sentence(self) -> str:
        money = f"USD {self.usd:.2f}" if self.usd >= 0.01 else "less than USD 0.01"
        size = f", about {_size(self.egress)} of egress" if self.egress else ""
        free = ""
        if self.units > FREE:
            free = f" The Starter plan's {FREE:,} a month would not do."
        return (
            f"Estimate: {self.units:,} read units for {self.records:,} records ({self.list_units:,} to list them, "
            f"{self.fetch_units:,} to fetch them), {money} at USD {USD_PER_MILLION:g} a million{size}.{free}"
        )


def estimate(
    counts: Iterable[int], page: int, dimension: int | None, *, sample: int = 0, fetch: int = FETCH
) -> Estimate:
    """``counts``: records of each namespace; ``page``: ids a page; ``sample``: records read beforehand."""
    records = listed = fetched = 0
    for count in counts:
        records += count
        listed += max(1, -(-count // page))
        full, rest = divmod(count, fetch)
        fetched += full * units_of_fetch(fetch) + (units_of_fetch(rest) if rest else 0)
    first = min(sample, records)
    fetched += units_of_fetch(first) if first else 0
    egress = (records + first) * (_DIGITS * dimension + _BESIDE) if dimension else 0
    return Estimate(records, listed, fetched, egress)


def units_of_fetch(records: int) -> int:
    """Read units of one fetch that returns so many."""
    return max(1, -(-records // 10))


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
