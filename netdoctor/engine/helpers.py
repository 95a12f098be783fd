"""Helper containers: how one is made so that it ends with us, and how one that did not is swept away.

The main process reads an attached stdin; with StdinOnce and AutoRemove the engine ends and removes it when our
connection goes, however we end. Only one that was created and never started can stay behind: its label names its
owner, and the next start removes what no living owner has.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from netdoctor.engine.client import HELPER_LABEL, Engine
from netdoctor.engine.shapes import Unusable
from netdoctor.engine.streams import RawStream, attach
from netdoctor.engine.translate import translated
from netdoctor.errors import EngineRefused, Gone, NetdoctorError

OWNER_LABEL = "netdoctor.owner"
"""On everything of ours: ``<machine>/<boot>/<pid namespace>/<pid>/<start time of that process>``."""
FOR_LABEL = HELPER_LABEL
GONE_WITHIN = 5.0
_MOST = 500
"""Characters of what an engine says about a pull that failed."""


class Helper:
    """A running helper container and the connection that keeps it alive."""

    def __init__(self, engine: Engine, container: str, stream: RawStream) -> None:
        self._engine = engine
        self.container = container
        self.stream = stream

    def close(self) -> None:
        """End it and see it gone. Never raises."""
        self.stream.close()
        with contextlib.suppress(NetdoctorError):
            _remove(self._engine, self.container)


def start_helper(
    engine: Engine,
    *,
    image: str,
    beside: str,
    argv: Sequence[str],
    created: Callable[[str], object] | None = None,
) -> Helper:
    """A container in ``beside``'s network namespace: NET_RAW and no other capability, nothing writable, no mounts.

    ``created`` is told its id before it is started. Raises Gone for no such image or container, EngineRefused.
    """
    api: Any = engine.api
    host_config = api.create_host_config(
        network_mode=f"container:{beside}",
        auto_remove=True,
        cap_drop=["ALL"],
        cap_add=["NET_RAW"],
        read_only=True,
        security_opt=["no-new-privileges:true"],
        # Its stdout is the relay's traffic: it must not land in a log on the engine's disk.
        log_config={"Type": "none"},
        pids_limit=64,
        mem_limit="256m",
    )
    config: dict[str, Any] = {
        **api.create_container_config(
            image,
            [],
            entrypoint=list(argv),
            stdin_open=True,
            user="0:0",
            working_dir="/",
            labels={OWNER_LABEL: owner(), FOR_LABEL: beside},
            host_config=host_config,
        ),
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": {"Test": ["NONE"]},
        "StopSignal": "SIGKILL",
    }
    with translated(engine.host, f"create a helper beside container {beside[:12]}"):
        container = str(api.create_container_from_config(config)["Id"])
    try:
        if created is not None:
            created(container)
        stream = attach(engine, container)
        try:
            with translated(engine.host, f"start a helper beside container {beside[:12]}"):
                api.start(container)
        except BaseException:
            stream.close()
            raise
    except BaseException:
        with contextlib.suppress(NetdoctorError):
            _remove(engine, container)
        raise
    return Helper(engine, container, stream)


def pull(engine: Engine, image: str) -> None:
    """Fetch an image from its registry. Raises EngineRefused, Gone, EngineUnreachable."""
    from docker.utils import parse_repository_tag

    name, tag = parse_repository_tag(image)
    with translated(engine.host, f"pull {image}"):
        failed = _failure(engine.api.pull(name, tag=tag or "latest"))
    if failed is not None:
        raise EngineRefused(f"Could not pull {image}: {failed[:_MOST] or 'the engine says that it failed'}")


def _failure(told: str) -> str | None:
    """What went wrong, by the lines of progress: the engine answers 200 before it knows. Raises Unusable."""
    from netdoctor.engine.careful import parsed

    said = False
    for line in told.splitlines():
        if not line.strip():
            continue
        step = parsed(line.encode("utf-8", "surrogateescape"))
        if not isinstance(step, dict):
            raise Unusable("a line of its progress is no object")
        said = True
        if "error" in step or "errorDetail" in step:
            detail = step.get("errorDetail")
            words = step.get("error") or (detail.get("message") if isinstance(detail, dict) else None)
            return words if isinstance(words, str) else ""
    if not said:
        raise Unusable("it ended before it had begun")
    return None


def sweep(engine: Engine) -> tuple[str, ...]:
    """Remove helpers whose owner is certainly dead; returns their ids."""
    with translated(engine.host, "look for helpers left behind"):
        found = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
    swept = []
    for entry in found:
        token = str((entry.get("Labels") or {}).get(OWNER_LABEL, ""))
        if FOR_LABEL in (entry.get("Labels") or {}) and is_dead(token, running=entry.get("State") == "running"):
            with contextlib.suppress(NetdoctorError):
                _remove(engine, entry["Id"])
                swept.append(str(entry["Id"]))
    return tuple(swept)


def owner() -> str:
    """This process, so that another run can tell whether it still lives."""
    return "/".join([*_here(), str(os.getpid()), _start_time(os.getpid()) or "0"])


def is_dead(token: str, *, running: bool) -> bool:
    """Whether that owner is certainly gone. What cannot be judged from here (another machine) counts as alive."""
    parts = token.split("/")
    if len(parts) != 5 or not parts[3].isdigit():
        return False
    machine, boot, namespace, pid, started = parts
    here = _here()
    if (boot, namespace) == here[1:]:
        return _start_time(int(pid)) != started
    # Same machine before a reboot. Cloned machines share an id, so a helper that runs is left alone.
    return machine == here[0] and boot != here[1] and not running


def _here() -> tuple[str, str, str]:
    machine = _line("/etc/machine-id") or os.uname().nodename
    boot = _line("/proc/sys/kernel/random/boot_id") or "unknown"
    try:
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")  # noqa: PTH115 -- a kernel name, no path
    except OSError:
        namespace = "unknown"
    return machine, boot, namespace


def _line(path: str) -> str:
    try:
        return Path(path).read_text("ascii", "replace").strip().replace("/", "-")
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """Field 22 of /proc/<pid>/stat: with the pid it names one process of this boot."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    # The second field is the program's name, in brackets, and may hold anything.
    return text.rpartition(")")[2].split()[19]


def _remove(engine: Engine, container: str) -> None:
    deadline = time.monotonic() + GONE_WITHIN
    while time.monotonic() < deadline:
        try:
            with translated(engine.host, f"remove helper {container[:12]}"):
                engine.api.remove_container(container, force=True, v=True)
        except Gone:
            return
        except NetdoctorError:
            pass  # the engine's own removal is under way
        time.sleep(0.02)
