"""Compose files that the project's own files include: labels do not name them, and a service may be written in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from netdoctor.compose_edit import plan_join
from netdoctor.errors import FixFailed
from netdoctor.fixes.files import can_replace, read_file
from netdoctor.fixes.locations import ComposeFiles, defines, environment_of, order
from netdoctor.fixes.permanent import Declared, Paste, Patch
from netdoctor.model import Container, Membership
from netdoctor.terminal import plain

_MOST = 50
"""Files; nobody includes more."""


def patch_included(
    container: Container, membership: Membership, files: ComposeFiles, text: str, planned: Sequence[Patch]
) -> Patch | Paste | Declared | None:
    """The edit of the included file that defines the service; None when none does. Raises EditRefused, FixFailed."""
    service = container.service or container.name
    aliases = [alias for alias in membership.aliases if alias not in (service, container.name)]
    for group in included(files.found):
        read = {path: read_file(path) for path in group}
        data = {
            path: next((p.edit.result for p in reversed(planned) if p.file and p.file.real == f.real), f.data)
            for path, f in read.items()
        }
        path = order(group, data, service)[0]
        if not defines(data[path], service):
            continue
        edit = plan_join(
            data[path],
            service,
            membership.network,
            aliases,
            path=path.name,
            project=container.project,
            environment=environment_of(container, files.folder),
            others=tuple(data[other] for other in group if other != path),
            read_file=partial(_beside, path.parent),
        )
        if not edit.changed:
            return Declared(container.name, str(path))
        problem = can_replace(read[path])
        if problem is not None:
            why = f"{plain(str(path))} cannot be written: {problem}."
            return Paste(container.name, membership, "Docker Compose", why, text)
        return Patch(
            container.name,
            membership,
            read[path],
            edit,
            tuple(data[other] for other in group if other != path),
            container.project,
            environment_of(container, files.folder),
            # Compose takes no other text for an included file than what is on the disk: it is asked afterwards.
            asked_with=files.found,
            asked_in=files.folder,
        )
    return None


def included(files: Sequence[Path]) -> tuple[tuple[Path, ...], ...]:
    """Every group of files that an ``include`` reads together, the including ones first; those that are here."""
    found: list[tuple[Path, ...]] = []
    waiting = list(files)
    seen = set(waiting)
    while waiting and len(seen) < _MOST:
        file = waiting.pop(0)
        for group in _groups(file):
            new = [path for path in group if path not in seen]
            if not new:
                continue
            found.append(group)
            seen.update(new)
            waiting += new
    return tuple(found)


def _groups(file: Path) -> Iterator[tuple[Path, ...]]:
    import yaml

    try:
        model = yaml.load(read_file(file).data, Loader=yaml.BaseLoader)  # noqa: S506 - builds text, lists, mappings only
    except (yaml.YAMLError, ValueError, RecursionError, FixFailed):
        return
    section = model.get("include") if isinstance(model, dict) else None
    for entry in section if isinstance(section, list) else ():
        paths = entry.get("path") if isinstance(entry, dict) else entry
        names = [paths] if isinstance(paths, str) else paths
        if not isinstance(names, list) or not all(isinstance(name, str) and _local(name) for name in names):
            continue
        group = tuple(file.parent / name for name in names)
        if group and all(path.is_file() for path in group):
            yield group


def _local(name: str) -> bool:
    """A path, as far as can be told without variables; not a repository or a registry."""
    return bool(name) and "$" not in name and "://" not in name and not name.startswith("git@")


def _beside(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / name).read_bytes()
    except OSError:
        return None
