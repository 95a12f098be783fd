"""``netdoctor bundle FILE [A B]``: carry a diagnosis away, redacted, to be judged again anywhere."""

from __future__ import annotations

from typing import Any

import click

from netdoctor.cli.check import edges_for
from netdoctor.cli.common import session, speaker
from netdoctor.cli.settings import read_settings, shared_options
from netdoctor.exits import Exit


@click.command()
@click.argument("path", type=click.Path(dir_okay=False))
@click.argument("source", required=False)
@click.argument("target", required=False)
@shared_options
@click.pass_context
def command(ctx: click.Context, /, path: str, source: str | None, target: str | None, **options: Any) -> None:
    """Write this engine's topology, and what was seen between SOURCE and TARGET, to PATH. Secrets are left out.

    Judge it anywhere, without an engine: netdoctor check SOURCE TARGET --bundle PATH
    """
    from netdoctor.topology.bundle import write_bundle

    settings = read_settings(ctx, options)
    with session(settings) as opened:
        seen = None
        if source is not None:
            seen = opened.diagnose(edges_for(opened.topology, source, target)).seen
        write_bundle(path, opened.topology, seen)
        count = len(opened.topology.containers)
        speaker(settings)(f"wrote {count} containers and {len(seen or ())} observations to {path}")
    ctx.exit(Exit.OK)
