"""Where a container's compose files are. Labels are a hint: what is on the disk decides."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from netdoctor.model import Container
from netdoctor.platforms.interface import CONFIG_FILES, PROJECT, WORKING_DIR

DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_FILES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""What Compose, version 1 and later, looks for by itself."""


@dataclass(frozen=True, slots=True)
class ComposeFiles:
    """What the labels say about the files of a container: those that exist here, and those that do not."""

    found: tuple[Path, ...]
    """In Compose's order; with an override file that Compose will read the next time, though it was made since."""
    missing: tuple[str, ...]
    folder: Path | None
    by_itself: bool = False
    """Compose finds these files without being told their names."""
    override: Path | None = None
    """The one of ``found`` that is an override file."""
    command: str = "docker compose up -d"
    """What makes Compose read them again, in the project's folder."""

    def override_beside(self, file: Path) -> Path:
        """Where an override file for ``file`` goes: ``compose.override.yaml`` beside ``compose.yaml``."""
        return file.with_name(f"{file.stem}.override{file.suffix or '.yaml'}")

    def command_with(self, override: Path) -> str:
        """The command line that reads ``override`` too, for files that were named when the project was started."""
        words = self.command.split(" up -d")[0]
        return f"{words} -f {shlex.quote(str(override))} up -d"


def compose_files(container: Container) -> ComposeFiles:
    """Compose v1 gives paths as they were typed, v2 absolute ones."""
    folder_text = container.labels.get(WORKING_DIR, "")
    folder = Path(folder_text) if folder_text.startswith("/") else None
    found: list[Path] = []
    missing: list[str] = []
    for text in _split(container.labels.get(CONFIG_FILES, ""), folder):
        path = Path(text) if text.startswith("/") else _typed(text, folder) if folder is not None else None
        if path is not None and path.is_file():
            found.append(path)
        else:
            missing.append(str(path or text))
    named = found[-1] if len(found) > 1 and found[-1].name in OVERRIDE_FILES else None
    by_itself = not missing and _by_itself(found, folder, container)
    if by_itself and named is None and folder is not None:
        beside = [path for path in map(folder.joinpath, OVERRIDE_FILES) if path.is_file()]
        if len(beside) == 1 and _newer(beside[0], container):
            named = beside[0]
            found.append(named)
        elif beside:
            # It was there and was not read: the files were named on the command line. With two nobody knows.
            by_itself = False
    return ComposeFiles(
        tuple(found),
        tuple(missing),
        folder,
        by_itself,
        named,
        "docker compose up -d" if by_itself else _command(container, found, folder),
    )


def environment_of(container: Container, folder: Path | None) -> dict[str, str] | None:
    """The project's variables, for names with ``${...}`` in them; None when there is no file of them."""
    label = container.labels.get("com.docker.compose.project.environment_file", "")
    paths = [Path(part) for part in label.split(",") if part.startswith("/")] or ([folder / ".env"] if folder else [])
    found: dict[str, str] = {}
    for path in paths:
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            key, equals, value = line.removeprefix("export ").partition("=")
            if equals and not line.lstrip().startswith("#"):
                found[key.strip()] = value.strip().strip("\"'")
    return found or None


def order(paths: tuple[Path, ...], data: Mapping[Path, bytes], service: str) -> list[Path]:
    """Files that list the service's networks first, then those that define the service, later ones winning."""
    return sorted(paths, key=lambda path: (-_weight(data[path], service), -paths.index(path)))


def _by_itself(found: list[Path], folder: Path | None, container: Container) -> bool:
    """Compose's own names, in the project's folder, and no list of files in its ``.env``."""
    if folder is None or not 1 <= len(found) <= 2 or any(path.parent != folder for path in found):
        return False
    if found[0].name not in DEFAULT_FILES or (len(found) > 1 and found[1].name not in OVERRIDE_FILES):
        return False
    first = next((name for name in DEFAULT_FILES if (folder / name).is_file()), None)
    return first == found[0].name and "COMPOSE_FILE" not in (environment_of(container, folder) or {})


def _newer(path: Path, container: Container) -> bool:
    """Whether the file was written after the container was made."""
    try:
        made = datetime.fromisoformat(container.created or "").timestamp()
        return path.stat().st_mtime > made
    except (OSError, ValueError):
        return False


def _command(container: Container, found: list[Path], folder: Path | None) -> str:
    program = ["docker-compose"] if _version(container).startswith("1.") else ["docker", "compose"]
    words = [*program]
    if container.labels.get(PROJECT):
        words += ["-p", container.labels[PROJECT]]
    if folder is not None and (not found or found[0].parent != folder):
        words += ["--project-directory", str(folder)]
    for path in found:
        words += ["-f", str(path)]
    return shlex.join([*words, "up", "-d"])


def _version(container: Container) -> str:
    return container.labels.get("com.docker.compose.version", "")


def defines(source: bytes, service: str) -> bool:
    """Whether a compose file names the service."""
    return _weight(source, service) > 0


def _weight(source: bytes, service: str) -> int:
    import yaml

    try:
        model = yaml.load(source, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader builds text, lists and mappings only
    except (yaml.YAMLError, ValueError, RecursionError):
        return 0
    services = model.get("services") if isinstance(model, dict) else None
    body = services.get(service) if isinstance(services, dict) else None
    if body is None:
        return 0
    return 2 if isinstance(body, dict) and "networks" in body else 1


def _split(label: str, folder: Path | None) -> list[str]:
    """Several files are separated by commas, which a path may hold as well: what exists decides."""
    whole = Path(label) if label.startswith("/") else folder / label if folder is not None else None
    if label and whole is not None and whole.is_file():
        return [label]
    return [part for part in (each.strip() for each in label.split(",")) if part]


def _typed(text: str, folder: Path) -> Path:
    """Relative to the project's folder, or to one above it: ``docker-compose -f web/compose.yaml`` from there."""
    typed, beside = Path(text), folder / Path(text).name
    same = beside.parts[-len(typed.parts) :] == typed.parts
    return beside if same and not (folder / typed).is_file() else folder / typed
