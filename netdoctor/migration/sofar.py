"""What a plan pass has counted so far: all that it knows but the hashes of ids, which are too many to hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from netdoctor.migration.points import integral
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources.interface import Cursor


class NumberKinds:
    """Which payload fields hold numbers, and which of those something that is not an integer."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.fractional: set[str] = set()

    def look(self, record: Record) -> None:
        for key, value in record.metadata.items():
            if type(value) in (int, float):
                self.seen.add(key)
                if key not in self.fractional and not integral(value):
                    self.fractional.add(key)


@dataclass(slots=True)
class SoFar:
    """``names``: collection by namespace; ``dimensions`` and ``counts`` by collection, in the order of their first
    record; ``marks``: (record, place) of every thousandth or so; ``seconds`` that it took.
    """

    numbers: NumberKinds = field(default_factory=NumberKinds)
    names: dict[str, str] = field(default_factory=dict)
    dimensions: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    sparse: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    bad: list[BadRecord] = field(default_factory=list)
    bad_count: int = 0
    marks: list[tuple[int, Cursor]] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Everything but the marks, which only grow."""
        return {
            "seen": sorted(self.numbers.seen),
            "fractional": sorted(self.numbers.fractional),
            "names": list(self.names.items()),
            "dimensions": list(self.dimensions.items()),
            "counts": list(self.counts.items()),
            "sparse": sorted(self.sparse),
            "left_out": sorted(self.left_out),
            "bad": [[bad.number, bad.offset, bad.reason, bad.fatal] for bad in self.bad],
            "bad_count": self.bad_count,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], marks: list[tuple[int, Cursor]]) -> SoFar:
        numbers = NumberKinds()
        numbers.seen, numbers.fractional = set(data["seen"]), set(data["fractional"])
        return cls(
            numbers,
            dict(data["names"]),
            dict(data["dimensions"]),
            Counter(dict(data["counts"])),
            set(data["sparse"]),
            set(data["left_out"]),
            [BadRecord(*row) for row in data["bad"]],
            data["bad_count"],
            marks,
            data["seconds"],
        )
