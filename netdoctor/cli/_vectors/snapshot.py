"""``netdoctor vectors snapshot``: a collection's snapshots, reached through the app's own network."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._orders import obeying
from netdoctor.cli._target import open_target, option, target_options
from netdoctor.cli._vectors._access import collection_named
from netdoctor.cli.common import emit_told
from netdoctor.cli.settings import Seconds, Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.targets.rest import RestTarget

_DOING = ("create", "list", "download", "restore")


@dataclass(frozen=True, slots=True)
class _Work:
    target: RestTarget
    collection: str
    name: str
    to_file: Path | None
    wanted: int | None


@click.command(short_help="Create, list, download or restore a snapshot.")
@click.argument("doing", type=click.Choice(_DOING))
@click.argument("collection", callback=collection_named)
@click.argument("name", required=False)
@target_options
@option(
    "--to-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where download writes the snapshot; else ./NAME. -o is for the report.",
)
@option("--expect-points", type=click.IntRange(0), help="Restore: how many points there must be in the end.")
@option("--yes", is_flag=True, help="Restore without asking.")
@option("--patience", type=Seconds(1), default=600.0, show_default=True, help="Seconds for each call.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, doing: str, collection: str, name: str | None, **given: Any) -> None:
    """create COLLECTION | list COLLECTION | download COLLECTION NAME | restore COLLECTION FILE-OR-NAME

    Over REST. A download is there whole, with the checksum that the server tells, or not at all. A restore replaces
    all that the collection holds, and is proven: the points are counted, and some must find themselves; else exit 1.
    """
    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("Snapshots are reported as human or json.")
    if (name is None) != (doing in ("create", "list")):
        raise UsageError(f"snapshot {doing} takes a collection{'' if name else ' and a name'}.")
    if doing == "download" and settings.output and not given["to_file"]:
        raise UsageError(
            f"-o {settings.output} is where the report goes, not the snapshot.",
            hint=f"name the snapshot's file with --to-file {settings.output}",
        )
    given["transport"] = "rest"
    with obeying(), ExitStack() as stack:
        target, _, _ = open_target(stack, settings, given, timeout=given["patience"])
        if target.transport != "REST":
            raise UsageError("An embedded folder has no snapshots.", hint="copy the folder")
        if doing == "restore" and not given["yes"]:
            _confirm(f"Replace all that collection {collection!r} on {target.address} holds?")
        work = _Work(target, collection, name or "", given["to_file"], given["expect_points"])  # type: ignore[arg-type]
        told, good = _ACTIONS[doing](work)
    _tell(settings, {"schema": "netdoctor.snapshot/1", "collection": collection, "did": doing, "ok": good, **told})
    if not good:
        ctx.exit(int(Exit.FINDINGS))


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("A restore replaces everything: nothing is done without a word.", hint="add --yes")
    if not click.confirm(question, err=True):
        raise click.Abort


def _create(work: _Work) -> tuple[dict[str, Any], bool]:
    from netdoctor.migration.snapshots import create

    began = time.monotonic()
    made = create(work.target, work.collection)
    seconds = round(time.monotonic() - began, 3)
    return {"snapshots": [_row(made)], "seconds": seconds}, True


def _list(work: _Work) -> tuple[dict[str, Any], bool]:
    from netdoctor.migration.snapshots import list_snapshots

    return {"snapshots": [_row(each) for each in list_snapshots(work.target, work.collection)]}, True


def _download(work: _Work) -> tuple[dict[str, Any], bool]:
    from netdoctor.migration.snapshots import download

    # A server decides what its snapshots are called, and must not decide where a file goes.
    file = work.to_file or Path(Path(work.name).name)
    return {"snapshots": [{**_row(download(work.target, work.collection, work.name, file)), "file": str(file)}]}, True


def _restore(work: _Work) -> tuple[dict[str, Any], bool]:
    from netdoctor.migration.snapshots import restore, restore_kept

    file = Path(work.name)
    if file.exists() or "/" in work.name:
        done = restore(work.target, work.collection, file, wanted=work.wanted)
    else:
        done = restore_kept(work.target, work.collection, work.name, wanted=work.wanted)
    proof = {
        "points": done.points,
        "expected": done.wanted,
        "status": done.status,
        "searches": {"asked": done.asked, "found": done.found},
    }
    return {"snapshots": [{"name": work.name}], "proof": proof}, done.good


_ACTIONS: dict[str, Callable[[_Work], tuple[dict[str, Any], bool]]] = {
    "create": _create,
    "list": _list,
    "download": _download,
    "restore": _restore,
}


def _row(snapshot: Any) -> dict[str, Any]:
    return {"name": snapshot.name, "bytes": snapshot.size, "made": snapshot.made, "sha256": snapshot.checksum}


def _line(row: dict[str, Any]) -> str:
    from netdoctor.migration.capacity import in_words

    size = in_words(row["bytes"]) if row.get("bytes") else ""
    checksum = f"sha256 {row['sha256']}" if row.get("sha256") else ""
    parts = (row["name"], size, row.get("made", ""), checksum, row.get("file", ""))
    return "  ".join(plain(str(part)) for part in parts if part)


def _tell(settings: Settings, told: dict[str, Any]) -> None:
    if settings.format == "json":
        emit_told(settings, told)
        return
    lines = [_line(each) for each in told["snapshots"]]
    proof = told.get("proof")
    if proof:
        wanted = f", {proof['expected']} expected" if proof["expected"] is not None else ""
        searches = proof["searches"]
        lines.append(f"  {proof['points']} points{wanted}; status {plain(proof['status'])}")
        lines.append(f"  {searches['found']} of {searches['asked']} sampled vectors find themselves")
        lines.append("OK: restored, counted and searched." if told["ok"] else "RESTORED, but it is not as it must be.")
    emit_told(settings, "\n".join(lines or ["no snapshots"]) + "\n")
