"""What a platform knows about its own: which containers are its, who writes their file, what is permanent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from netdoctor.model import Container, Membership, Topology
from netdoctor.registry import Registry

PROJECT = "com.docker.compose.project"
WORKING_DIR = "com.docker.compose.project.working_dir"
CONFIG_FILES = "com.docker.compose.project.config_files"
SWARM_SERVICE = "com.docker.swarm.service.name"
SWARM_SERVICE_ID = "com.docker.swarm.service.id"
STACK = "com.docker.stack.namespace"


@dataclass(frozen=True, slots=True)
class Permanence:
    """How a membership lasts on this platform.

    ``patchable``: the compose file is the user's own, and may be patched. Otherwise ``why`` says in one sentence who
    overwrites it, and ``text`` is what to do there, to be followed to the letter.
    """

    platform: str
    patchable: bool = False
    why: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What a platform keeps about one stack, as its API gives it, or as it is to be."""

    resource: str
    """What the API calls it: ``services/<uuid>``."""
    title: str
    """As people would find it there: ``the service qdrant``."""
    text: str | None = None
    """Its compose text. None: it has none of its own that could be changed there."""
    flags: Mapping[str, bool] = field(default_factory=dict)
    """Its switches that concern networks."""
    private: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What has to be sent along with a change. Never shown, never kept."""

    @property
    def state(self) -> dict[str, Any]:
        """What is compared, and kept in the journal."""
        return {"text": self.text, "flags": dict(self.flags)}


class Ask(Protocol):
    """Talks to one panel, with its token. Every method raises an error of ours, in one sentence."""

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer."""

    def send(self, method: str, path: str, body: Mapping[str, Any], *, seconds: float = 30.0, **query: str) -> Any:
        """The JSON answer, None for an empty one. Never repeated where it may have arrived."""

    def refuse(self, message: str, hint: str) -> Exception:
        """The error to raise when the panel says something that leaves no way."""


class Api(Protocol):
    """How a platform is told over HTTP. Knows its paths and words; :class:`Ask` does the talking."""

    root: str
    """What every path begins with: ``/api/v1``."""
    token: str
    """Where a person makes a token, and what it has to be allowed to do."""
    redraws: bool
    """It lays the text out anew when told: meaning stays, comments do not."""
    interrupts: bool
    """Telling it makes containers anew at once."""

    def headers(self, token: str) -> Mapping[str, str]:
        """How it wants to be shown the token."""

    def serves(self, container: Container) -> bool:
        """Whether there is a call that makes a membership of this container last."""

    def find(self, ask: Ask, container: Container) -> Held:
        """What it keeps about the stack of this container."""

    def read(self, ask: Ask, resource: str) -> Held:
        """The same, by the name that it has there."""

    def switch(self, held: Held, container: Container, membership: Membership) -> Mapping[str, bool]:
        """The switches that alone make this membership last; none when the text has to say it."""

    def write(self, ask: Ask, now: Held, wanted: Held) -> None:
        """Tell it what is different in ``wanted``."""

    def afterwards(self, resource: str) -> str:
        """What makes it take effect, in one sentence."""


class Platform(Protocol):
    title: str
    """As people call it: ``Coolify``."""
    rank: int
    """Recognised in this order, the lowest first: the special before the general."""

    @property
    def api(self) -> Api | None:
        """None: there is nothing to tell over HTTP."""

    def recognises(self, container: Container, topology: Topology) -> bool:
        """By labels, paths and networks only."""

    def permanence(self, container: Container, membership: Membership) -> Permanence:
        """What makes this membership last."""


PLATFORMS: Registry[Platform] = Registry("netdoctor.platforms")


def owner_of(container: Container, topology: Topology) -> Platform:
    """The platform that made this container. There is always one: plain ``docker run`` is the last."""
    return next(p for p in sorted(PLATFORMS, key=lambda each: each.rank) if p.recognises(container, topology))


def name_of(platform: Platform) -> str:
    """What it is registered as: ``coolify``."""
    return next(name for name in PLATFORMS.names() if PLATFORMS.get(name) is platform)


def paths_of(container: Container) -> tuple[str, ...]:
    """Every path that its compose labels name."""
    files = [part.strip() for part in container.labels.get(CONFIG_FILES, "").split(",")]
    return tuple(path for path in (container.labels.get(WORKING_DIR, ""), *files) if path)


def compose_text(container: Container, membership: Membership) -> str:
    """The lines that a compose file needs, for pasting: the service's networks and the external network."""
    # Loads a YAML parser, which recognising a platform does not need.
    from netdoctor.compose_edit.naming import written

    service = container.service or container.labels.get(SWARM_SERVICE) or container.name
    lines = ["services:", f"  {written(service)}:", "    networks:"]
    present = {written(name): foreign for name, foreign in _declared(container) if name != membership.network}
    aliases = [alias for alias in membership.aliases if alias not in (service, container.name)]
    own = f"{container.project}_"
    scoped = container.project is not None and membership.network.startswith(own)
    # A network of the project's own is listed under its key, and is not declared as somebody else's.
    key = written(membership.network.removeprefix(own) if scoped else membership.network)
    keeps = [name for name in present if name != key]
    if aliases:
        lines += [f"      {name}: {{}}" for name in keeps]
        lines += [f"      {key}:", "        aliases:"]
        lines += [f"          - {written(alias)}" for alias in aliases]
    else:
        lines += [f"      - {name}" for name in [*keeps, key]]
    external = [name for name in keeps if present[name]] + ([] if scoped else [key])
    if external:
        lines += ["networks:", *(line for name in external for line in (f"  {name}:", "    external: true"))]
    return "\n".join(lines)


def _declared(container: Container) -> Iterable[tuple[str, bool]]:
    """The keys under which its file most likely lists the networks it is on, and which of them are somebody else's."""
    project = container.project
    names = [e.network_name for e in container.endpoints if e.network_name not in ("bridge", "host", "none")]
    own = [name for name in names if project is not None and name in (f"{project}_default", project)]
    if own or not names:
        yield "default", False
    for name in names:
        if name not in own:
            scoped = project is not None and name.startswith(f"{project}_")
            yield (name.removeprefix(f"{project}_") if scoped else name), not scoped
