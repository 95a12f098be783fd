"""``netdoctor map``: networks, containers and the connections between them, as a picture."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from netdoctor.cli.settings import Settings, read_settings, shared_options
from netdoctor.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdoctor.maps.interface import Drawing, Picture
    from netdoctor.model import Edge, Topology

EXAMPLES = """
\b
Examples:
  netdoctor map                                a tree, with every declared connection asked
  netdoctor map app                            the same, but asks only what touches app
  netdoctor map --format html -o map.html      one page that needs no network, for a browser
  netdoctor map --format mermaid               for a README; also dot and svg
  netdoctor map --bundle incident.json         a recorded topology, without an engine
"""


@click.command(epilog=EXAMPLES)
@click.argument("source", required=False)
@click.argument("target", required=False)
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False),
    envvar="NETDOCTOR_BUNDLE",
    show_envvar=True,
    help="Draw a recorded topology; no engine is asked.",
)
@click.option(
    "--ask/--no-ask",
    "asking",
    default=True,
    envvar="NETDOCTOR_ASK",
    show_envvar=True,
    help="Ask the declared connections (default), or draw what inspect says.",
)
@shared_options
@click.pass_context
def command(
    ctx: click.Context, /, source: str | None, target: str | None, bundle: str | None, asking: bool, **options: Any
) -> None:
    """Draw networks, containers, addresses and aliases, with every declared connection in the colour of its verdict.

    --format: tree (default), mermaid, dot, svg or html. Broken connections are dashed and carry the code of their
    cause. Drawing is no gate: it ends with 0 whatever it shows, but for a container that could not be looked at (3);
    use netdoctor check for that.
    """
    from netdoctor.cli.common import emit, wants_color
    from netdoctor.maps.interface import UNSEEN

    settings = read_settings(ctx, options)
    drawing = _drawing(settings.format)
    picture = _picture(replace(settings, format="human"), source, target, bundle, asking)
    width = 120 if settings.output or not sys.stdout.isatty() else shutil.get_terminal_size().columns
    emit(settings, drawing.draw(picture, color=wants_color(settings), width=width))
    hidden = any(box.kind == UNSEEN for box in picture.boxes)
    ctx.exit(Exit.UNKNOWN if hidden and not settings.exit_zero else Exit.OK)


def _drawing(name: str) -> Drawing:
    """Raises UsageError for a way that does not exist."""
    from netdoctor.errors import UsageError
    from netdoctor.maps.interface import MAPS
    from netdoctor.terminal import plain

    name = "tree" if name == "human" else name
    if name not in MAPS:
        raise UsageError(f"There is no map {plain(name)!r}.", hint=f"Choose one of: {', '.join(MAPS.names())}.")
    return MAPS.get(name)


def _picture(settings: Settings, source: str | None, target: str | None, bundle: str | None, asking: bool) -> Picture:
    from netdoctor.cli._elsewhere import on_this_node
    from netdoctor.cli.common import codes, session, tell_of_unseen
    from netdoctor.maps._picture import picture_of

    if bundle is not None:
        from netdoctor.diagnosis.run import diagnose
        from netdoctor.topology.bundle import read_bundle
        from netdoctor.vantage.recorded import Recorded

        topology, answers = read_bundle(bundle)
        tell_of_unseen(settings, topology)
        edges = _edges(topology, source, target)
        if not edges or not asking:
            return picture_of(topology, None, tuple(edges))
        only, skip = codes(settings.only), codes(settings.skip)
        return picture_of(
            topology, diagnose(topology, edges, Recorded(), timeout=1.0, only=only, skip=skip, recorded=answers)
        )
    with session(settings) as opened:
        with on_this_node(opened.engine, "map", source, target):
            edges = _edges(opened.topology, source, target)
        if not edges or not asking:
            return picture_of(opened.topology, None, tuple(edges))
        return picture_of(opened.topology, opened.diagnose(edges))


def _edges(topology: Topology, source: str | None, target: str | None) -> Sequence[Edge]:
    """What was named, else all that is declared; there may be none."""
    from netdoctor.cli.check import edges_for
    from netdoctor.edges.arguments import all_edges

    if source is None:
        return all_edges(topology)
    return edges_for(topology, source, target)
