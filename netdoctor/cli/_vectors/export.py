"""``netdoctor vectors export``: a live index into a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._orders import obeying
from netdoctor.cli._target import option, reaching
from netdoctor.cli._vectors._access import access_of, access_options, hear_pauses, introduce
from netdoctor.cli.common import emit_told, speaker
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.export import Exported
    from netdoctor.migration.sources.interface import Source

_EVERY = 1.0
"""Seconds between two lines of progress."""
_MOST_NAMESPACES = 20
EXAMPLES = """
\b
Examples:
  netdoctor vectors export --from pinecone:my-index -o export.json
  netdoctor vectors export --from pinecone:my-index -o export.parquet --namespace user_1
  netdoctor vectors export --from pinecone:my-index --dry-run      what it would cost
"""


@click.command(short_help="Write a live index into a file.", epilog=EXAMPLES)
@option(
    "--from", required=True, metavar="SOURCE", help="pinecone:NAME, pinecone:URL, qdrant:URL, or an export to convert."
)
@access_options
@option("--restart", is_flag=True, help="Forget what an earlier call has done.")
@option("--replace", is_flag=True, help="Write the file anew where there is one already.")
@option("--dry-run", is_flag=True, help="Only say what there is and what reading it costs.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Write all that an index holds to -o FILE: .json (one array), .jsonl or .parquet.

    The same command resumes a run that was stopped. What is written can be given to netdoctor migrate. Exit 0 means
    that the file holds as many records of each namespace as the index counts.
    """
    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("An export is reported as human or json.")
    from netdoctor.migration.sources.interface import open_source
    from netdoctor.migration.sources.pinecone import PineconeSource

    file = None if given["dry_run"] else _file(settings)
    report = replace(settings, output=settings.output if given["dry_run"] else None)
    with obeying(), ExitStack() as stack:
        source = open_source(given["from"], reaching(stack, settings, given, access_of(given)))
        close = getattr(source, "close", None)
        if close is not None:
            stack.callback(close)
        say = speaker(settings)
        introduce(source, say, cost=False)
        hear_pauses(source, lambda reason, seconds: say(f"trying again in {seconds:.1f} s: {reason}"))
        if isinstance(source, PineconeSource) and file is not None:
            say(source.estimate().sentence())
        if file is None:
            emit_told(report, _planned(source, report))
            return
        done = _export(source, file, given, say)
    emit_told(report, document(done) if settings.format == "json" else text(done))
    if not done.good:
        ctx.exit(int(Exit.FINDINGS))


def _file(settings: Settings) -> Path:
    from netdoctor.migration.export import place_of
    from netdoctor.migration.export_files import sink_for

    if settings.output in (None, "-"):
        raise UsageError("An export needs a file.", hint="add -o export.json (or .jsonl, .parquet)")
    file = Path(str(settings.output))
    place_of(file)  # before anything is connected to, or paid for
    sink_for(file)
    return file


def _export(source: Source, file: Path, given: dict[str, Any], say: Callable[[str], None]) -> Exported:
    from netdoctor.migration.export import export

    last = time.monotonic()

    def tell(records: int, total: int, namespace: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            part = f" of {total:,} ({min(100, records * 100 // total)} %)" if total else ""
            say(f"{records:,}{part}, in namespace {namespace!r}" if namespace else f"{records:,}{part}")

    try:
        return export(source, file, restart=given["restart"], replace=given["replace"], tell=tell)
    except KeyboardInterrupt:
        say("what is done is kept; repeat the same command: it resumes")
        raise


def _planned(source: Source, settings: Settings) -> dict[str, Any] | str:
    from netdoctor.migration.sources.pinecone import PineconeSource

    if not isinstance(source, PineconeSource):
        raise UsageError("Only a live index can say beforehand what it holds.", hint="leave --dry-run out")
    told = source.estimate()
    if settings.format == "json":
        about = {"records": told.records, "read_units": told.units, "usd": round(told.usd, 4), "egress": told.egress}
        names = [{"name": name, "counted": count} for name, count in source.counts.items()]
        return {"schema": "netdoctor.export/1", "source": source.label, "namespaces": names, "estimate": about}
    lines = [plain(source.label), *_table({name: (None, count) for name, count in source.counts.items()})]
    return "\n".join([*lines, told.sentence()]) + "\n"


def document(done: Exported) -> dict[str, Any]:
    """The report as data, ``netdoctor.export/1``."""
    names = sorted({**done.namespaces, **(done.counted or {})})
    return {
        "schema": "netdoctor.export/1",
        "ok": done.good,
        "source": done.source,
        "file": str(done.file),
        "format": done.form,
        "records": done.records,
        "bytes": done.size,
        "namespaces": [
            {"name": name, "exported": done.namespaces.get(name, 0), "counted": (done.counted or {}).get(name)}
            for name in names
        ],
        "gone": done.gone,
        "bad": [each.reason for each in done.bad],
        "bad_count": done.bad_count,
        "resumed": done.resumed,
        "read_units": done.read_units,
        "seconds": round(done.seconds, 3),
        "notes": list(done.notes),
    }


def text(done: Exported) -> str:
    """The report for people."""
    counted = done.counted
    names = sorted({**done.namespaces, **(counted or {})})
    rows = {
        name: (done.namespaces.get(name, 0), counted.get(name, 0) if counted is not None else None) for name in names
    }
    rate = f"{done.records / done.seconds:,.0f} a second" if done.seconds > 0 and not done.resumed else "resumed"
    lines = [f"{plain(done.source)} -> {plain(str(done.file))}", *_table(rows)]
    lines.append(f"  {done.records:,} records, {done.size:,} bytes, {done.seconds:.1f} s ({rate})")
    lines += [f"  {plain(note)}" for note in done.notes]
    lines += [f"  not exported: {plain(str(each))}" for each in done.bad]
    if done.bad_count > len(done.bad):
        lines.append(f"  and {done.bad_count - len(done.bad)} more")
    if done.good:
        checked = "as many as the index counts" if counted is not None else "all of it"
        lines.append(f"OK: {done.records:,} records are in {plain(done.file.name)}, {checked}.")
    elif done.different:
        name, (exported, there) = next(iter(done.different.items()))
        lines.append(
            f"DIFFERENT: the index counts {there:,} records in namespace {plain(name)!r}, the file has {exported:,}. "
            "It is written to, or its counts lag behind: export again when it is quiet."
        )
    else:
        lines.append(f"INCOMPLETE: {done.bad_count:,} records could not be exported.")
    return "\n".join(lines) + "\n"


def _table(rows: Mapping[str, tuple[int | None, int | None]]) -> list[str]:
    lines = []
    for name, (exported, counted) in list(rows.items())[:_MOST_NAMESPACES]:
        told = f"{counted:,} counted" if exported is None else f"{exported:,}"
        if exported is not None and counted is not None:
            told += " = counted" if counted == exported else f" of {counted:,} counted"
        lines.append(f"  {plain(name) or '(default namespace)':<32} {told}")
    if len(rows) > _MOST_NAMESPACES:
        lines.append(f"  and {len(rows) - _MOST_NAMESPACES} more namespaces")
    return lines
