"""What the rules on health checks read the same way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from netdoctor.model import Case, Container, Fact, Topology

TOOLS = frozenset(
    ["curl", "wget", "nc", "netcat", "pg_isready", "mysqladmin", "redis-cli", "mongosh", "mongo", "bash", "sh", "ss"]
)
_WORD = re.compile(r"[A-Za-z0-9_./+-]+")
_LOCALHOST = re.compile(r"(?i)(?<![\w.-])localhost(?![\w.-])")


@dataclass(frozen=True, slots=True)
class Image:
    """``lacks``: tools that the official image has not, by every tag that the pattern matches."""

    pattern: re.Pattern[str]
    lacks: frozenset[str]


def _image(pattern: str, lacks: str) -> Image:
    return Image(re.compile(rf"^(?:docker\.io/)?(?:library/)?{pattern}$"), frozenset(lacks.split()))


IMAGES = (
    _image(r"qdrant/qdrant(?::.*)?", "curl wget nc netcat"),
    _image(r"(?:postgres|pgvector/pgvector):(?!.*alpine).*", "curl wget nc netcat"),
    _image(r"(?:redis|valkey/valkey):(?!.*alpine).*", "curl wget nc netcat"),
    _image(r"(?:redis|postgres|valkey/valkey):.*alpine.*", "curl"),
    _image(r"(?:python|node|ruby):.*slim.*", "curl wget nc netcat"),
    _image(r"(?:python|node|ruby|golang):.*alpine.*", "curl"),
    _image(r"(?:alpine|busybox)(?::.*)?", "curl"),
    _image(r"(?:debian|ubuntu)(?::.*)?", "curl wget nc netcat"),
    _image(r"prom/(?:prometheus|alertmanager|node-exporter)(?::.*)?", "curl bash"),
    _image(r"traefik(?::.*)?", "curl bash"),
    _image(r"gcr\.io/distroless/.*(?<!:debug)", "curl wget nc netcat sh bash"),
)
"""Only images used as they are; a build may have added anything."""


def test_of(container: Container) -> tuple[str, ...]:
    """The health check's test, as declared or as the engine has it; () when there is none."""
    if container.healthcheck is not None and not container.healthcheck.disabled:
        return container.healthcheck.test
    return container.health.test if container.health is not None else ()


def tools_of(test: Iterable[str]) -> tuple[str, ...]:
    """Known tools among the words of the test, in its order; a shell form needs ``sh`` as well."""
    words = tuple(test)
    if not words or words[0] == "NONE":
        return ()
    shell = ("sh",) if words[0] == "CMD-SHELL" else ()
    text = words[1:2] if words[0] == "CMD" else words[1:]
    if words[0] == "CMD" and len(words) > 2 and words[1].rpartition("/")[2] in ("sh", "bash"):
        text = words[1:]
    found = [word.rpartition("/")[2] for part in text for word in _WORD.findall(part)]
    return tuple(dict.fromkeys([*shell, *(word for word in found if word in TOOLS)]))


def asks_localhost(test: Iterable[str]) -> bool:
    return any(_LOCALHOST.search(word) for word in test)


def lacking(container: Container) -> frozenset[str]:
    """Tools that the container's image is known not to have; empty for one that is built or not known."""
    if container.build is not None:
        return frozenset()
    return next((image.lacks for image in IMAGES if image.pattern.match(container.image)), frozenset())


def unhealthy(container: Container) -> bool:
    return container.health is not None and container.health.status == "unhealthy"


def last_failure(container: Container) -> tuple[int, str] | None:
    """(exit code, output) of the newest failed check."""
    log = container.health.log if container.health is not None else ()
    return next(((status, output) for status, output in reversed(log) if status != 0), None)


def judged(case: Case) -> tuple[Container, ...]:
    """Live: the asked target alone. In files: every container, once, when the topology as a whole is judged."""
    live = Fact.RUNTIME in case.topology.knows
    if live:
        forwards = case.edge is not None and not case.edge.reverse and case.target is not None
        return (case.target,) if forwards and case.target is not None else ()
    return case.topology.containers if case.edge is None else ()


def gate(case: Case, container: Container) -> str:
    """What follows for a caller that Compose never started because it waits for this check; "" where none does."""
    source = case.source
    if (
        source is None
        or source.state is None
        or source.state.status != "created"
        or source.project != container.project
    ):
        return ""
    for part in source.labels.get("com.docker.compose.depends_on", "").split(","):
        service, _, condition = part.partition(":")
        if service and service == container.service and condition.startswith("service_healthy"):
            return f" {source.name} waits for it to be healthy, and so was never started."
    return ""


def excerpt(output: str) -> str:
    """One line of a health check's output."""
    return " ".join(output.split())[:160]


def age(topology: Topology, target: Container) -> float | None:
    """Seconds from the target's start to the look at the engine."""
    started = target.state.started_at if target.state is not None else None
    if not started or not topology.taken_at:
        return None
    # The engine writes nanoseconds, which Python reads no further than six digits.
    head, dot, rest = started.rstrip("Z").partition(".")
    try:
        began = datetime.fromisoformat(f"{head}{dot}{rest[:6]}+00:00" if "+" not in rest else started)
        seconds = (datetime.fromisoformat(topology.taken_at) - began).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if seconds >= 0 else None
