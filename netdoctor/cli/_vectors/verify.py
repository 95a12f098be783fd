"""``netdoctor vectors verify``: whether all that a migration wrote is still there, as it was sent."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli._orders import obeying
from netdoctor.cli._target import known_ledger, ledger_path, open_target, option, reaching, target_options
from netdoctor.cli._vectors._access import access_of, access_options
from netdoctor.cli.common import emit_told, speaker
from netdoctor.cli.settings import Seconds, Settings, read_settings, shared_options
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.exits import Exit

if TYPE_CHECKING:
    from netdoctor.migration.sources.interface import Source


@click.command(short_help="Compare the target with what was migrated.")
@click.argument("export")
@target_options
@access_options
@option("--ledger", type=click.Path(path_type=Path), help="Default: EXPORT.netdoctor.sqlite")
@option("--repair", is_flag=True, help="Send again what differs.")
@option("--overlap", type=click.IntRange(1, 100), metavar="K", help="Compare K hits of searches with a live source's.")
@option("--patience", type=Seconds(0), default=60.0, show_default=True, help="Seconds of retrying.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Read the target once and compare it with what the migration of EXPORT wrote, by the run's ledger.

    EXPORT itself is read only where something differs, to name the records. Exit 1 on any difference.
    """
    from netdoctor.migration.aftermath import verify_again
    from netdoctor.migration.progress import showing
    from netdoctor.migration.summary import document, verification_text

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A verification is reported as human or json.")
    path = ledger_path(given)
    with obeying(), ExitStack() as stack:
        ledger = known_ledger(stack, given, path)
        source = _source(stack, settings, given)
        target, scene, name = open_target(stack, settings, given)
        listener = stack.enter_context(showing(sys.stderr, quiet=bool(settings.quiet)))
        result = verify_again(
            source,
            target,
            ledger,
            name=name,
            patience=given["patience"],
            repair=given["repair"],
            overlap_at=given["overlap"] or 0,
            listener=listener,
        )
    scene = scene.of(Path(given["export"]).name, str(path))
    emit_told(settings, document(result, scene) if settings.format == "json" else verification_text(result, scene))
    if not result.verification.good:
        ctx.exit(int(Exit.FINDINGS))


def _source(stack: ExitStack, settings: Settings, given: dict[str, Any]) -> Source | None:
    """None where it is away: then differences are counted, not named."""
    from netdoctor.migration.sources.interface import open_source

    live = ":" in given["export"] and not Path(given["export"]).exists()
    if not live:
        return open_source(given["export"], access_of(given)) if Path(given["export"]).exists() else None
    try:
        source = open_source(given["export"], reaching(stack, settings, given, access_of(given)))
    except NetdoctorError as away:
        if given["repair"]:
            raise
        speaker(settings)(f"without the source: {away.message}")
        return None
    if source.live:
        stack.callback(source.close)  # type: ignore[attr-defined]  # of live sources
    return source
