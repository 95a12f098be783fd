"""Latencies to compare with: saved by an earlier measurement, or written by hand from another service's figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netdoctor.errors import UsageError
from netdoctor.files import JSON_STARTS, read_within

Table = Mapping[str, Mapping[str, float]]
"""``{"search": {"p50": 35.0}}``, in milliseconds."""
PERCENTILES = ("p50", "p95", "p99")
SCHEMA = "netdoctor.latency/1"
LIMIT = 1 << 20
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Baseline:
    name: str
    rows: Table


def read_baseline(path: Path) -> Baseline:
    """``{"name": "Pinecone", "rows": {"search": {"p50": 35.0}}}``; the name is free. Raises UsageError."""
    hint = 'save one with --save FILE, or write {"name": "Pinecone", "rows": {"search": {"p50": 35.0}}}'
    try:
        data = read_within(path, LIMIT + 1, starts=JSON_STARTS)
        if len(data) > LIMIT:
            raise UsageError(f"The baseline {path} is too large for a table of latencies.", hint=hint)
        told = json.loads(data.decode("utf-8"))
    except OSError as error:
        raise UsageError(f"The baseline {path} cannot be read: {error.strerror or error}.", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The baseline {path} cannot be read: it is no JSON file.", hint=hint) from error
    rows = told.get("rows") if isinstance(told, dict) else None
    if not isinstance(rows, dict) or not rows:
        raise UsageError(f"The baseline {path} has no table of rows.", hint=hint)
    checked: dict[str, dict[str, float]] = {}
    for row, values in rows.items():
        if not isinstance(values, dict):
            raise UsageError(f"The baseline {path} has no percentiles for {row!r}.", hint=hint)
        for key, value in values.items():
            if key in PERCENTILES and not _is_time(value):
                raise UsageError(f"The baseline {path} has no time above zero as {key} of {row!r}.", hint=hint)
        checked[str(row)] = {key: float(values[key]) for key in PERCENTILES if key in values}
    return Baseline(str(told.get("name") or path.stem), checked)


def ratios(measured: Table, baseline: Table) -> dict[str, dict[str, float]]:
    """This time divided by the baseline's, where that has one: below 1 is quicker."""
    return {
        name: {key: round(value / baseline[name][key], 3) for key, value in row.items() if key in baseline[name]}
        for name, row in measured.items()
        if baseline.get(name)
    }


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
