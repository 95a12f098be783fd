"""Replacing a file so that it is always either the old or the new one: same folder, fsync, rename."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from netdoctor.errors import FixFailed
from netdoctor.fixes.store import sync_folder
from netdoctor.terminal import plain

LIMIT = 4 << 20
"""Bytes; no compose file is that long."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as it was read. ``real`` is what a symlink leads to: that one is replaced, the link stays."""

    path: Path
    real: Path
    data: bytes
    status: os.stat_result

    @property
    def identity(self) -> tuple[int, int, int, int]:
        return self.status.st_dev, self.status.st_ino, self.status.st_size, self.status.st_mtime_ns


def read_file(path: Path) -> FoundFile:
    """Raises FixFailed, one sentence."""
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as handle:
            status = os.fstat(handle.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LIMIT:
                raise FixFailed(f"{plain(str(path))} is not a plain file of a sensible size.")
            return FoundFile(path, real, handle.read(LIMIT + 1), status)
    except (OSError, RuntimeError) as error:
        raise _failed("read", path, error) from error


def replace_file(found: FoundFile, data: bytes) -> FoundFile:
    """Put ``data`` in its place, with the mode and owner it had, and read it back.

    Raises FixFailed when it cannot be written or has changed since it was read; the old file is there then, whole.
    """
    folder = found.real.parent
    problem = can_replace(found)
    if problem is not None:
        raise FixFailed(
            f"{plain(str(found.path))} cannot be written: {problem}. The file is as it was.",
            hint="Paste the lines by hand, or run as a user who may write there.",
        )
    _unchanged(found)
    sweep(found.path)
    name: str | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{found.real.name}.", suffix=".netdoctor", dir=folder)
        try:
            _fill(handle, data, found.status)
        finally:
            os.close(handle)
        _unchanged(found)
        Path(name).replace(found.real)
        name = None
        sync_folder(folder)
    except OSError as error:
        raise _failed("write", found.path, error) from error
    finally:
        if name is not None:
            with suppress(OSError):
                Path(name).unlink()
    again = read_file(found.path)
    if again.data != data:
        raise FixFailed(
            f"{plain(str(found.path))} does not read back as it was written.",
            hint="Somebody else writes this file. Look at it, then run the command again.",
        )
    return again


def sweep(path: Path) -> None:
    """Take away what a run that was killed while it wrote this file left beside it."""
    with suppress(OSError, RuntimeError):
        real = path.resolve()
        for each in real.parent.iterdir():
            if each.name.startswith(f".{real.name}.") and each.name.endswith(".netdoctor") and each.is_file():
                each.unlink()


def create_file(path: Path, data: bytes, like: FoundFile) -> FoundFile:
    """Make a file that is not there yet, whole or not at all, with the mode and owner of ``like``; read it back.

    Raises FixFailed when it cannot be made, or somebody made one meanwhile; theirs is left alone then.
    """
    folder = path.parent
    problem = can_create(path)
    if problem is not None:
        raise FixFailed(
            f"{plain(str(path))} cannot be written: {problem}. There is no such file, as before.",
            hint="Write it by hand, or run as a user who may write there.",
        )
    name: str | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".netdoctor", dir=folder)
        try:
            _fill(handle, data, like.status)
        finally:
            os.close(handle)
        _into_place(name, path)
        sync_folder(folder)
    except FileExistsError as error:
        raise FixFailed(
            f"{plain(str(path))} was made by somebody else meanwhile. Nothing was written.",
            hint="Run the command again to plan with the file as it is now.",
        ) from error
    except OSError as error:
        raise _failed("write", path, error, after="There is no such file, as before.") from error
    finally:
        if name is not None:
            with suppress(OSError):
                Path(name).unlink()
    again = read_file(path)
    if again.data != data:
        raise FixFailed(
            f"{plain(str(path))} does not read back as it was written.",
            hint="Somebody else writes this file. Look at it, then run the command again.",
        )
    return again


def _into_place(name: str, path: Path) -> None:
    """A link is made only where nothing is: another's file is never replaced. Raises OSError."""
    try:
        os.link(name, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without hard links (FAT, some network shares): looked at, then renamed.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        Path(name).rename(path)


def remove_file(found: FoundFile) -> None:
    """Take away a file that netdoctor made. Raises FixFailed when it has changed since it was read, or cannot."""
    _unchanged(found)
    try:
        found.path.unlink()
        sync_folder(found.path.parent)
    except OSError as error:
        raise _failed("remove", found.path, error) from error


def can_create(path: Path) -> str | None:
    """Why no file could be made there by us; None when nothing speaks against it."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {plain(str(folder))}"
    if os.path.lexists(path):
        return "something is there already"
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "its file system is mounted read-only"
    if not os.access(folder, os.W_OK):
        return f"the folder {plain(str(folder))} is not writable"
    return None


def can_replace(found: FoundFile) -> str | None:
    """Why the file could not be replaced by us; None when nothing speaks against it."""
    folder = found.real.parent
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "its file system is mounted read-only"
    if not os.access(folder, os.W_OK):
        return f"the folder {plain(str(folder))} is not writable"
    # Root may write anything; a file without a single write permission was locked on purpose.
    if not os.access(found.real, os.W_OK) or not found.status.st_mode & 0o222:
        return "the file is read-only"
    return None


def _fill(handle: int, data: bytes, like: os.stat_result) -> None:
    left = data
    while left:
        left = left[os.write(handle, left) :]
    ours = os.fstat(handle)
    if (ours.st_uid, ours.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(handle, like.st_uid, like.st_gid)
    os.fchmod(handle, stat.S_IMODE(like.st_mode))
    os.fsync(handle)


def _unchanged(found: FoundFile) -> None:
    try:
        now = read_file(found.path)
    except FixFailed:
        now = None
    if now is None or now.identity != found.identity or now.data != found.data:
        raise FixFailed(
            f"{plain(str(found.path))} was changed by somebody else meanwhile. Nothing was written.",
            hint="Run the command again to plan with the file as it is now.",
        )


def _failed(doing: str, path: Path, error: Exception, after: str = "The file is as it was.") -> FixFailed:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return FixFailed(
        f"Could not {doing} {plain(str(path))}: {reason.lower()}. {after}",
        hint="Paste the lines by hand, or run as a user who may write there.",
    )
