"""``netdoctor vectors bench``: latencies of a collection, from inside the app's own network."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from netdoctor.cli._target import open_target, option, target_options
from netdoctor.cli.common import emit
from netdoctor.cli.settings import read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.terminal import plain


@click.command(short_help="Measure a collection's latencies.")
@click.argument("collection")
@target_options
@option("--rounds", type=click.IntRange(1, 100000), default=100, show_default=True, help="Calls of each kind.")
@option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Hits of a search.")
@option("--write", is_flag=True, help="Upserts too, into a collection made for it and dropped afterwards.")
@option("--baseline", type=click.Path(path_type=Path), help="An earlier --format json report to compare with.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, collection: str, **given: Any) -> None:
    """Search, count, collection info (and upserts), one after the other: p50, p95 and p99 in milliseconds.

    A baseline may be written by hand: {"rows": {"search": {"p50": 35.0}}}.
    """
    from netdoctor.migration.latency import measure

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A benchmark is reported as human or json.")
    baseline = _baseline(given["baseline"]) if given["baseline"] else {}
    with ExitStack() as stack:
        target, scene, _ = open_target(stack, settings, given)
        rows = measure(target, collection, rounds=given["rounds"], limit=given["limit"], write=given["write"])
    told = {row.name: row.summary for row in rows}
    if settings.format == "json":
        document = {
            "schema": "netdoctor.latency/1",
            "target": scene.target,
            "transport": scene.transport,
            "via": scene.via or None,
            "collection": collection,
            "rounds": given["rounds"],
            "milliseconds": True,
            "rows": told,
            "ratios": _ratios(told, baseline),
        }
        emit(settings, json.dumps(document, indent=2) + "\n")
        return
    how = f"{scene.transport}{f', from inside {plain(scene.via)}' if scene.via else ''}"
    lines = [f"{plain(collection)} on {plain(scene.target)}", f"  {how}, {given['rounds']} calls each, milliseconds"]
    lines.append(f"  {'':<16} {'p50':>9} {'p95':>9} {'p99':>9}" + ("   p50 to baseline" if baseline else ""))
    for name, row in told.items():
        line = f"  {name:<16} {row['p50']:9.2f} {row['p95']:9.2f} {row['p99']:9.2f}"
        ratio = _ratios(told, baseline).get(name, {}).get("p50")
        lines.append(line + (f"   {ratio:.2f} x" if ratio is not None else ""))
    emit(settings, "\n".join(lines) + "\n")


def _ratios(told: dict[str, dict[str, float]], baseline: dict[str, Any]) -> dict[str, dict[str, float]]:
    """This time divided by the baseline's, where that has one."""
    return {
        name: {key: round(value / baseline[name][key], 3) for key, value in row.items() if baseline[name].get(key)}
        for name, row in told.items()
        if isinstance(baseline.get(name), dict)
    }


def _baseline(path: Path) -> dict[str, Any]:
    try:
        rows = json.loads(path.read_text("utf-8"))["rows"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"The baseline {path} cannot be read.", hint="save one with --format json -o FILE") from error
    if not isinstance(rows, dict):
        raise UsageError(f"The baseline {path} has no table of rows.")
    return rows
