"""What files declare about a container beyond its networks: health check, order of start, how its image is built.

Compose files fill all of it; an engine knows the health check. Nothing here says what is true at runtime.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netdoctor.model.refs import Ref


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """As the engine keeps it. ``test`` is ``("CMD", "curl", ...)``, ``("CMD-SHELL", "curl ... || exit 1")``,
    ``("NONE",)`` for a check that is switched off, or ``()``: the image's own. Times in seconds, None: not set.
    """

    test: tuple[str, ...] = ()
    interval: float | None = None
    timeout: float | None = None
    start_period: float | None = None
    retries: int | None = None

    @property
    def disabled(self) -> bool:
        return self.test[:1] == ("NONE",)

    @property
    def words(self) -> tuple[str, ...]:
        """The command without its first word (CMD, CMD-SHELL); a shell's text is one word."""
        return self.test[1:] if self.test[:1] in (("CMD",), ("CMD-SHELL",)) else ()


@dataclass(frozen=True, slots=True)
class Dependency:
    """One entry of ``depends_on``.

    ``condition``: service_started, service_healthy or service_completed_successfully. ``container`` is the id of
    the service's (first) container, None when the service does not exist in what was read.
    """

    service: str
    container: str | None = None
    condition: str = "service_started"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """``links: [db:database]``: for this container alone, ``alias`` leads to the container with that id."""

    alias: str
    container: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A ``${VARIABLE}`` that had no value (and no default but an empty one) when the files were read.

    ``path`` is where, like ``("environment", "QDRANT_URL")``. The machine that deploys may well have a value.
    """

    path: tuple[str, ...]
    variable: str


@dataclass(frozen=True, slots=True)
class BuildVariable:
    """One ``ENV`` or ``ARG`` of a Dockerfile; ``value`` None: an ARG without a default. ``ref`` has a place."""

    name: str
    value: str | None
    ref: Ref
    kind: str = "ENV"


@dataclass(frozen=True, slots=True)
class BuildStep:
    """One ``RUN`` that is run for the wanted stage.

    ``environment``: every ENV and ARG in effect there, the last value of each name, values filled in with the
    build's own arguments. ``builds``: it is known to build (so to load) the application: ``npm run build``,
    ``next build``, ``manage.py collectstatic``, ... ``script``: what ``npm run X`` stands for, by package.json.
    """

    command: str
    ref: Ref
    stage: str = ""
    environment: tuple[BuildVariable, ...] = ()
    builds: bool = False
    script: str = ""

    def env(self, name: str) -> str | None:
        return next((each.value for each in self.environment if each.name == name), None)


@dataclass(frozen=True, slots=True)
class SourceRead:
    """A place in the build context's source that reads a variable. ``at_import``: when the module is loaded, not
    when a function is called. ``required``: loading fails without it (it throws, or there is no default).
    """

    variable: str
    ref: Ref
    at_import: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Build:
    """How the image is built.

    ``args`` are the compose file's (None: taken from the environment, which had none). ``steps`` are the RUNs of
    the wanted stage, of the stages it stands on and of those it copies from, in file order; ``environment`` is
    what the finished image has as ENV (a placeholder that was never cleared is still in it, a cleared one is
    there with ""). Both are None when the Dockerfile could not be read; ``reason`` says why.
    """

    context: str
    dockerfile: str | None = None
    target: str | None = None
    args: tuple[tuple[str, str | None], ...] = ()
    steps: tuple[BuildStep, ...] | None = None
    environment: tuple[BuildVariable, ...] | None = None
    reads: tuple[SourceRead, ...] = field(default=())
    """Read from a context folder whose Dockerfile builds the application, and there only."""
    reason: str = ""

    def env(self, name: str) -> str | None:
        """The finished image's value."""
        return next((each.value for each in self.environment or () if each.name == name), None)
