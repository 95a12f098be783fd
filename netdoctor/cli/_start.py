"""Where the programs begin: Ctrl-C is told in a word while the rest is still being loaded, too."""

from __future__ import annotations

import sys
from typing import NoReturn

from netdoctor.cli import _interrupts


def main(argv: list[str] | None = None) -> NoReturn:
    """Entry point of ``netdoctor``. Loading is most of a short run, and Ctrl-C may come there like anywhere else."""
    _interrupts.install()
    try:
        from netdoctor.cli.main import main as run
    except KeyboardInterrupt:
        _interrupts.no_more()
        print("netdoctor: interrupted", file=sys.stderr)  # noqa: T201 - nothing that prints is loaded yet
        sys.exit(130)
    run(argv)
