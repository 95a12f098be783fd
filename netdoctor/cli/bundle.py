"""``netdoctor bundle FILE [A B]``: carry a diagnosis away, redacted, to be judged again anywhere."""

from __future__ import annotations

import json
from typing import Any

import click

from netdoctor.cli._elsewhere import on_this_node
from netdoctor.cli.check import edges_for
from netdoctor.cli.common import emit, refuse_other_formats, session, speaker
from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.exits import Exit
from netdoctor.terminal import plain

DIFF = "diff"
EXAMPLES = """
\b
Examples:
  netdoctor bundle incident.json app qdrant       what is there, and what was seen between the two
  netdoctor check app qdrant --bundle incident.json    judge it anywhere, without an engine
  netdoctor bundle diff before.json after.json    what changed (a file of that name: ./diff)
"""


@click.command(epilog=EXAMPLES)
@click.argument("path", type=click.Path(dir_okay=False), metavar="PATH|diff")
@click.argument("source", required=False)
@click.argument("target", required=False)
@shared_options
@click.pass_context
def command(ctx: click.Context, /, path: str, source: str | None, target: str | None, **options: Any) -> None:
    """Write this engine's topology, and what was seen between SOURCE and TARGET, to PATH. Secrets are left out.

    What was left out is told by its place, never by its value, and stands in the file under "removed".

    With "diff" and two bundles: what changed from the first to the second. Ends with 1 where something did.
    """
    from netdoctor.topology.bundle import removed_from, write_bundle

    settings = read_settings(ctx, options)
    refuse_other_formats(settings)
    if path == DIFF:
        ctx.exit(_diff(settings, source, target))
    with session(settings) as opened:
        seen = None
        if source is not None:
            with on_this_node(opened.engine, "bundle FILE", source, target):
                edges = edges_for(opened.topology, source, target)
            seen = opened.diagnose(edges).seen
        removed = write_bundle(path, opened.topology, seen)
        count = len(opened.topology.containers)
        say = speaker(settings)
        say(f"wrote {count} containers and {len(seen or ())} observations to {path}")
        for line in removed_from(removed):
            say(f"left out: {line}")
        ctx.exit(Exit.UNKNOWN if opened.topology.unseen and not settings.exit_zero else Exit.OK)


def _diff(settings: Settings, before: str | None, after: str | None) -> Exit:
    from netdoctor.errors import UsageError
    from netdoctor.redact import redact_text
    from netdoctor.topology.bundle import read_bundle
    from netdoctor.topology.difference import difference

    if before is None or after is None:
        raise UsageError("Two bundles are needed.", hint="netdoctor bundle diff BEFORE AFTER")
    (old, seen_then), (new, seen_now) = read_bundle(before), read_bundle(after)
    changes = difference(old, new, seen_then, seen_now)
    if settings.format == "json":
        listed = [
            {
                "subject": redact_text(each.subject),
                "what": each.what,
                "before": None if each.before is None else redact_text(each.before),
                "after": None if each.after is None else redact_text(each.after),
            }
            for each in changes
        ]
        emit(settings, json.dumps({"schema": "netdoctor.difference/1", "changes": listed}, indent=2) + "\n")
    else:
        lines = [f"{plain(redact_text(each.subject))}: {plain(redact_text(_told(each)))}" for each in changes]
        emit(settings, "\n".join([*(lines or ["Nothing changed."]), ""]))
    return Exit.FINDINGS if changes else Exit.OK


def _told(change: Any) -> str:
    if change.what == "there":
        return "is gone" if change.after is None else "is new"
    if change.before is None:
        return f"{change.what} is new: {change.after}"
    if change.after is None:
        return f"{change.what} is gone (was {change.before})"
    return f"{change.what} was {change.before or 'empty'}, is {change.after or 'empty'}"
