"""What a container uses: processor time, memory, disk. From the engine, and from folders of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netdoctor.engine.client import Engine
from netdoctor.engine.translate import translated


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes and seconds; None: not known.

    ``cpu`` is all processor time since its start, on all cores. ``memory`` is without what the kernel only caches, as
    ``docker stats`` shows it; ``limit`` what it may use. ``disk``: its own layer, its volumes and bind mounts.
    """

    cpu: float | None
    memory: int | None
    limit: int | None
    disk: int | None = None


def processor_and_memory(engine: Engine, container: str) -> Usage:
    """One look, without the second that a rate would take. Raises Gone, EngineRefused."""
    with translated(engine.host, f"read what container {container[:12]} uses"):
        told: dict[str, Any] = engine.api.stats(container, stream=False, one_shot=True)
    total = _path(told, "cpu_stats", "cpu_usage", "total_usage")
    used, limit = _path(told, "memory_stats", "usage"), _path(told, "memory_stats", "limit")
    details = told.get("memory_stats", {}).get("stats") or {}
    cached = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Usage(
        cpu=total / 1e9 if total is not None else None,
        memory=max(0, used - cached) if used is not None else None,
        limit=limit or None,
    )


def disk(engine: Engine, container: str) -> int | None:
    """Its writable layer and what is mounted into it; None when a part of that cannot be measured from here."""
    with translated(engine.host, f"measure the disk of container {container[:12]}"):
        listed = engine.api.containers(all=True, size=True, filters={"id": container})
    own = next((int(each.get("SizeRw") or 0) for each in listed if each["Id"] == container), None)
    if own is None:
        return None
    sizes = [_mounted(engine, mount) for mount in engine.inspect_container(container).get("Mounts") or ()]
    return None if any(size is None for size in sizes) else own + sum(size or 0 for size in sizes)


def _mounted(engine: Engine, mount: Mapping[str, Any]) -> int | None:
    if mount.get("Type") == "tmpfs":
        return 0
    source = str(mount.get("Source") or "")
    return _folder(source) if engine.on_this_machine and source else None


def _folder(path: str) -> int | None:
    """What is allocated, in bytes, as ``du`` counts; links are not followed, other file systems not entered."""
    total, seen = 0, set()
    try:
        device = os.lstat(path).st_dev
        for folder, below, names in os.walk(path, onerror=_refuse):
            below[:] = [name for name in below if os.lstat(os.path.join(folder, name)).st_dev == device]  # noqa: PTH118
            for name in names:
                try:
                    state = os.lstat(os.path.join(folder, name))  # noqa: PTH118
                except FileNotFoundError:
                    continue
                if (state.st_dev, state.st_ino) not in seen:
                    seen.add((state.st_dev, state.st_ino))
                    total += state.st_blocks * 512
    except OSError:
        return None
    return total


def _refuse(error: OSError) -> None:
    raise error


def _path(told: Mapping[str, Any], *keys: str) -> int | None:
    found: Any = told
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, int) else None
