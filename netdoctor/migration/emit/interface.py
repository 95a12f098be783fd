"""What all of these files say, whoever runs them: one coordinator, N workers, one shared folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from netdoctor.errors import UsageError
from netdoctor.migration.planfile import PlanFile

INSIDE = PurePosixPath("/migration")
"""Where the shared folder is in every container."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """``volume``: the folder (Swarm, on every node) or the claim (Kubernetes) that all share.

    ``export`` and ``plan`` are the files' names in it; ``key`` is the name of the secret with the API key.
    """

    run: str
    workers: int
    image: str
    volume: str
    export: str
    plan: str
    to: str
    network: str = ""
    key: str = ""
    extra: tuple[str, ...] = ()
    """Further options of ``netdoctor migrate``, for all."""

    @property
    def name(self) -> str:
        """Of everything that is created; the same for the same plan, another for every other one."""
        return f"netdoctor-{self.run[:8]}"

    def arguments(self, *more: str, key_file: str = "") -> list[str]:
        """Of the program, in the container."""
        given = ["migrate", str(INSIDE / self.export), "--plan", str(INSIDE / self.plan), "--to", self.to]
        if self.key:
            given += ["--api-key-file", key_file]
        return [*given, *more, *self.extra]

    def coordinator(self, key_file: str = "") -> list[str]:
        return self.arguments("--coordinate", "--workers", str(self.workers), key_file=key_file)


def fleet_of(
    file: PlanFile,
    *,
    workers: int,
    image: str,
    volume: str,
    export: str,
    to: str | None,
    network: str = "",
    key: str = "",
    extra: tuple[str, ...] = (),
) -> Fleet:
    """Raises UsageError for what would not work in a container: a target that only this machine knows."""
    if not to or "://" not in to:
        raise UsageError(
            "Workers run in containers of their own, where only a URL is a target.",
            hint="--to http://qdrant:6333, as it is called on the network of the workers",
        )
    host = to.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    if host in ("localhost", "127.0.0.1", "[", ""):
        raise UsageError(
            f"{to} means the worker's own container.", hint="--to http://qdrant:6333, as the workers' network calls it"
        )
    if "@" in to:
        raise UsageError("The target's URL holds credentials, which would stand in the file.", hint="use --secret")
    if "/" in export or "/" in file.path.name:
        raise UsageError("Export and plan must lie in the shared folder itself.")
    return Fleet(file.run, workers, image, volume, export, file.path.name, to, network, key, extra)


Emitter = Callable[[Fleet], str]
