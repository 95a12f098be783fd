"""A container's main process as this machine's /proc shows it, proven to be that container's.

A process id alone proves nothing: it may belong to another machine (Docker Desktop's VM, a remote engine) or
to a successor. So the folder /proc/<pid> is opened first, which pins one process; then the container's full id
must stand in what the kernel says about it; then the engine must still name the same pid and start time.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable

from netdoctor.model import Container
from netdoctor.vantage.interface import CannotAsk

FILE_LIMIT = 1 << 20
_NAME = re.compile(r"[a-z0-9_]+")


class NotProven(Exception):
    """The process is not visible here, or nothing proves that it is the container's."""


class ContainerProcess:
    """One descriptor on /proc/<pid>. When the process ends, every read fails: it never shows a successor."""

    def __init__(self, descriptor: int, pid: int, name: str) -> None:
        self._descriptor = descriptor
        self.pid = pid
        self._name = name

    def net_table(self, table: str) -> str:
        """``/proc/<pid>/net/<table>``: no privilege needed. Raises CannotAsk, FileNotFoundError for no such table."""
        if not _NAME.fullmatch(table):
            raise ValueError(f"no table of /proc/net: {table!r}")
        try:
            return _read(self._descriptor, f"net/{table}")
        except FileNotFoundError:
            self.still_there()
            raise
        except ProcessLookupError as error:
            raise self._gone() from error
        except OSError as error:
            raise CannotAsk(f"/proc/{self.pid}/net/{table} cannot be read: {error.strerror}") from error

    def still_there(self) -> None:
        """Raises CannotAsk once the process has ended."""
        if not _exists(self._descriptor, "net/tcp"):
            raise self._gone()

    def root_file(self, path: str) -> str | None:
        """A file of the container's own tree, or None when it must be asked for elsewhere.

        No link is followed: an absolute one would lead into this machine's tree.
        """
        *folders, last = path.strip("/").split("/")
        opened: list[int] = []
        try:
            current = os.open("root", os.O_PATH | os.O_DIRECTORY, dir_fd=self._descriptor)
            opened.append(current)
            for folder in folders:
                current = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
                opened.append(current)
            # O_NONBLOCK: a pipe of that name must not hold us.
            return _read(current, last, os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def open_network_namespace(self) -> int:
        """A descriptor for setns. Raises OSError."""
        return os.open("ns/net", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _gone(self) -> CannotAsk:
        return CannotAsk(f"{self._name} ended while it was asked")


def prove(container: Container, inspect: Callable[[], tuple[int | None, str | None]]) -> ContainerProcess:
    """The container's main process. ``inspect`` asks the engine again for (Pid, StartedAt). Raises NotProven."""
    state = container.state
    if state is None or not state.pid:
        raise NotProven(f"the engine names no process for {container.name}")
    try:
        descriptor = os.open(f"/proc/{state.pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        raise NotProven("the engine's processes are not visible here (another machine, a VM, or hidepid)") from None
    process = ContainerProcess(descriptor, state.pid, container.name)
    try:
        if not _names_container(descriptor, container.id):
            raise NotProven(f"process {state.pid} of this machine is not proven to be {container.name}'s")
        pid, started_at = inspect()
        if pid != state.pid or started_at != state.started_at:
            raise NotProven(f"{container.name} has been restarted in the meantime")
    except BaseException:
        process.close()
        raise
    return process


def _names_container(descriptor: int, container_id: str) -> bool:
    """The full id stands in the cgroup path, or (when cgroups tell nothing) in where its files are mounted from."""
    with contextlib.suppress(OSError):
        if container_id in _read(descriptor, "cgroup"):
            return True
    with contextlib.suppress(OSError):
        return any(f"/{container_id}/{name} " in _read(descriptor, "mountinfo") for name in ("hostname", "resolv.conf"))
    return False


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder)
    except OSError:
        return False
    return True


def _read(folder: int, name: str, flags: int = 0) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{name} is no plain file")
        # /proc gives what it has in pieces; read until the end, within reason.
        chunks = []
        size = 0
        while size < FILE_LIMIT and (chunk := os.read(descriptor, 1 << 16)):
            chunks.append(chunk)
            size += len(chunk)
    finally:
        os.close(descriptor)
    return b"".join(chunks).decode("utf-8", "replace")
