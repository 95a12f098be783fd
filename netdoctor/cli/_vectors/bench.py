"""``netdoctor vectors bench``: latencies of a collection, from inside the app's own network."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._orders import obeying
from netdoctor.cli._target import open_target, option, target_options
from netdoctor.cli._vectors._access import collection_named
from netdoctor.cli.common import Session, emit_told, session, speaker
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.files import write_whole
from netdoctor.redact import redact_text, redacted
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.baseline import Baseline
    from netdoctor.migration.latency import Row
    from netdoctor.migration.summary import Scene


@click.command(short_help="Measure a collection's latencies.")
@click.argument("collection", callback=collection_named)
@target_options
@option("--rounds", type=click.IntRange(1, 100000), default=100, show_default=True, help="Calls of each kind.")
@option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="Hits of a search.")
@option("--write/--no-write", default=True, help="Upserts too, into a scratch collection (default).")
@option("--baseline", type=click.Path(path_type=Path), help="Latencies to compare with: saved ones, or your own.")
@option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Keep these latencies as a baseline.")
@option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw them, as SVG.")
@option("--capacity", is_flag=True, help="What 1e2 to 1e8 vectors like these need.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, collection: str, **given: Any) -> None:
    """Health, search, count, collection info and upserts, one after the other: p50, p95 and p99 in milliseconds.

    Upserts go into a collection made for it and dropped afterwards. A baseline may be written by hand:
    {"name": "Pinecone", "rows": {"search": {"p50": 35.0}}}. When the target is a container, what it used meanwhile
    is told too: processor, memory, disk.
    """
    from netdoctor.migration import capacity
    from netdoctor.migration.baseline import SCHEMA, ratios, read_baseline
    from netdoctor.migration.latency import measure, shape_of

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A benchmark is reported as human or json.")
    baseline = read_baseline(given["baseline"]) if given["baseline"] else None
    for path in (given["save"], given["plot"]):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"There is no folder for {path}.", hint="Choose another --save or --plot.")
    with obeying(), ExitStack() as stack:
        target, scene, _ = open_target(stack, settings, given)
        watched = _Watched.begin(stack, settings, scene)
        rows = measure(target, collection, rounds=given["rounds"], limit=given["limit"], write=given["write"])
        usage = watched.end() if watched else None
        shape = shape_of(target, collection) if given["capacity"] else None
    told = {row.name: row.summary for row in rows}
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "target": scene.target,
        "transport": scene.transport,
        "via": scene.via or None,
        "collection": collection,
        "rounds": given["rounds"],
        "milliseconds": True,
        "rows": told,
        "baseline": baseline.name if baseline else None,
        "ratios": ratios(told, baseline.rows) if baseline else {},
        "container": usage,
    }
    text = _text(document, baseline)
    if shape is not None:
        upserts = told.get("upsert 100")
        needed = capacity.needs(
            shape.dimension, shape.payload, per_second=100_000 / upserts["p50"] if upserts else None
        )
        document["capacity"] = capacity.document(shape.dimension, shape.payload, needed)
        text += capacity.text(shape.dimension, shape.payload, needed)
    if given["save"]:
        _write(given["save"], json.dumps(redacted(document), indent=2, allow_nan=False) + "\n")
    if given["plot"]:
        _write(given["plot"], _plot(rows, document, baseline))
    emit_told(settings, document if settings.format == "json" else text)


@dataclass(frozen=True, slots=True)
class _Watched:
    """The target's container, from the beginning of a measurement to its end."""

    opened: Session
    container: str
    cpu: float | None
    began: float

    @classmethod
    def begin(cls, stack: ExitStack, settings: Settings, scene: Scene) -> _Watched | None:
        from netdoctor.engine.usage import processor_and_memory

        if not scene.container:
            return None
        try:
            opened = stack.enter_context(session(settings))
            cpu = processor_and_memory(opened.engine, scene.container).cpu
        except NetdoctorError as failure:
            speaker(settings)(f"what the container uses is not known: {failure.message}")
            return None
        return cls(opened, scene.container, cpu, time.monotonic())

    def end(self) -> dict[str, Any] | None:
        from netdoctor.engine.usage import disk, processor_and_memory

        try:
            used = processor_and_memory(self.opened.engine, self.container)
            stored = disk(self.opened.engine, self.container)
        except NetdoctorError as failure:
            speaker(self.opened.settings)(f"what the container uses is not known: {failure.message}")
            return None
        seconds = time.monotonic() - self.began
        known = used.cpu is not None and self.cpu is not None
        return {
            "cores": round((used.cpu - self.cpu) / seconds, 3) if known else None,  # type: ignore[operator]
            "memory_bytes": used.memory,
            "memory_limit_bytes": used.limit,
            "disk_bytes": stored,
        }


def _text(document: dict[str, Any], baseline: Baseline | None) -> str:
    inside = f", from inside {plain(document['via'])}" if document["via"] else ""
    how = f"{document['transport']}{inside}"
    lines = [
        f"{plain(document['collection'])} on {plain(document['target'])}",
        f"  {how}, {document['rounds']} calls each, milliseconds",
        f"  {'':<16} {'p50':>9} {'p95':>9} {'p99':>9}",
    ]
    lines += [_line(name, row, "9.2f") for name, row in document["rows"].items()]
    if baseline is not None:
        lines.append(f"  compared with {plain(baseline.name)}: times divided by its times")
        lines += [_line(name, row, "7.2f", " x") for name, row in document["ratios"].items()]
        unknown = [name for name in baseline.rows if name not in document["rows"]]
        if unknown:
            lines.append(f"  note: not measured here: {', '.join(map(plain, unknown))}")
        if not document["ratios"]:
            lines.append(f"  note: it has none of these rows: {', '.join(document['rows'])}")
    lines += _used(document["container"])
    return "\n".join(lines) + "\n"


def _line(name: str, row: dict[str, float], form: str, unit: str = "") -> str:
    cells = (f"{row[key]:{form}}{unit}" if key in row else f"{'-':>9}" for key in ("p50", "p95", "p99"))
    return f"  {name:<16} " + " ".join(cells)


def _used(usage: dict[str, Any] | None) -> list[str]:
    from netdoctor.migration.capacity import in_words

    if usage is None:
        return []

    def size(key: str) -> str:
        return in_words(usage[key]) if usage[key] is not None else "not known"

    cores = f"{usage['cores']:.2f} cores" if usage["cores"] is not None else "not known"
    limit = f" of {in_words(usage['memory_limit_bytes'])}" if usage["memory_limit_bytes"] else ""
    return [f"  container: cpu {cores}, memory {size('memory_bytes')}{limit}, disk {size('disk_bytes')}"]


def _plot(rows: list[Row], document: dict[str, Any], baseline: Baseline | None) -> str:
    from netdoctor.migration.latency_plot import svg

    title = f"{document['collection']} on {document['target']} ({document['transport']})"
    return svg(
        rows,
        redact_text(title),
        baseline=baseline.rows if baseline else None,
        baseline_name=baseline.name if baseline else "",
    )


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Name another file with --save or --plot."
        ) from error
