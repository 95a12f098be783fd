"""Does a running container still agree with the compose files that made it?

Read where its labels point, on this machine only. What depends on the shell that ran Compose is left out of the
comparison, since nobody knows it now; values of variables never leave, they may be secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from netdoctor.errors import NetdoctorError
from netdoctor.model import Container, Layer, Network, Observation, Outcome, Question, Topology
from netdoctor.probes.interface import PROBES, CannotAsk, World

_LABEL = "com.docker.compose"
_NAMES = re.compile(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_ENV_NAMES = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*[=:]", re.MULTILINE)
_HOST_NAME = re.compile(r"(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS|ENDPOINT|URL|URI)$", re.IGNORECASE)
_HOST = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/\s]*@)?([A-Za-z0-9][A-Za-z0-9_.-]*)(?::\d+)?(?:[/?].*)?$")
_GUESSES = ("64001", "64002")
"""Two values for what the shell may have set: what differs between them depends on the shell. Both are ports, too."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A variable whose value in the files is another one; the hosts in both, ``""`` where there is none."""

    variable: str
    running: str
    declared: str


@dataclass(frozen=True, slots=True)
class ComposeFilesEvidence:
    """``newer``: a file was written after the container was made. Networks by name."""

    files: tuple[str, ...]
    newer: bool = False
    compared: bool = False
    """False: nothing hinted at a difference, and the files were not opened."""
    declared: bool = True
    """The service is in the files."""
    undeclared: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    """(network, alias) that are declared, and that the container lacks there."""
    changed: tuple[Changed, ...] = ()
    absent: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(service, its profiles): declared beside it, without a container."""


@dataclass(frozen=True, slots=True)
class ComposeFiles(Question[ComposeFilesEvidence]):
    """``brief``: compare only if a file is newer than the container. ``needed``: files that cannot be read are worth
    a word, since something fails that they may explain."""

    brief: bool = field(default=False)
    needed: bool = field(default=False, compare=False)


class ComposeFilesProbe:
    question = ComposeFiles
    layer = Layer.TARGET

    def ask(self, question: ComposeFiles, world: World) -> Observation[ComposeFilesEvidence]:
        container = world.topology.container(question.at)
        if container is None or not container.labels.get(f"{_LABEL}.project.config_files"):
            return Observation(Outcome.CONNECTED, ComposeFilesEvidence(()), "no label names a compose file")
        if not (world.topology.endpoint or "").startswith("unix:"):
            return _unread(question, "its compose files are on the engine's machine")
        began = world.clock()
        files, env_files = _paths(container)
        if not files:
            return _unread(question, f"the compose file that its labels name is not here: {_named(container)}")
        newer = _newer(container, (*files, *env_files, files[0].parent / ".env"))
        evidence = ComposeFilesEvidence(tuple(str(path) for path in files), newer)
        if newer or not question.brief:
            try:
                evidence = _compared(container, world.topology, files, env_files, newer)
            except CannotAsk as error:
                return _unread(question, error.reason)
        return Observation(Outcome.CONNECTED, evidence, seconds=world.clock() - began)

    def label(self, question: ComposeFiles, topology: Topology) -> str:
        container = topology.container(question.at)
        return f"compose files of {container.name if container else question.at.id}"

    def describe(self, question: ComposeFiles, observation: Observation[ComposeFilesEvidence]) -> str:
        evidence = observation.evidence
        if evidence is None:
            return observation.reason
        if not evidence.compared:
            return observation.reason or "older than the container"
        differs = evidence.undeclared or evidence.missing or evidence.aliases or evidence.changed
        return "differ from it" if differs or not evidence.declared else "agree with it"


def declared_by(container: Container) -> Topology:
    """What the compose files of its labels declare, with every variable that only a shell can have set at a guess.

    Raises CannotAsk with the reason.
    """
    files, env_files = _paths(container)
    if not files:
        raise CannotAsk(f"the compose file that its labels name is not here: {_named(container)}")
    try:
        return _read(container, files, env_files, _GUESSES[0])
    except (NetdoctorError, OSError) as error:
        raise CannotAsk(f"its compose files cannot be read: {error}") from error


def _unread(question: ComposeFiles, reason: str) -> Observation[ComposeFilesEvidence]:
    """Of what works, nobody is told about every file that is elsewhere."""
    if question.needed:
        raise CannotAsk(reason)
    return Observation(Outcome.CONNECTED, ComposeFilesEvidence(()), reason)


def _named(container: Container) -> str:
    return container.labels.get(f"{_LABEL}.project.config_files", "") or "none"


def _paths(container: Container) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The compose files and the env files, () where one of them is not here. Compose v1's labels are relative."""
    folder = Path(container.labels.get(f"{_LABEL}.project.working_dir") or "/nowhere")
    found = []
    for part in _named(container).split(","):
        tried = [folder / part.strip(), folder / Path(part.strip()).name]
        path = next((each for each in tried if each.is_absolute() and each.is_file()), None)
        if path is None:
            return (), ()
        found.append(path)
    named = container.labels.get(f"{_LABEL}.project.environment_file", "")
    env_files = [folder / part.strip() for part in named.split(",") if part.strip()]
    return tuple(found), tuple(path for path in env_files if path.is_file())


def _newer(container: Container, paths: tuple[Path, ...]) -> bool:
    try:
        made = datetime.fromisoformat(container.created or "").timestamp()
        return any(path.is_file() and path.stat().st_mtime > made for path in paths)
    except (ValueError, OSError):
        return False


def _compared(
    container: Container, topology: Topology, files: tuple[Path, ...], env_files: tuple[Path, ...], newer: bool
) -> ComposeFilesEvidence:
    try:
        first, second = (_read(container, files, env_files, guess) for guess in _GUESSES)
    except (NetdoctorError, OSError) as error:
        raise CannotAsk(f"its compose files cannot be read: {error}") from error
    shown = tuple(str(path) for path in files)
    mine, other = _service(first, container), _service(second, container)
    if mine is None or other is None:
        return ComposeFilesEvidence(shown, newer, True, declared=False, absent=_absent(container, topology, first))
    undeclared, missing, aliases = _networks(container, topology, first, mine, other)
    changed = _variables(container, mine, other)
    absent = _absent(container, topology, first)
    return ComposeFilesEvidence(shown, newer, True, True, undeclared, missing, aliases, changed, absent)


def _read(container: Container, files: tuple[Path, ...], env_files: tuple[Path, ...], guess: str) -> Topology:
    """With every variable that only a shell can have set at ``guess``."""
    from netdoctor.topology.compose import read_compose

    env = [str(path) for path in env_files]
    there = [path for path in env_files or [files[0].parent / ".env"] if path.is_file()]
    said = "\n".join(path.read_text("utf-8", "replace") for path in there)
    fixed = {*_ENV_NAMES.findall(said), "COMPOSE_PROJECT_NAME"}
    used = {name.decode() for path in files for name in _NAMES.findall(path.read_bytes())}
    shell = dict.fromkeys(used - fixed, guess) | {"COMPOSE_PROJECT_NAME": container.project or ""}
    return read_compose([[str(path) for path in files]], environment=shell, env_files=env)


def _service(topology: Topology, container: Container) -> Container | None:
    return next((each for each in topology.containers if each.service == container.service), None)


def _absent(container: Container, live: Topology, declared: Topology) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Services of the files that have no container in the project, not even one that has ended."""
    there = {each.service for each in live.containers if each.project == container.project}
    services = {each.service: tuple(each.profiles) for each in declared.containers if each.service}
    return tuple((name, profiles) for name, profiles in services.items() if name not in there)


def _networks(
    container: Container, live: Topology, declared: Topology, mine: Container, other: Container
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Undeclared and missing networks, and missing aliases. Nothing where a mode takes the place of networks."""
    ordinary = [each.network_mode or "" for each in (container, mine)]
    if ordinary[1] or ordinary[0] in ("host", "none", "bridge", "default") or ordinary[0].startswith("container:"):
        return (), (), ()
    left = {endpoint.network: endpoint for endpoint in container.endpoints}
    missing, aliases, unsure = [], [], False
    for one, two in zip(mine.endpoints, other.endpoints, strict=False):
        network = declared.network(one.network)
        found = next((e for e in left.values() if _same(live.network(e.network), network, one.network_name)), None)
        if found is None:
            # Another shell may have named it otherwise.
            unsure = unsure or one.network_name != two.network_name
            missing += [one.network_name] if one.network_name == two.network_name else []
            continue
        left.pop(found.network)
        known = {name.lower() for name in (*found.aliases, *found.names)}
        steady = [alias for alias in one.aliases if alias in two.aliases]
        aliases += [(found.network_name, alias) for alias in steady if alias.lower() not in known]
    undeclared = () if unsure else tuple(endpoint.network_name for endpoint in left.values())
    return undeclared, tuple(missing), tuple(aliases)


def _same(live: Network | None, declared: Network | None, name: str) -> bool:
    """A project's own network by its key, which no shell changes; any other by its name.

    Compose 1 labels a network that has a name of its own with that, not with its key.
    """
    if live is None:
        return False
    if live.name == name:
        return True
    key, project = f"{_LABEL}.network", f"{_LABEL}.project"
    if declared is not None and not declared.external and live.labels.get(project) == declared.labels.get(project):
        return live.labels.get(key) == declared.labels.get(key)
    return False


def _variables(container: Container, mine: Container, other: Container) -> tuple[Changed, ...]:
    """What both readings agree on, and the container has otherwise, or not at all."""
    running: Mapping[str, str] = dict(container.environment or ())
    second = dict(other.environment or ())
    blank = {each.path[-1] for each in mine.blanks}
    return tuple(
        Changed(name, _host(name, running.get(name, "")), _host(name, value))
        for name, value in mine.environment or ()
        if second.get(name) == value and running.get(name) != value and name not in blank
    )


def _host(variable: str, value: str) -> str:
    """The host of an address, of which nothing else is told; "" for what is no address by its shape or its name."""
    if "://" not in value and not _HOST_NAME.search(variable):
        return ""
    found = _HOST.match(value)
    return found[1] if found is not None else ""


PROBES.add("compose_files", ComposeFilesProbe(), home=__name__)
