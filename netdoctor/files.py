"""Files that a person named: written whole or not at all, read within bounds, and nothing waits for ever."""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
import time
from pathlib import Path

PATIENCE = 5.0
"""Seconds that a pipe is given until somebody is at its other end."""
KEY_LIMIT = 1 << 16
"""Bytes of a file that holds a key."""
_PAUSE = 0.02
_PIECE = 1 << 20


def write_whole(path: str | Path, text: str, *, patience: float | None = None) -> None:
    """UTF-8. A reader sees the old content or the new, and a failure leaves no half-written file. Raises OSError.

    A link is followed. What is no plain file (``/dev/null``, a pipe) is written to, not replaced; a pipe that nobody
    reads within ``patience`` seconds (else PATIENCE) is an error.
    """
    data = text.encode("utf-8", "backslashreplace")
    mode = _mode(path)
    if mode is not None and not stat.S_ISREG(mode):
        # By the name that was given: ``/dev/fd/63`` leads to nothing that has a name.
        with os.fdopen(_other_end(path, mode, PATIENCE if patience is None else patience), "wb") as device:
            device.write(data)
        return
    target = _resolved(path)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:50]}.", delete=False) as beside:
        try:
            beside.write(data)
            beside.flush()
            os.fchmod(beside.fileno(), 0o666 & ~_umask() if mode is None else stat.S_IMODE(mode))
            Path(beside.name).replace(target)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise


JSON_STARTS = b"{\xef\xff\xfe"
"""How a file may begin that holds a JSON object: with it, or with what tells its encoding."""


def read_within(path: str | Path, limit: int, *, starts: bytes = b"") -> bytes:
    """At most ``limit`` bytes; whoever gets that many may ask for one more than he takes.

    ``starts``: what begins with none of these bytes (blanks apart) is not read to its end.

    Raises OSError, also for what no file can be called, and for a pipe that nobody writes into. One with a writer is
    waited for as long as it takes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except ValueError as error:
        raise OSError(errno.EINVAL, "there is no such name") from error
    with os.fdopen(handle, "rb", buffering=0) as file:
        data = _first(file, min(limit, _PIECE)) if stat.S_ISFIFO(os.fstat(handle).st_mode) else b""
        os.set_blocking(handle, True)
        found = bytearray(data)
        while len(found) < limit and (piece := file.read(min(limit - len(found), _PIECE))):
            found += piece
            if starts and found[:_PIECE].lstrip()[:1] not in starts:
                break
    return bytes(found)


def read_key(path: str | Path) -> str:
    """A key that a file holds, alone, without the blanks around it. Raises OSError."""
    data = read_within(path, KEY_LIMIT + 1)
    if len(data) > KEY_LIMIT:
        raise OSError(errno.EFBIG, "it is too long for a key")
    try:
        return data.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, "it is no text") from error


def _first(file: io.FileIO, limit: int) -> bytes:
    """The first bytes out of a pipe. Its end before any byte may mean that nobody has opened it yet."""
    until = time.monotonic() + PATIENCE
    while True:
        found = file.read(limit)
        if found is None:
            return b""  # there is a writer, who thinks
        if found:
            return found
        if time.monotonic() >= until:
            raise OSError(errno.ETIMEDOUT, "it is a pipe, and nobody writes into it")
        time.sleep(_PAUSE)


def _other_end(target: str | Path, mode: int, patience: float) -> int:
    """Opened for writing, where there is somebody to read it."""
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC
    if not stat.S_ISFIFO(mode):
        return os.open(target, flags)
    until = time.monotonic() + patience
    while True:
        try:
            handle = os.open(target, flags | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= until:
                raise OSError(errno.ENXIO, "it is a pipe, and nobody reads it") from error
            time.sleep(_PAUSE)
        else:
            os.set_blocking(handle, True)
            return handle


def _resolved(path: str | Path) -> Path:
    try:
        return Path(path).resolve()
    except ValueError as error:
        raise OSError(errno.EINVAL, "there is no such name") from error
    except RuntimeError as error:
        # What Python 3.11 and 3.12 say of links that lead in a circle.
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def _mode(path: str | Path) -> int | None:
    try:
        return Path(path).stat().st_mode
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OSError(errno.EINVAL, "there is no such name") from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
