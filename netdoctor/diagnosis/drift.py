"""What the compose files declare against what runs, project by project: nothing is asked of any container.

One finding for each service that differs, all its differences below it. A file that cannot be read makes the verdict
unknown: nobody knows then whether the two agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from netdoctor.diagnosis.unseen import with_unseen
from netdoctor.errors import NetdoctorError, UsageError
from netdoctor.model import (
    Confidence,
    Container,
    Finding,
    Layer,
    Outcome,
    Place,
    Ref,
    Remedy,
    Report,
    Severity,
    Topology,
    Unjudged,
    Verdict,
)
from netdoctor.probes.compose_files import ComposeFiles, ComposeFilesEvidence, ComposeFilesProbe, declared_by
from netdoctor.probes.interface import CannotAsk, World
from netdoctor.terminal import plain
from netdoctor.topology.names import not_looked_at
from netdoctor.vantage.interface import Vantage

CODE = "ND802"
TITLE = "compose file and runtime disagree"
COMPLETED = "service_completed_successfully"
_LABEL = "com.docker.compose"
_FILES, _FOLDER = f"{_LABEL}.project.config_files", f"{_LABEL}.project.working_dir"


@dataclass(frozen=True, slots=True)
class Project:
    """Containers that the same files made. ``declared``: what those say now; None when that is not known."""

    name: str
    files: str
    containers: tuple[Container, ...]
    declared: Topology | None = None
    reason: str = ""


def drift(
    topology: Topology,
    *,
    files: Sequence[str] = (),
    projects: frozenset[str] = frozenset(),
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Compare every project of the engine with its files (those of its containers' labels), or the project of
    ``files`` with these.

    Raises UsageError when there is nothing to compare, Unreadable for ``files`` that cannot be read.
    """
    began = clock()
    found = [_given(topology, files)] if files else list(_projects(topology))
    unknown = projects - {each.name for each in found}
    if topology.unseen and (unknown or not found):
        raise not_looked_at(topology.unseen[0])
    if unknown or not found:
        named = f"There is no Compose project named {plain(min(unknown))!r}" if unknown else "No container is Compose's"
        raise UsageError(f"{named}: nothing can be compared.", hint="List the containers with: netdoctor")
    chosen = [each for each in found if not projects or each.name in projects]
    findings: list[Finding] = []
    unjudged: list[Unjudged] = []
    notices: list[str] = []
    for project in chosen:
        before = len(findings), len(unjudged)
        for each in _compared(project, topology, clock):
            findings += [each] if isinstance(each, Finding) else []
            unjudged += [each] if isinstance(each, Unjudged) else []
        notices.append(_told(project, len(findings) - before[0], len(unjudged) - before[1]))
    places = {ref: place for project in chosen for ref, place in _places(project)}
    services = sum(len(project.containers) for project in chosen)
    report = Report(
        Verdict.UNKNOWN if unjudged else Verdict.HOLDS,
        (),
        tuple(sorted(findings, key=lambda each: (each.severity.rank, each.cause))),
        unjudged=tuple(unjudged),
        topology=replace(topology, places=places),
        seconds=clock() - began,
        notices=tuple(notices),
        summary=_summary(len(chosen), services, findings, unjudged),
    )
    return with_unseen(report)


def _summary(projects: int, containers: int, findings: Sequence[Finding], unjudged: Sequence[Unjudged]) -> str:
    differing = sum(1 for each in findings if each.severity is not Severity.INFO)
    found = f"{differing} differ{'s' if differing == 1 else ''} from the files" if differing else "no drift seen"
    unread = f", {len(unjudged)} could not be compared" if unjudged else ""
    return f"{_count(projects, 'project')}, {_count(containers, 'container')}: {found}{unread}"


def _places(project: Project) -> Iterator[tuple[Ref, Place]]:
    """Where the service of each container stands, and each service that has none."""
    declared = project.declared
    for service in declared.containers if declared is not None else ():
        place = declared.place(service.ref) if declared is not None else None
        mine = [each.ref for each in project.containers if each.service == service.service]
        if place is not None:
            yield from ((ref, place) for ref in (*mine, _service(project, service)))


def _service(project: Project, service: Container) -> Ref:
    return Ref("service", f"{project.name}/{service.service}")


def _projects(topology: Topology) -> Iterator[Project]:
    """Oneoff containers (``compose run``) are in no file as such."""
    groups: dict[tuple[str, str, str], list[Container]] = {}
    for container in topology.containers:
        if container.project and container.service and container.labels.get(_FILES) and not _oneoff(container):
            key = (container.project, container.labels.get(_FOLDER, ""), container.labels[_FILES])
            groups.setdefault(key, []).append(container)
    for (name, folder, files), containers in sorted(groups.items()):
        shown = ", ".join(str(Path(folder, part.strip())) for part in files.split(","))
        if not (topology.endpoint or "").startswith("unix:"):
            yield Project(name, shown, tuple(containers), reason="its compose files are on the engine's machine")
            continue
        try:
            yield Project(name, shown, tuple(containers), declared_by(containers[0]))
        except CannotAsk as error:
            yield Project(name, shown, tuple(containers), reason=error.reason)


def _given(topology: Topology, files: Sequence[str]) -> Project:
    """The project of these files, whatever its containers' labels say about theirs."""
    from netdoctor.topology.compose import read_compose

    declared = read_compose([files])
    name = next((each.project for each in declared.containers if each.project), None)
    if name is None:
        raise UsageError(f"{plain(files[0])} declares no service.", hint="Name the file that the stack is made from.")
    paths = [str(Path(file).absolute()) for file in files]
    labels = {_FILES: ",".join(paths), _FOLDER: str(Path(paths[0]).parent)}
    mine = tuple(
        replace(each, labels={**each.labels, **labels})
        for each in topology.containers
        if each.project == name and each.service and not _oneoff(each)
    )
    return Project(name, ", ".join(paths), mine, declared)


def _compared(project: Project, topology: Topology, clock: Callable[[], float]) -> Iterator[Finding | Unjudged]:
    if project.declared is None:
        yield Unjudged(CODE, project.reason, f"compose files of project {project.name}")
        return
    theirs = {each.id: each for each in project.containers}
    # A container given other files than its labels name stands in the topology with these.
    seen = replace(topology, containers=tuple(theirs.get(each.id, each) for each in topology.containers))
    world = World(seen, _no_vantage, 1.0, clock)
    told: set[str] = set()
    for container in project.containers:
        found = _one(container, project.declared, world)
        if isinstance(found, Finding):
            told.add(container.service or "")
        yield from [found] if found is not None else []
    for service in project.declared.containers:
        if any(each.service in (service.service, None) for each in topology.unseen_containers):
            # Whoever could not be looked at may be its container.
            continue
        said = _whole(service, [each for each in project.containers if each.service == service.service])
        if said and service.service not in told:
            yield _finding(
                (_service(project, service),),
                f"{project.name}/{service.service} and {project.files} disagree: {said}.",
                (said,),
                service,
            )


def _one(container: Container, declared: Topology, world: World) -> Finding | Unjudged | None:
    question = ComposeFiles(container.ref, needed=True)
    try:
        observation = ComposeFilesProbe().ask(question, world)
    except (CannotAsk, NetdoctorError) as error:
        return Unjudged(CODE, getattr(error, "reason", str(error)), f"compose files of {container.name}")
    evidence = observation.evidence
    if evidence is None or observation.outcome is not Outcome.CONNECTED:
        return Unjudged(CODE, observation.reason, f"compose files of {container.name}")
    said = list(_differences(container, evidence))
    service = next((each for each in declared.containers if each.service == container.service), None)
    state = _state(container, service, declared)
    said += [state] if state else []
    named = evidence.files[0] if evidence.files else "its compose file"
    if said:
        newer = ["the file was written after the container was made"] if evidence.newer else []
        cause = f"{container.name} and {named} disagree: {said[0]}."
        return _finding((container.ref,), cause, (*said, *newer), container)
    if not evidence.newer:
        return None
    cause = f"{named} was written after {container.name} was made; in what is compared here they agree."
    return replace(_finding((container.ref,), cause, (), container), severity=Severity.INFO)


def _differences(container: Container, files: ComposeFilesEvidence) -> Iterator[str]:
    name = container.name
    if not files.declared:
        yield f"the service {container.service} is no longer in the file"
        return
    for network in files.missing:
        yield f"{name} is not on {network}, which the file declares"
    for network in files.undeclared:
        yield f"{name} is on {network}, which the file does not declare"
    for network, alias in files.aliases:
        yield f"{name} does not have the name {alias} on {network}, which the file gives it"
    for each in files.changed:
        # Values may be secrets; the hosts in them are not.
        hosts = f": {each.running or 'no host'} runs, {each.declared or 'no host'} is declared"
        yield f"{each.variable} has another value in the file{hosts if each.running != each.declared else ''}"


def _state(container: Container, service: Container | None, declared: Topology) -> str:
    """Not running although the file wants it; a job that others wait for until it has ended is done."""
    state = container.state
    if state is None or state.running or service is None or service.replicas == 0:
        return ""
    waits = (need for each in declared.containers for need in each.depends_on or ())
    job = any(need.service == container.service and need.condition == COMPLETED for need in waits)
    if job and state.exit_code == 0:
        return ""
    ended = f", exit code {state.exit_code}" if state.exit_code is not None and state.status == "exited" else ""
    return f"{container.name} is not running ({state.status}{ended})"


def _whole(service: Container, containers: Sequence[Container]) -> str:
    """What is to be said of a service as a whole."""
    wanted = service.replicas if service.replicas is not None else 1
    if service.profiles and not containers:
        return ""
    if not containers:
        return f"the service {service.service} is declared, and has no container" if wanted else ""
    running = sum(1 for each in containers if each.running)
    if service.replicas is not None and 0 < running != wanted:
        return f"{running} of {wanted} containers of the service {service.service} run"
    return ""


def _finding(about: tuple[Ref, ...], cause: str, evidence: tuple[str, ...], who: Container) -> Finding:
    command = f"docker compose up -d {who.service}"
    return Finding(
        CODE,
        TITLE,
        Severity.WARNING,
        Confidence.CERTAIN,
        Layer.MEMBERSHIP,
        about,
        cause,
        evidence,
        (Remedy("Let one follow the other", advice=f"If the file is right: {command}. If not, correct the file."),),
    )


def _told(project: Project, differing: int, unread: int) -> str:
    what = f"project {project.name} ({project.files}), {_count(len(project.containers), 'container')}"
    if project.declared is None:
        return f"{what}: not compared, {project.reason}"
    said = f"{differing} differ{'s' if differing == 1 else ''}" if differing else "" if unread else "as declared"
    return f"{what}: {', '.join(part for part in (said, f'{unread} not compared' if unread else '') if part)}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _oneoff(container: Container) -> bool:
    return container.labels.get(f"{_LABEL}.oneoff", "").lower() == "true"


def _no_vantage(at: Ref) -> Vantage:
    raise CannotAsk(f"nothing is asked inside a container ({at.id[:12]})")


__all__ = ["drift"]
