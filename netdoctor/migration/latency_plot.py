"""The latencies as a picture: for each kind of call, which part was answered within which time. SVG, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from netdoctor.migration.baseline import PERCENTILES, Table
from netdoctor.migration.latency import Row
from netdoctor.terminal import plain

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 44, 48
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a07800", "#56b4e9")
"""Told apart by people who see few colours (Okabe and Ito); the dashes differ as well."""
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
_MOST = 200
"""Corners of one line."""


def svg(rows: Sequence[Row], title: str, *, baseline: Table | None = None, baseline_name: str = "") -> str:
    """One line for each row over time (logarithmic); a baseline's percentiles are rings in the row's colour."""
    known = {row.name: (baseline or {}).get(row.name, {}) for row in rows}
    times = [time for row in rows for time in (row.times[0], row.times[-1])]
    times += [value for values in known.values() for value in values.values()]
    low, high = _decades([max(time, 1e-3) for time in times])

    def across(time: float) -> float:
        part = (math.log10(max(time, low)) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return _LEFT + part * (_WIDTH - _LEFT - _RIGHT)

    def up(part: float) -> float:
        return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)

    said = escape(plain(title))
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" font-family="sans-serif" font-size="12">',
        f"<title>{said}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{_shortened(title, 80)}</text>',
    ]
    for part in (0.0, 0.5, 0.95, 1.0):
        y = up(part)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{part * 100:.0f} %</text>')
    power = round(math.log10(low))
    while 10**power <= high * 1.01:
        x = across(10**power)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{10**power:g} ms</text>')
        power += 1
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">answered within</text>')
    for number, row in enumerate(rows):
        colour, dash = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
        corners = " ".join(f"{across(time):.1f},{up(part):.1f}" for time, part in _corners(row.times))
        line = f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
        parts.append(f'<polyline points="{corners}" {line}/>')
        for key in PERCENTILES:
            if key in known[row.name]:
                x, y = across(known[row.name][key]), up(int(key[1:]) / 100)
                parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="{colour}"/>')
        y = _TOP + 12 + number * 34
        x = _WIDTH - _RIGHT + 14
        parts.append(f'<line x1="{x}" x2="{x + 26}" y1="{y}" y2="{y}" {line}/>')
        parts.append(f'<text x="{x + 34}" y="{y + 4}">{_shortened(row.name, 20)}</text>')
        parts.append(f'<text x="{x + 34}" y="{y + 18}" fill="#555555">p50 {row.percentile(0.5):.2f} ms</text>')
    if any(known.values()):
        x, y = _WIDTH - _RIGHT + 14, _TOP + 12 + len(rows) * 34
        parts.append(f'<circle cx="{x + 13}" cy="{y}" r="4" fill="none" stroke="#555555"/>')
        parts.append(f'<text x="{x + 34}" y="{y + 4}">{_shortened(baseline_name or "baseline", 20)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _decades(times: Sequence[float]) -> tuple[float, float]:
    """Powers of ten around all of them, at least one decade apart."""
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _corners(times: Sequence[float]) -> list[tuple[float, float]]:
    """(time, part of the calls answered by then); the first and the last are always among them."""
    count = len(times)
    step = max(1, count // _MOST)
    chosen = sorted({*range(0, count, step), count - 1})
    return [(times[0], 0.0), *((times[index], (index + 1) / count) for index in chosen)]


def _shortened(text: str, most: int) -> str:
    said = plain(text)
    return escape(said if len(said) <= most else f"{said[: most - 1]}…")
