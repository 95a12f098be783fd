"""Snapshots of a collection, over REST: made and kept by the server, fetched to a file, put back from one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from netdoctor.errors import UsageError
from netdoctor.migration.targets.interface import TargetRefused
from netdoctor.migration.targets.rest import RestTarget

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``size`` in bytes; ``made`` as the server writes times."""

    name: str
    size: int
    made: str


def list_snapshots(target: RestTarget, collection: str) -> list[Snapshot]:
    """Those that the server keeps. Raises TargetRefused."""
    found = target.call("GET", f"{_home(collection)}")
    return [Snapshot(str(s["name"]), int(s.get("size") or 0), str(s.get("creation_time") or "")) for s in found]


def download(target: RestTarget, collection: str, name: str, to: Path) -> int:
    """Into the file ``to``, which is there whole or not at all. Bytes written."""
    part = to.with_name(f"{to.name}.part")
    size = 0
    try:
        with target.stream("GET", f"{_home(collection)}/{quote(name, safe='')}") as pieces, part.open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
        part.replace(to)
    except OSError as error:
        raise UsageError(f"The snapshot cannot be written to {to}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
    return size


def restore(target: RestTarget, collection: str, file: Path) -> None:
    """Make the collection what the snapshot in ``file`` holds. Raises TargetRefused."""
    try:
        with file.open("rb") as body:
            done = target.upload(f"{_home(collection)}/upload?priority=snapshot&wait=true", body, file.name)
    except OSError as error:
        raise UsageError(f"The snapshot {file} cannot be read: {error.strerror or error}.") from error
    if done is not True:
        raise TargetRefused(f"Qdrant at {target.address} did not restore collection {collection!r}.")


def _home(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}/snapshots"
