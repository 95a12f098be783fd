"""``netdoctor vectors rollback``: take back what a migration wrote, and nothing else."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._orders import obeying
from netdoctor.cli._target import known_ledger, ledger_path, open_target, option, reaching, target_options
from netdoctor.cli._vectors._access import access_of, access_options
from netdoctor.cli.common import emit_told
from netdoctor.cli.settings import NamedFile, Seconds, Settings, read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit

if TYPE_CHECKING:
    from netdoctor.migration.rollback import PutBack

_PATIENCE = 600.0
"""Seconds for the server to put a collection back."""


@click.command(short_help="Delete what a migration wrote.")
@click.argument("export")
@target_options
@access_options
@option("--ledger", type=click.Path(path_type=Path), help="Default: EXPORT.netdoctor.sqlite")
@option("--plan", type=NamedFile(), help="Take back what all workers of this plan file wrote.")
@option("--restore", is_flag=True, help="Put collections that --overwrite changed back from their snapshots.")
@option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@option("--patience", type=Seconds(0), default=60.0, show_default=True, help="Seconds of retrying.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Delete the points that the migration of EXPORT wrote and that are still as it wrote them.

    A collection that it created goes too, if it holds nothing else. What was there before, and what somebody has
    changed since, stays and is told: exit 1. With --restore, a collection whose points were overwritten becomes again
    what the snapshot before the run holds; everything written to it since is lost.
    """
    from netdoctor.migration.events import Retrying
    from netdoctor.migration.planfile import read_plan
    from netdoctor.migration.progress import showing
    from netdoctor.migration.retry import Retry
    from netdoctor.migration.rollback import Run, roll_back
    from netdoctor.migration.rollback_fleet import disband, run_of_fleet
    from netdoctor.migration.shards import Meeting
    from netdoctor.migration.sources.interface import open_source
    from netdoctor.migration.summary import rollback_document, rollback_text

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A rollback is reported as human or json.")
    if given["plan"] and given["ledger"]:
        raise UsageError("--plan has ledgers of its own: leave out --ledger.")
    path = Meeting(given["plan"]).coordinator if given["plan"] else ledger_path(given)
    with obeying(), ExitStack() as stack:
        ledger = known_ledger(stack, given, path)
        beside = ledger.fact("plan file")
        if beside and not given["plan"]:  # a run by several processes
            given["plan"] = path.with_name(beside)
        source = open_source(given["export"], reaching(stack, settings, given, access_of(given)))
        if source.live:
            stack.callback(source.close)  # type: ignore[attr-defined]  # of live sources
        target, scene, name = open_target(stack, settings, given)
        file = read_plan(given["plan"], source) if given["plan"] else None
        run = run_of_fleet(stack, file, ledger, name) if file else Run.of(ledger, source, name)
        if not given["yes"]:
            lost = ", and lose what was written since to collections that it overwrote" if given["restore"] else ""
            _confirm(f"Delete what the migration of {source.label} wrote into {target.address}{lost}?")
        listener = stack.enter_context(showing(sys.stderr, quiet=bool(settings.quiet)))
        put_back = _put_back(stack, settings, given) if given["restore"] else None
        retry = Retry(patience=given["patience"], tell=lambda reason, seconds: listener(Retrying(reason, seconds)))
        result = roll_back(source, target, run, retry=retry, put_back=put_back, listener=listener)
        if file is not None and result.whole:
            disband(file)
    scene = scene.of(source.label, str(path))
    emit_told(settings, rollback_document(result, scene) if settings.format == "json" else rollback_text(result, scene))
    if not result.whole:
        ctx.exit(int(Exit.FINDINGS))


def _put_back(stack: ExitStack, settings: Settings, given: dict[str, Any]) -> PutBack:
    """Snapshots go over REST, whatever the points take."""
    from netdoctor.migration.snapshots import restore_kept

    def put_back(collection: str, snapshot: str, points: int | None) -> str:
        target, _, _ = open_target(stack, settings, {**given, "transport": "rest"}, timeout=_PATIENCE)
        if target.transport != "REST":
            return "an embedded folder has no snapshots"
        done = restore_kept(target, collection, snapshot, wanted=points)  # type: ignore[arg-type]
        if done.good:
            return ""
        return f"restored, it has {done.points} points ({points} before), status {done.status}"

    return put_back


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nothing is deleted without a word.", hint="add --yes")
    if not click.confirm(question, err=True):
        raise click.Abort
