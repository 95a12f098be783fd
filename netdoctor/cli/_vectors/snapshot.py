"""``netdoctor vectors snapshot``: a collection's snapshots, reached through the app's own network."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._target import open_target, option, target_options
from netdoctor.cli.common import emit
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.terminal import plain

if TYPE_CHECKING:
    from netdoctor.migration.targets.rest import RestTarget

_DOING = ("create", "list", "download", "restore")


@click.command(short_help="Create, list, download or restore a snapshot.")
@click.argument("doing", type=click.Choice(_DOING))
@click.argument("collection")
@click.argument("name", required=False)
@target_options
@option("--to-file", type=click.Path(path_type=Path, dir_okay=False), help="Where download writes; else ./NAME.")
@option("--yes", is_flag=True, help="Restore without asking.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, doing: str, collection: str, name: str | None, **given: Any) -> None:
    """create COLLECTION | list COLLECTION | download COLLECTION SNAPSHOT | restore COLLECTION FILE

    Over REST. A restore replaces all that the collection holds.
    """
    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("Snapshots are reported as human or json.")
    if (name is None) != (doing in ("create", "list")):
        raise UsageError(f"snapshot {doing} takes a collection{'' if name else ' and a name'}.")
    if doing == "restore" and not given["yes"]:
        raise UsageError(f"Restoring replaces all of collection {collection!r}.", hint="add --yes")
    given["transport"] = "rest"
    with ExitStack() as stack:
        target, _, _ = open_target(stack, settings, given)
        if target.transport != "REST":
            raise UsageError("An embedded folder has no snapshots.", hint="copy the folder")
        told = _ACTIONS[doing](target, collection, name or "", given)
    _tell(settings, {"schema": "netdoctor.snapshot/1", "collection": collection, "did": doing, **told})


def _create(target: RestTarget, collection: str, _name: str, _given: dict[str, Any]) -> dict[str, Any]:
    began = time.monotonic()
    name = target.snapshot(collection)
    return {"snapshots": [{"name": name}], "seconds": round(time.monotonic() - began, 3)}


def _list(target: RestTarget, collection: str, _name: str, _given: dict[str, Any]) -> dict[str, Any]:
    from netdoctor.migration.snapshots import list_snapshots

    found = list_snapshots(target, collection)
    return {"snapshots": [{"name": each.name, "bytes": each.size, "made": each.made} for each in found]}


def _download(target: RestTarget, collection: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    from netdoctor.migration.snapshots import download

    file = given["to_file"] or Path(Path(name).name)
    return {"snapshots": [{"name": name, "bytes": download(target, collection, name, file), "file": str(file)}]}


def _restore(target: RestTarget, collection: str, name: str, _given: dict[str, Any]) -> dict[str, Any]:
    from netdoctor.migration.snapshots import restore

    restore(target, collection, Path(name))
    return {"snapshots": [{"name": name}]}


_ACTIONS: dict[str, Callable[[Any, str, str, dict[str, Any]], dict[str, Any]]] = {
    "create": _create,
    "list": _list,
    "download": _download,
    "restore": _restore,
}


def _tell(settings: Settings, told: dict[str, Any]) -> None:
    if settings.format == "json":
        emit(settings, json.dumps(told, indent=2) + "\n")
        return
    lines = ["  ".join(plain(str(value)) for value in each.values()) for each in told["snapshots"]]
    emit(settings, "\n".join(lines or ["no snapshots"]) + "\n")
