"""What the compose files of an edge's two ends say, beside what runs: asked sparingly, read one way. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from netdoctor.model import Case, Container, Network, Question
from netdoctor.model.joining import carries_peers
from netdoctor.probes.compose_files import ComposeFiles, ComposeFilesEvidence
from netdoctor.rules._reading import declared, dials, name_failed, works

PATH_CAUSES = frozenset(
    f"ND{number}"
    for first, last in ((101, 112), (201, 210), (301, 308), (401, 406), (501, 506), (601, 604), (701, 704))
    for number in range(first, last + 1)
)
"""Causes of an edge that fails. What is said about files, platforms and routes is listed under them."""

_PROJECT = "com.docker.compose.project"


@dataclass(frozen=True, slots=True)
class End:
    """One end that compose files made, and how it compares with them. ``other``: the other end of the edge."""

    container: Container
    other: Container | None
    files: ComposeFilesEvidence

    @property
    def named(self) -> str:
        """Its (first) file."""
        return self.files.files[0] if self.files.files else "its compose file"


def wants_files(case: Case) -> Iterator[Question[Any]]:
    """Whole where the edge fails, or where more than one network can have come to an end from outside its file; else
    only whether a file is newer.

    Opening a file costs a tenth of a second, which a healthy edge on one project's own network never pays.
    """
    if case.edge is None or case.edge.reverse or declared(case.topology):
        return
    both = tuple(_ends(case))
    if not both:
        return
    common = shared(case)
    failing = name_failed(case) or any(not observation.good for _, observation in dials(case))
    for end, other in both:
        foreign = len(end.endpoints) > 1 or any(network.labels.get(_PROJECT) != end.project for network in common)
        apart = other is not None and not common
        yield ComposeFiles(end.ref, brief=not (failing or foreign or apart), needed=failing or apart)


def compared(case: Case) -> Iterator[End]:
    """The ends whose files were opened, the caller first."""
    if case.edge is None or case.edge.reverse:
        return
    for end, other in _ends(case):
        for question in (ComposeFiles(end.ref), ComposeFiles(end.ref, brief=True)):
            answer = case.seen.get(question)
            if answer is not None and answer.good and answer.evidence is not None and answer.evidence.compared:
                yield End(end, other, answer.evidence)
                break


def shared(case: Case) -> tuple[Network, ...]:
    """Networks that both ends are on, and that carry something."""
    if case.source is None or case.target is None:
        return ()
    return tuple(each for each in case.topology.shared_networks(case.source, case.target) if carries_peers(each))


def rests_on(case: Case, end: End) -> tuple[Network, ...]:
    """The undeclared networks of this end without which the two would share none."""
    common = shared(case)
    lost = [network for network in common if network.name in end.files.undeclared]
    return tuple(lost) if lost and len(lost) == len(common) and works(case) else ()


def recreate(container: Container) -> str:
    """What makes it anew from its files."""
    return f"docker compose up -d {container.service}" if container.service else f"create {container.name} anew"


def platform_of(container: Container) -> str | None:
    """The platform that writes this container's file, by the marks it leaves on it."""
    labels = container.labels
    paths = [labels.get(f"{_PROJECT}.working_dir", ""), *labels.get(f"{_PROJECT}.config_files", "").split(",")]
    service = labels.get("com.docker.swarm.service.name", "")
    if labels.get("coolify.managed", "").lower() == "true":
        return "Coolify"
    if labels.get("com.caprover.managed", "").lower() == "true" or service.startswith("srv-captain--"):
        return "CapRover"
    if any(path.startswith("/etc/dokploy/") for path in paths):
        return "Dokploy"
    return "Portainer" if any(_portainer(path) for path in paths) else None


def _portainer(path: str) -> bool:
    """``/data/compose/17/...``"""
    parts = path.split("/")
    return parts[:3] == ["", "data", "compose"] and len(parts) > 3 and parts[3].isdigit()


def _ends(case: Case) -> Iterable[tuple[Container, Container | None]]:
    both = ((case.source, case.target), (case.target, case.source))
    for end, other in both:
        oneoff = end is not None and end.labels.get("com.docker.compose.oneoff", "").lower() == "true"
        if end is not None and end.project is not None and end.service is not None and not oneoff:
            yield end, other
