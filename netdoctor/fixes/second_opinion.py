"""Compose's own opinion of an edit, where a compose command is at hand: ``config`` before and after."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from netdoctor.commands import find_command
from netdoctor.compose_edit import Edit, oracle

_SECONDS = 20.0


@cache
def compose_command() -> tuple[str, ...]:
    """``docker compose`` where the plugin is installed, else ``docker-compose``, else nothing."""
    docker = find_command("docker")
    if docker is not None:
        try:
            asked = subprocess.run(
                [docker, "compose", "version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=5, check=False
            )
            if asked.returncode == 0:
                return (docker, "compose")
        except (OSError, subprocess.TimeoutExpired):
            pass
    old = find_command("docker-compose")
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


def objection_to_override(files: Sequence[Path], folder: Path | None, edit: Edit, network: str) -> str | None:
    """The same for a file that is not there yet, and would be read after ``files``."""
    command = compose_command()
    if not command:
        return None
    where = folder or files[0].parent
    names = [str(path) for path in files]
    # Compose v1 takes no further file from standard input.
    with tempfile.TemporaryDirectory(prefix="netdoctor-") as own:
        planned = Path(own) / "compose.override.yaml"
        planned.write_bytes(edit.result)
        before = oracle.read_config(command, where, names, timeout=_SECONDS)
        after = oracle.read_config(command, where, [*names, str(planned)], timeout=_SECONDS)
    opinion = oracle.weigh(before, after, service=edit.service, network=network)
    return opinion.detail if opinion.verdict is oracle.Verdict.DIFFERS else None


def config_of(files: Sequence[Path], folder: Path | None) -> oracle.Config | None:
    """What Compose makes of files as they are now, to be weighed against later. None: nobody to ask."""
    command = compose_command()
    if not command or not files:
        return None
    return oracle.read_config(command, folder or files[0].parent, [str(path) for path in files], timeout=_SECONDS)


def objection_since(
    before: oracle.Config | None, files: Sequence[Path], folder: Path | None, service: str, network: str
) -> str | None:
    """Why Compose says that more has changed since ``before`` than the one membership; None when it does not."""
    after = config_of(files, folder)
    if before is None or after is None:
        return None
    opinion = oracle.weigh(before, after, service=service, network=network)
    return opinion.detail if opinion.verdict is oracle.Verdict.DIFFERS else None


def found_by_itself(folder: Path, service: str, network: str) -> bool | None:
    """Whether Compose, run in ``folder`` without any file's name, puts the service on the network. None: unknown."""
    command = compose_command()
    if not command:
        return None
    # A list of files in this shell is not what the user's next shell has.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("COMPOSE_FILE", "COMPOSE_PROFILES")
    }
    config = oracle.read_config(command, folder, (), environment=environment, timeout=_SECONDS)
    return None if isinstance(config, str) else oracle.joins(config, service, network)


def made_from(files: Sequence[Path], folder: Path | None, service: str, project: str | None, made: str) -> bool | None:
    """Whether these files, as they are here, are what made a container whose label says ``made``. None: unknown.

    Compose writes a hash of a service's settings on each container, and says it for files on request.
    """
    command = compose_command()
    if not command or not made:
        return None
    words = [*command, "--project-directory", str(folder or files[0].parent)]
    words += ["-p", project] if project else []
    words += [word for path in files for word in ("-f", str(path))]
    try:
        done = subprocess.run(
            [*words, "config", "--hash", service],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.decode("utf-8", "replace").split()
    return said[1] == made if done.returncode == 0 and len(said) == 2 and said[0] == service else None
