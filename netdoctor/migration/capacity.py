"""What so many vectors need, by Qdrant's published rule of thumb. Nothing here is measured.

memory = vectors x dimensions x bytes per number x 1.5: Qdrant's capacity planning page
(qdrant.tech/documentation/capacity-planning). The half on top is for indexes, versions, and the segments that are
rewritten while the optimizer works. Bytes per number: 4 as float32, 1 as int8 (scalar quantization), 1/8 (binary).
disk = vectors x (dimensions x 4 + payload) x 1.5, whatever is in memory: the originals and the payload are stored
always, and the rewriting needs room there too.
"""

from __future__ import annotations

from dataclasses import dataclass

SIZES = tuple(10**power for power in range(2, 9))
HEADROOM = 1.5
_FLOAT, _INT8, _BIT = 4.0, 1.0, 0.125


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes: of memory with the vectors in it as they are, as int8, as bits; and of disk. ``load`` in seconds."""

    vectors: int
    memory: int
    memory_int8: int
    memory_binary: int
    disk: int
    load: float | None = None


def needs(dimension: int, payload: int, *, per_second: float | None = None) -> list[Need]:
    """For 1e2 to 1e8 vectors of ``dimension`` numbers with ``payload`` bytes each.

    ``per_second``: vectors that one writer was seen to write, one request after the other; else no ``load``.
    """

    def memory(count: int, width: float) -> int:
        return round(count * dimension * width * HEADROOM)

    return [
        Need(
            count,
            memory(count, _FLOAT),
            memory(count, _INT8),
            memory(count, _BIT),
            round(count * (dimension * _FLOAT + payload) * HEADROOM),
            count / per_second if per_second else None,
        )
        for count in SIZES
    ]


def document(dimension: int, payload: int, rows: list[Need]) -> dict[str, object]:
    return {
        "dimension": dimension,
        "payload_bytes": payload,
        "headroom": HEADROOM,
        "rows": [
            {
                "vectors": row.vectors,
                "memory_bytes": row.memory,
                "memory_int8_bytes": row.memory_int8,
                "memory_binary_bytes": row.memory_binary,
                "disk_bytes": row.disk,
                **({"load_seconds": round(row.load, 1)} if row.load is not None else {}),
            }
            for row in rows
        ],
    }


def text(dimension: int, payload: int, rows: list[Need]) -> str:
    timed = any(row.load is not None for row in rows)
    head = f"  {'vectors':>11} {'memory':>9} {'int8':>9} {'binary':>9} {'disk':>9}"
    lines = [f"capacity: {dimension} dimensions, {payload} bytes of payload each", head + ("   load" if timed else "")]
    for row in rows:
        sizes = (row.memory, row.memory_int8, row.memory_binary, row.disk)
        line = f"  {row.vectors:>11,} " + " ".join(f"{in_words(size):>9}" for size in sizes)
        lines.append(line + (f"   {duration(row.load)}" if row.load is not None else ""))
    lines.append("  by vectors x dimensions x bytes x 1.5, as Qdrant publishes it; an estimate, not a measurement")
    if timed:
        lines.append("  load: one writer, 100 points a request, as measured here; more writers are faster")
    return "\n".join(lines) + "\n"


def in_words(size: float) -> str:
    """``6.1 GB``: powers of 1000, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.95:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
