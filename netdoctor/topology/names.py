"""Which container a person means: name, id prefix, compose service, ``project/service`` or platform name."""

from __future__ import annotations

import difflib

from netdoctor.errors import Ambiguous, NotFound, NotLookedAt, UsageError
from netdoctor.exits import Exit
from netdoctor.model import Container, Topology, Unseen
from netdoctor.terminal import plain

_LONGEST = 255
"""Letters; nothing is like what is longer."""
_ID_PREFIX = 4
"""Shorter hex is taken as a name only."""
SHOWN_AS = ("coolify.name", "coolify.serviceName", "coolify.resourceName", "com.docker.swarm.service.name")
"""Labels with the names that platforms and Swarm show to their users."""


def find_container(topology: Topology, wanted: str) -> Container:
    """The one container that ``wanted`` names.

    Raises NotFound (nearest names; its status is UNKNOWN where it may be one whose names are not known), Ambiguous (the
    candidates), NotLookedAt for one of which nothing is known.
    """
    if not wanted or wanted != wanted.strip():
        raise UsageError("An empty container name was given.", hint="List the containers with: netdoctor")
    for candidates, hidden in zip(_readings(topology, wanted), _unseen(topology, wanted), strict=True):
        if hidden:
            raise not_looked_at(hidden[0])
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            names = tuple(plain(describe(container)) for container in candidates)
            raise Ambiguous(
                f"{plain(wanted)!r} names {len(candidates)} containers: {', '.join(names)}.",
                hint="Use a container name, or project/service.",
                candidates=names,
            )
    for each in topology.unseen_containers:
        if each.anybody:
            raise NotFound(
                f"There is no container named {plain(wanted)!r} among those that could be looked at. {each.reason}",
                hint=each.hint,
                status=Exit.UNKNOWN,
            )
    near = nearest(topology, wanted)
    meant = f"Did you mean {' or '.join(near)}?" if near else "List the containers with: netdoctor"
    raise NotFound(f"There is no container named {plain(wanted)!r}.", hint=meant, candidates=near)


def find_replicas(topology: Topology, wanted: str) -> tuple[Container, ...]:
    """All that ``wanted`` names when these are replicas of one service, which are asked as a set; else the one
    container. Raises NotFound, Ambiguous.
    """
    try:
        return (find_container(topology, wanted),)
    except Ambiguous:
        found = next(candidates for candidates in _readings(topology, wanted) if candidates)
        if any(_service(each) is None or _service(each) != _service(found[0]) for each in found):
            raise
        return tuple(sorted(found, key=lambda each: each.name))


def _service(container: Container) -> tuple[str, str] | None:
    """The one service, of Compose or of Swarm, that it is a replica of."""
    if container.swarm_service:
        return "swarm", container.swarm_service
    if container.project and container.service and not _oneoff(container):
        return container.project, container.service
    return None


def not_looked_at(hidden: Unseen) -> NotLookedAt:
    """The error for whoever asks for it."""
    return NotLookedAt(hidden.reason, hint=hidden.hint)


def describe(container: Container) -> str:
    """``name (project/service)``"""
    if container.project and container.service:
        return f"{container.name} ({container.project}/{container.service})"
    return container.name


def nearest(topology: Topology, wanted: str) -> tuple[str, ...]:
    """Up to three existing names like ``wanted``: by likeness, or because one contains the other."""
    if len(wanted) > _LONGEST:
        return ()
    names: dict[str, None] = {}
    known: tuple[Container | Unseen, ...] = (*topology.containers, *topology.unseen_containers)
    for container in known:
        names |= dict.fromkeys(name for name in (container.name, container.service) if name)
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    within = [name for name in names if wanted.lower() in name.lower()]
    return tuple(plain(name) for name in dict.fromkeys([*close, *within]))[:3]


def _readings(topology: Topology, wanted: str) -> list[list[Container]]:
    """Each way to read the name, the most exact first; running containers win over stopped ones of the same service."""
    everyone = topology.containers
    project, slash, service = wanted.partition("/")
    readings = [
        [c for c in everyone if c.name == wanted],
        [c for c in everyone if c.id == wanted],
        _preferring_running([c for c in everyone if slash and c.project == project and c.service == service]),
        _preferring_running([c for c in everyone if c.service == wanted and not _oneoff(c)]),
        _preferring_running([c for c in everyone if wanted in _platform_names(c)]),
    ]
    return [*readings, [c for c in everyone if _is_prefix(wanted) and c.id.startswith(wanted)]]


def _unseen(topology: Topology, wanted: str) -> list[list[Unseen]]:
    """The same readings, among those of which only the names are known."""
    hidden = topology.unseen_containers
    project, slash, service = wanted.partition("/")
    return [
        [each for each in hidden if each.name == wanted],
        [each for each in hidden if each.id == wanted],
        [each for each in hidden if slash and (each.project, each.service) == (project, service)],
        [each for each in hidden if each.service == wanted],
        [each for each in hidden if wanted in each.also],
        [each for each in hidden if _is_prefix(wanted) and each.id.startswith(wanted)],
    ]


def _is_prefix(wanted: str) -> bool:
    return len(wanted) >= _ID_PREFIX and all(char in "0123456789abcdef" for char in wanted)


def _preferring_running(found: list[Container]) -> list[Container]:
    return [c for c in found if c.state is not None and c.state.running] or found


def _oneoff(container: Container) -> bool:
    return container.labels.get("com.docker.compose.oneoff", "").lower() == "true"


def _platform_names(container: Container) -> set[str]:
    return {container.labels[key] for key in SHOWN_AS if key in container.labels}
