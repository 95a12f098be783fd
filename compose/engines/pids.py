"""A container's main process as this machine numbers it.

The engine's number (``State.Pid``) belongs to the engine's own PID namespace; where that is another one than ours,
the same number is no process here, or somebody else's.
"""

from __future__ import annotations

import contextlib
from pathlib import Path


def pid_here(container_id: str, told: int) -> int:
    """``told`` where it is that container here, else the process that has it as its innermost number.

    Raises ProcessLookupError where there is none.
    """
    if _is(Path(f"/proc/{told}"), container_id):
        return told
    for process in Path("/proc").glob("[0-9]*"):
        if _is(process, container_id) and _innermost_but_one(process) == told:
            return int(process.name)
    raise ProcessLookupError(f"no process here is number {told} of container {container_id[:12]}")


def processes_here(container_id: str) -> list[str]:
    """The processes of this machine that run in that container: number, parent, state, and command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if _is(process, container_id):
            with contextlib.suppress(OSError):
                state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"{process.name} {parent} {state} {words}")
    return sorted(found)


def _is(process: Path, container_id: str) -> bool:
    try:
        said = (process / "cgroup").read_text()
    except OSError:
        return False
    # Podman keeps a watcher beside each container.
    return container_id in said and f"conmon-{container_id}" not in said


def _innermost_but_one(process: Path) -> int:
    """Its number in the engine's namespace, the one around the container's own (which numbers it 1)."""
    try:
        lines = (process / "status").read_text().splitlines()
    except OSError:
        return 0
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return int(numbers[-2]) if len(numbers) > 1 else 0
