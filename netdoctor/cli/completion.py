"""``netdoctor completion SHELL``: what makes a shell complete commands, options and container names."""

from __future__ import annotations

from typing import Any

import click

from netdoctor.cli.settings import read_settings, shared_options
from netdoctor.exits import Exit

VARIABLE = "_NETDOCTOR_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
EXAMPLES = """
\b
Examples:
  netdoctor completion bash > ~/.local/share/bash-completion/completions/netdoctor
  netdoctor completion zsh > ~/.zfunc/_netdoctor          with ~/.zfunc in fpath
  netdoctor completion fish > ~/.config/fish/completions/netdoctor.fish
"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
@shared_options
@click.pass_context
def command(ctx: click.Context, /, shell: str, **options: Any) -> None:
    """Print what makes SHELL complete netdoctor's commands and options; put it where SHELL looks for it."""
    from click.shell_completion import get_completion_class

    from netdoctor.cli.common import emit
    from netdoctor.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    emit(read_settings(ctx, options), found(cli, {}, "netdoctor", VARIABLE).source() + "\n")
    ctx.exit(Exit.OK)
