"""``netdoctor vectors rollback``: take back what a migration wrote, and nothing else."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from netdoctor.cli._target import known_ledger, ledger_path, open_target, option, target_options
from netdoctor.cli.common import emit
from netdoctor.cli.settings import read_settings, shared_options
from netdoctor.errors import UsageError
from netdoctor.exits import Exit


@click.command(short_help="Delete what a migration wrote.")
@click.argument("export", type=click.Path(path_type=Path))
@target_options
@option("--ledger", type=click.Path(path_type=Path), help="Default: EXPORT.netdoctor.sqlite")
@option("--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@option("--patience", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds of retrying.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Delete the points that the migration of EXPORT wrote and that are still as it wrote them.

    A collection that it created goes too, if it holds nothing else. What was there before, and what somebody has
    changed since, stays and is told: exit 1.
    """
    from netdoctor.migration.progress import showing
    from netdoctor.migration.retry import Retry
    from netdoctor.migration.rollback import roll_back
    from netdoctor.migration.sources.interface import open_source
    from netdoctor.migration.summary import rollback_document, rollback_text

    settings = read_settings(ctx, given)
    if settings.format not in ("human", "json"):
        raise UsageError("A rollback is reported as human or json.")
    path = ledger_path(given)
    with ExitStack() as stack:
        ledger = known_ledger(stack, given, path)
        source = open_source(given["export"])
        target, scene, name = open_target(stack, settings, given)
        if not given["yes"]:
            _confirm(f"Delete what the migration of {source.label} wrote into {target.address}?")
        stack.enter_context(showing(sys.stderr, quiet=bool(settings.quiet)))
        result = roll_back(source, target, ledger, name=name, retry=Retry(patience=given["patience"]))
    scene = scene.of(source.label, str(path))
    text = json.dumps(rollback_document(result, scene), indent=2, ensure_ascii=True, allow_nan=False) + "\n"
    emit(settings, text if settings.format == "json" else rollback_text(result, scene))
    if not result.whole:
        ctx.exit(int(Exit.FINDINGS))


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("Nothing is deleted without a word.", hint="add --yes")
    if not click.confirm(question, err=True):
        raise click.Abort
