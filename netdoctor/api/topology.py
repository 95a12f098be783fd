"""A topology from one of its three sources, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from os import PathLike, fspath
from typing import TypeAlias

from netdoctor import model
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

        with open_engine(resolve_host(host, context), timeout=timeout) as engine:
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

        projects = [_paths((one,) if isinstance(one, str | PathLike) else one) for one in files]
        return cls._of(
            read_compose(
                projects,
                env_files=_paths(env_files),
                profiles=(EVERY_PROFILE,) if profiles is None else tuple(profiles),
            )
        )

    @classmethod
    def from_bundle(cls, path: StrPath) -> Topology:
        """What ``netdoctor bundle`` wrote, with the answers that were had then. Raises UsageError."""
        from netdoctor.topology.bundle import read_bundle

        topology, answers = read_bundle(fspath(path))
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


def _paths(given: Sequence[StrPath]) -> tuple[str, ...]:
    return tuple(fspath(each) for each in given)
