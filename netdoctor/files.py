"""Writing a file that a person named: whole or not at all, and never something else in its place."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def write_whole(path: str | Path, text: str) -> None:
    """UTF-8. A reader sees the old content or the new, and a failure leaves no half-written file. Raises OSError.

    A link is followed. What is no plain file (``/dev/null``, a pipe) is written to, not replaced.
    """
    target = Path(path).resolve()
    data = text.encode("utf-8", "backslashreplace")
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with target.open("wb") as device:
            device.write(data)
        return
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:100]}.", delete=False) as beside:
        try:
            beside.write(data)
            beside.flush()
            os.fchmod(beside.fileno(), 0o666 & ~_umask() if mode is None else stat.S_IMODE(mode))
            Path(beside.name).replace(target)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
