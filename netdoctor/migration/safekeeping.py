"""What a long task keeps beside its result so that it can be gone on with: one file that grows, and a word on it.

Both are in folders that others may write to (``/tmp``), so no link is followed.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, BinaryIO


def growing(path: Path, mode: int = 0o666) -> BinaryIO:
    """The file, made where there is none, locked for this process until it is closed.

    Raises BlockingIOError when another process has it, else OSError.
    """
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        out = os.fdopen(os.open(path, flags, mode), "r+b")
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who had it between the two may have been at its end, and this file be the result by now.
            if os.fstat(out.fileno()).st_ino == path.stat().st_ino:
                return out
        except FileNotFoundError:
            pass
        except BaseException:
            out.close()
            raise
        out.close()


def keep(path: Path, told: dict[str, Any]) -> None:
    """As JSON, whole and durable, or as before. Raises OSError."""
    scratch = path.with_name(f"{path.name}.new")
    scratch.unlink(missing_ok=True)  # of a start that was killed
    try:
        opened = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(opened, "w", encoding="ascii") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
