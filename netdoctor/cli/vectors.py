"""``netdoctor vectors``: what comes before and after a migration. One file in ``_vectors/`` for each."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import click

import netdoctor.cli._vectors as _room
from netdoctor.cli.settings import read_settings, shared_options


class _Walked(click.Group):
    """Finds its commands in that folder; a module is imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = (info.name for info in pkgutil.iter_modules(_room.__path__))
        return sorted(name for name in found if not name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"{_room.__name__}.{name}").command
        command.name = name
        return command


@click.group(cls=_Walked, short_help="Verify or undo a migration.")
@shared_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Verify, undo and measure what a migration wrote."""
    ctx.obj = read_settings(ctx, options)
