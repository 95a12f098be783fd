"""A topology from one of its three sources, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from os import PathLike
from typing import Any, TypeAlias

from netdoctor import model
from netdoctor.api import given
from netdoctor.errors import UsageError
from netdoctor.model import Answers

StrPath: TypeAlias = str | PathLike[str]


class Topology(model.Topology):
    """Containers, networks and endpoints at one moment; see the fields of :class:`netdoctor.model.Topology`."""

    __slots__ = ("_answers", "_engine")
    _answers: Answers | None
    _engine: tuple[str | None, str | None]

    @classmethod
    def from_engine(cls, host: str | None = None, *, context: str | None = None, timeout: float = 20.0) -> Topology:
        """What the engine has now. ``host`` and ``context`` as for ``-H`` and ``--context``; ``timeout`` in seconds.

        Raises EngineUnreachable, PermissionRefused.
        """
        from netdoctor.engine.client import open_engine
        from netdoctor.engine.hosts import resolve_host
        from netdoctor.topology.engine import read_topology

        for name, value in (("host", host), ("context", context)):
            if value is not None:
                given.text(name, value)
        with open_engine(resolve_host(host, context), timeout=given.seconds("timeout", timeout)) as engine:
            made = cls._of(read_topology(engine))
        object.__setattr__(made, "_engine", (host, context))
        return made

    @classmethod
    def from_compose(
        cls,
        *files: StrPath | Sequence[StrPath],
        env_files: Sequence[StrPath] = (),
        profiles: Sequence[str] | None = None,
    ) -> Topology:
        """What compose files declare. Each of ``files`` is a project; a list of them is merged into one project.

        None of them: Compose's own lookup in the current folder. ``profiles`` None: services of every profile.
        Raises UsageError with file and line.
        """
        from netdoctor.topology.compose import EVERY_PROFILE, read_compose

        projects = [_paths("files", (one,) if isinstance(one, str | PathLike) else one) for one in files]
        return cls._of(
            read_compose(
                projects,
                env_files=_paths("env_files", env_files, none=True),
                profiles=(EVERY_PROFILE,) if profiles is None else given.codes("profiles", profiles),
            )
        )

    @classmethod
    def from_bundle(cls, path: StrPath) -> Topology:
        """What ``netdoctor bundle`` wrote, with the answers that were had then. Raises UsageError."""
        from netdoctor.topology.bundle import read_bundle

        topology, answers = read_bundle(given.path("path", path))
        return cls._of(topology, answers)

    @property
    def answers(self) -> Answers | None:
        """What was seen when it was taken; only a bundle has any."""
        return getattr(self, "_answers", None)

    @property
    def engine(self) -> tuple[str | None, str | None]:
        """The host and the context that it was read with."""
        return getattr(self, "_engine", (None, None))

    @classmethod
    def _of(cls, topology: model.Topology, answers: Answers | None = None) -> Topology:
        made = cls(**{field.name: getattr(topology, field.name) for field in fields(topology)})
        object.__setattr__(made, "_answers", answers)
        return made


def _paths(name: str, told: Any, *, none: bool = False) -> tuple[str, ...]:
    """Raises UsageError."""
    if isinstance(told, str | bytes) or not isinstance(told, Sequence) or not (told or none):
        what = "empty" if isinstance(told, Sequence) and not told else f"of type {type(told).__name__}"
        raise UsageError(f"{name} is {what}, and not a list of paths.", hint='For example: ["compose.yaml"]')
    return tuple(given.path(name, each) for each in told)
