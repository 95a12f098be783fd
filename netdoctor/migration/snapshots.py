"""Snapshots of a collection, over REST: made and kept by the server, fetched to a file, put back from one, proven.

By Qdrant's published API (api.qdrant.tech, "Snapshots"): a snapshot is of one collection on one node; the server tells
its size and, since 1.9, its SHA-256. Both are compared with what arrived before the file gets its name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from netdoctor.errors import NotFound, UsageError
from netdoctor.migration.points import Layout
from netdoctor.migration.retry import Retry
from netdoctor.migration.samples import Sample
from netdoctor.migration.selfhits import self_hits
from netdoctor.migration.targets.interface import TargetRefused, TargetUnreachable, Transient
from netdoctor.migration.targets.rest import RestTarget

T = TypeVar("T")
_SAMPLES = 25


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``size`` in bytes; ``made`` as the server writes times; ``checksum`` SHA-256 in hex, "" where it is not told."""

    name: str
    size: int = 0
    made: str = ""
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the collection is after the restore. ``asked`` of its points were searched for, ``found`` found themselves.

    ``asked`` 0: it is empty, or has no unnamed dense vector to search by.
    """

    points: int
    status: str
    asked: int
    found: int
    wanted: int | None = None
    """Points it must have, where that is known."""

    @property
    def good(self) -> bool:
        counted = self.wanted is None or self.points == self.wanted
        return counted and self.found == self.asked and self.status != "red"


def create(target: RestTarget, collection: str) -> Snapshot:
    """Raises TargetRefused, TargetUnreachable. Not tried again: the first try may be under way still."""
    return _snapshot(_once(target, lambda: target.call("POST", f"{_home(collection)}?wait=true")))


def list_snapshots(target: RestTarget, collection: str) -> list[Snapshot]:
    """Those that the server keeps. Raises TargetRefused, TargetUnreachable."""
    return [_snapshot(each) for each in _once(target, lambda: target.call("GET", _home(collection)))]


def download(target: RestTarget, collection: str, name: str, to: Path) -> Snapshot:
    """Into the file ``to``, which is there whole, and with the server's checksum, or not at all.

    A file that is there already is left alone: it is the same, or the user decides (UsageError). Raises NotFound,
    TargetRefused, TargetUnreachable.
    """
    told = _known(target, collection, name)
    if to.exists():
        if to.is_file() and told.checksum and _checksum(to) == told.checksum:
            return told
        raise UsageError(f"There is something else at {to} already.", hint="name another file with --to-file")
    try:
        with _beside(to) as part:
            size, checksum = _fetch(target, collection, name, part)
            _compare(target, told, size, checksum)
            part.replace(to)
    except OSError as error:
        raise UsageError(
            f"The snapshot cannot be written to {to}: {error.strerror or error}.",
            hint="name a file in a folder that has room for it with --to-file; nothing was kept",
        ) from error
    return Snapshot(name, size, told.made, checksum)


def restore(target: RestTarget, collection: str, file: Path, *, wanted: int | None = None) -> Restored:
    """Make the collection what the snapshot in ``file`` holds, and ask it. ``wanted``: points it must have then.

    Raises UsageError when the file cannot be read, TargetRefused when the server does not take it.
    """
    try:
        if not file.is_file() and file.exists():
            raise OSError(errno.EINVAL, "it is no plain file")
        checksum = _checksum(file)
        with file.open("rb") as body:
            path = f"{_home(collection)}/upload?priority=snapshot&wait=true&checksum={checksum}"
            done = _once(target, lambda: target.upload(path, body, file.name))
    except OSError as error:
        raise UsageError(
            f"The snapshot {file} cannot be read: {error.strerror or error}.",
            hint="fetch one with: netdoctor vectors snapshot download",
        ) from error
    if done is not True:
        raise TargetRefused(f"Qdrant at {target.address} did not restore collection {collection!r}.")
    return _prove(target, collection, wanted)


def restore_kept(target: RestTarget, collection: str, name: str, *, wanted: int | None = None) -> Restored:
    """The same from a snapshot that the server keeps.

    It goes through here, into a temporary file: where the server stores its snapshots is its own setting, and what
    it recovers from by name is a path or a URL that only its configuration knows.
    """
    with tempfile.TemporaryDirectory(prefix="netdoctor-snapshot-") as folder:
        file = Path(folder) / "kept.snapshot"
        download(target, collection, name, file)
        return restore(target, collection, file, wanted=wanted)


def _prove(target: RestTarget, collection: str, wanted: int | None) -> Restored:
    """By an exact count, and by points that must find themselves by their own vector."""
    import numpy as np

    retry = Retry(patience=30.0)
    points = retry.call(lambda: target.count(collection))
    state = retry.call(lambda: target.collection(collection))
    if state is None:
        raise TargetRefused(f"Collection {collection!r} is not on {target.address} after its restore.")
    asked, missed = 0, 0
    if state.metric is not None and points:
        page = retry.call(lambda: target.scroll(collection, _SAMPLES))
        samples = [
            Sample(collection, "", 0, 0, point.id, point.id, np.frombuffer(point.vector, dtype="<f4"))
            for point in page.points
            if point.vector
        ]
        asked, problems = self_hits(samples, Layout(metric=state.metric), target, retry)
        missed = len(problems)
    return Restored(points, state.status, asked, asked - missed, wanted)


def _known(target: RestTarget, collection: str, name: str) -> Snapshot:
    kept = {each.name: each for each in list_snapshots(target, collection)}
    if name not in kept:
        raise NotFound(
            f"Qdrant keeps no snapshot {name!r} of collection {collection!r}.",
            hint=f"it keeps {', '.join(sorted(kept)[-5:])}" if kept else f"make one: snapshot create {collection}",
            candidates=tuple(sorted(kept)),
        )
    return kept[name]


def _fetch(target: RestTarget, collection: str, name: str, part: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()

    def whole() -> None:
        nonlocal size
        path = f"{_home(collection)}/{quote(name, safe='')}"
        with target.stream("GET", path) as pieces, part.open("xb") as file:
            for piece in pieces:
                size += file.write(piece)
                digest.update(piece)
            file.flush()
            os.fsync(file.fileno())

    _once(target, whole)
    return size, digest.hexdigest()


def _compare(target: RestTarget, told: Snapshot, size: int, checksum: str) -> None:
    if told.checksum and told.checksum.lower() != checksum:
        what = f"has SHA-256 {checksum}, and the server tells {told.checksum}"
    elif told.size and told.size != size:
        what = f"has {size} bytes, and the server tells {told.size}"
    else:
        return
    raise TargetRefused(
        f"What arrived of snapshot {told.name} from {target.address} {what}. Nothing was kept.",
        hint="download it again; if it stays so, the snapshot is damaged: make another one",
    )


@contextmanager
def _beside(to: Path) -> Iterator[Path]:
    """A name in the same folder that nobody has; what is there in the end, not renamed, is removed."""
    part = to.with_name(f".{to.name[:100]}.{uuid4().hex[:12]}")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _checksum(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _once(target: RestTarget, action: Callable[[], T]) -> T:
    """What may pass another time is told as it is: these calls are long, and not repeated behind anybody's back."""
    try:
        return action()
    except Transient as failure:
        raise TargetUnreachable(
            f"Qdrant at {target.address} did not carry it out: {failure.reason}.",
            hint="see whether it is well, and give it more time with --patience",
        ) from failure


def _snapshot(told: Any) -> Snapshot:
    return Snapshot(
        str(told["name"]),
        int(told.get("size") or 0),
        str(told.get("creation_time") or ""),
        str(told.get("checksum") or ""),
    )


def _home(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}/snapshots"
