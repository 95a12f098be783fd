"""How much room is left where a container keeps its data, as far as that can be seen from this machine."""

from __future__ import annotations

import os

from netdoctor.engine.client import Engine
from netdoctor.errors import NetdoctorError


def free_at(engine: Engine, container: str, folder: str) -> int | None:
    """Bytes that may still be written to ``folder`` inside the container; None where that cannot be known.

    It is the file system of the volume or bind mount that holds the folder, else of the container's own layer.
    """
    if not engine.on_this_machine:
        return None
    try:
        told = engine.inspect_container(container)
    except NetdoctorError:
        return None
    path = str(((told.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir") or "")
    longest = -1
    for mount in told.get("Mounts") or ():
        inside = str(mount.get("Destination") or "").rstrip("/")
        if (folder == inside or folder.startswith(f"{inside}/")) and len(inside) > longest:
            path, longest = str(mount.get("Source") or ""), len(inside)
    try:
        state = os.statvfs(path) if path else None
    except OSError:
        return None
    return None if state is None else state.f_bavail * state.f_frsize
