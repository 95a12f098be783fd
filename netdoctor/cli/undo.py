"""``netdoctor undo``: take back the last fix."""

from __future__ import annotations

from typing import Any

import click

from netdoctor.cli._panels import panels_of
from netdoctor.cli.common import emit, refuse_other_formats, session, speaker
from netdoctor.cli.fix import _json, confirm_or_refuse, desk_of, journal_of, verb_option
from netdoctor.cli.settings import read_settings, shared_options
from netdoctor.exits import Exit
from netdoctor.terminal import plain


@click.command()
@verb_option("--yes", "-y", is_flag=True, help="Do not ask; needed where there is no terminal.")
@verb_option("--dry-run", is_flag=True, help="Show what would be taken back, change nothing.")
@verb_option("--forget", "forgotten", is_flag=True, help="Take the last fix off the list without changing anything.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, yes: bool, dry_run: bool, forgotten: bool, **options: Any) -> None:
    """Take back the last fix: networks, aliases, fixed addresses, and the lines added to the compose file.

    Refused when somebody has changed the same containers since. What only a restart restores is said. A platform that
    was told over its API (fix --apply) is told what it had before, unless somebody changed it there.
    """
    from netdoctor.fixes.show import undo_text, undone_text
    from netdoctor.fixes.undo import forget, plan_undo, undo

    settings = read_settings(ctx, options)
    refuse_other_formats(settings)
    machine = settings.format == "json"
    with session(settings, whole=True) as opened:
        journal = journal_of(opened)
        plan = plan_undo(journal, opened.topology)
        if plan is None:
            said = f"Nothing to undo: no fix in {plain(str(journal.store.path))} is in effect.\n"
            emit(settings, _json({"schema": "netdoctor.undo/1", "undone": None}) if machine else said)
            ctx.exit(Exit.OK)
        if not machine:
            emit(settings, undo_text(plan))
        if dry_run:
            if machine:
                emit(settings, _json({"schema": "netdoctor.undo/1", "plan": list(plan.commands)}))
            ctx.exit(Exit.FINDINGS if plan.moved else Exit.OK)
        if not plan.moved or forgotten:
            confirm_or_refuse("Forget it?" if forgotten else "Take it back?", yes=yes)
        with journal.locked(), panels_of(speaker(settings), disruptive=True) as panels:
            if forgotten:
                forget(plan, journal)
                ctx.exit(Exit.OK)
            undone = undo(plan, desk_of(opened, journal), panels.take_back)
    if machine:
        found = {
            "schema": "netdoctor.undo/1",
            "undone": undone.transaction.title,
            "restored": list(undone.restored_files),
            "lasting": list(undone.lasting),
            "by_hand": list(undone.by_hand),
            "problems": list(undone.problems),
        }
        emit(settings, _json(found))
    else:
        emit(settings, undone_text(undone))
    ctx.exit(Exit.OK if undone.complete else Exit.FINDINGS)
