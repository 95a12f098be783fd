"""Which files make up a project, where they lie, what the variables in them are worth. Reads, never writes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netdoctor.errors import UsageError
from netdoctor.files import read_within
from netdoctor.model import Place
from netdoctor.terminal import plain
from netdoctor.topology.compose.dotenv import parse_env
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.tree import LIMIT

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""In Compose's own order."""
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
STDIN = "-"
_TEMPLATES = frozenset({".j2", ".jinja", ".jinja2", ".tpl", ".tmpl", ".gotmpl", ".erb", ".mustache", ".hbs"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """One project to read: its files in merging order."""

    files: tuple[str, ...]
    """As they were named; errors and places show them so."""
    directory: Path
    """Relative paths in the files start here."""
    name: str | None = None
    """Given from outside (``COMPOSE_PROJECT_NAME``): wins over the files."""
    environment: Mapping[str, str] = field(default_factory=dict)


def wanted(
    files: Sequence[str], environment: Mapping[str, str], *, env_files: Sequence[str] = (), one_of_several: bool = False
) -> Wanted:
    """The project of these files. Raises UsageError, Unreadable for an env file that cannot be read."""
    for file in files:
        if Path(file).suffix.lower() in _TEMPLATES:
            raise Unreadable(
                "the file is a template, not a compose file", Place(file, 1), hint="Lint the rendered file instead."
            )
    directory = Path(files[0]).parent
    values = project_environment(directory, environment, env_files)
    # The one name that a shell may give cannot be the name of several projects.
    name = None if one_of_several else values.get("COMPOSE_PROJECT_NAME") or None
    return Wanted(tuple(files), directory, name, values)


def project_environment(
    directory: Path, environment: Mapping[str, str], env_files: Sequence[str] = ()
) -> Mapping[str, str]:
    """The shell's variables over those of ``.env`` (or of the given files, the last one wins)."""
    found: dict[str, str] = {}
    paths = [Path(each) for each in env_files] or [directory / ".env"]
    for path in paths:
        if not env_files and not path.is_file():
            continue
        entries = parse_env(read_bytes(str(path)), str(path), {**found, **environment})
        found.update({key: value for key, (value, _) in entries.items() if value is not None})
    return {**found, **environment}


def looked_up(start: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The files that Compose itself takes when none is named: COMPOSE_FILE, else the usual names, here or above.

    Raises UsageError when there are none.
    """
    listed = environment.get("COMPOSE_FILE") or project_environment(start, {}).get("COMPOSE_FILE")
    if listed:
        separator = environment.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
        return tuple(shown(start / each) for each in listed.split(separator) if each)
    for folder in (start, *start.resolve().parents):
        found = next((folder / name for name in NAMES if (folder / name).is_file()), None)
        if found is not None:
            over = next((folder / name for name in OVERRIDES if (folder / name).is_file()), None)
            return tuple(shown(path) for path in (found, over) if path is not None)
    raise UsageError(
        "There is no compose file here, nor in a folder above.",
        hint=f"Name one: netdoctor lint FILE (looked for: {', '.join(NAMES)}).",
    )


def shown(path: Path) -> str:
    """The path as a person in the current folder would write it."""
    text = os.path.normpath(path)
    try:
        relative = os.path.relpath(text)
    except ValueError:
        return text
    return text if relative.startswith("..") and Path(text).is_absolute() else relative


def read_bytes(file: str, named_at: Place | None = None) -> bytes:
    """Raises Unreadable, at the place that names the file where there is one."""
    path = Path(file)
    what = f"{plain(shown(path))} " if named_at is not None else "the file "
    place = named_at or Place(file, 1)
    hint = "Correct the path." if named_at is not None else "Name a compose file."
    try:
        if path.is_dir():
            raise Unreadable(f"{what if named_at else 'this '}is a folder, not a file", place, hint=hint)
        # Bounded: a pipe and a device have no size to look at first.
        data = sys.stdin.buffer.read(LIMIT + 1) if file == STDIN else read_within(path, LIMIT + 1)
        if len(data) > LIMIT:
            raise Unreadable(f"{what}has more than {LIMIT >> 20} MB, too large for a compose file", place, hint=hint)
        return data
    except FileNotFoundError:
        raise Unreadable(f"{what}does not exist", place, hint=hint) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise Unreadable(f"{what}cannot be read: {plain(why)}", place, hint=hint) from None


def project_name(text: str) -> str:
    """A folder's or file's name as Compose makes a project's name of it."""
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("_-")
