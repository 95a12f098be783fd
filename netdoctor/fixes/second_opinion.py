"""Compose's own opinion of an edit, where a compose command is at hand: ``config`` before and after."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from netdoctor.compose_edit import Edit, oracle

_SECONDS = 20.0


@cache
def compose_command() -> tuple[str, ...]:
    """``docker compose`` where the plugin is installed, else ``docker-compose``, else nothing."""
    docker = shutil.which("docker")
    if docker is not None:
        try:
            asked = subprocess.run(
                [docker, "compose", "version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=5, check=False
            )
            if asked.returncode == 0:
                return (docker, "compose")
        except (OSError, subprocess.TimeoutExpired):
            pass
    old = shutil.which("docker-compose")
    return (old,) if old is not None else ()


def objection(files: Sequence[Path], folder: Path | None, edited: Path, edit: Edit, network: str) -> str | None:
    """Why Compose says that the edit changes something else; None when it agrees, or has nothing to say."""
    command = compose_command()
    if not command:
        return None
    opinion = oracle.compare(
        command,
        folder or edited.parent,
        [str(path) for path in files],
        str(edited),
        edit.result,
        service=edit.service,
        network=network,
        timeout=_SECONDS,
    )
    return opinion.detail if opinion.verdict is oracle.Verdict.DIFFERS else None
