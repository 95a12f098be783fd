"""For good: the compose file that made a container says it too. Planned first, written last, read back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netdoctor.compose_edit import Edit, EditRefused, is_joined, override_for, plan_join
from netdoctor.errors import FixFailed
from netdoctor.fixes.diffs import shown_diff
from netdoctor.fixes.files import FoundFile, can_replace, read_file, replace_file
from netdoctor.fixes.journal import Journal, StepState
from netdoctor.fixes.second_opinion import objection
from netdoctor.model import Container, Membership, Topology
from netdoctor.model.joining import names_taken
from netdoctor.platforms.interface import CONFIG_FILES, WORKING_DIR, owner_of
from netdoctor.terminal import plain

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patch:
    """One file that will be edited."""

    container: str
    membership: Membership
    file: FoundFile
    edit: Edit
    others: tuple[bytes, ...] = ()
    project: str | None = None
    environment: Mapping[str, str] | None = None

    @property
    def path(self) -> str:
        return str(self.file.path)

    @property
    def diff(self) -> str:
        """As ``git apply`` takes it, with the path below the root."""
        return shown_diff(self.edit.original, self.edit.result, self.file.path)


@dataclass(frozen=True, slots=True)
class Paste:
    """What the user has to do by hand, and why netdoctor does not."""

    container: str
    membership: Membership
    platform: str
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class Declared:
    """The file says it already."""

    container: str
    path: str


@dataclass(frozen=True, slots=True)
class Permanent:
    """How the memberships of a fix are made permanent."""

    patches: tuple[Patch, ...] = ()
    pastes: tuple[Paste, ...] = ()
    declared: tuple[Declared, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to the user."""
        return not self.pastes


@dataclass(frozen=True, slots=True)
class ComposeFiles:
    """What the labels say about the files of a container: those that exist here, and those that do not."""

    found: tuple[Path, ...]
    missing: tuple[str, ...]
    folder: Path | None


def plan_permanence(memberships: Sequence[Membership], topology: Topology) -> Permanent:
    """Read the files and plan the edits; nothing is written. Several edits of one file build on each other."""
    patches: list[Patch] = []
    pastes: list[Paste] = []
    declared: list[Declared] = []
    for membership in dict.fromkeys(memberships):
        container = topology.container(membership.container)
        if container is None:
            continue
        found = _one(container, membership, topology, patches)
        match found:
            case Patch():
                patches.append(found)
            case Paste():
                pastes.append(found)
            case Declared():
                declared.append(found)
    return Permanent(tuple(patches), tuple(pastes), tuple(declared))


def write_patches(
    permanent: Permanent, journal: Journal, transaction: str
) -> tuple[tuple[Patch, ...], tuple[Paste, ...]]:
    """Write every patch, journalled under a transaction; returns what was written, and what could not be."""
    written: list[Patch] = []
    failed: list[Paste] = []
    for patch in permanent.patches:
        number = next(len(t.files) for t in journal.transactions() if t.id == transaction)
        try:
            _write(patch, journal, transaction, number)
            written.append(patch)
        except FixFailed as error:
            failed.append(Paste(patch.container, patch.membership, "Docker Compose", error.message, patch.diff))
    return tuple(written), tuple(failed)


def compose_files(container: Container) -> ComposeFiles:
    """The labels are a hint: Compose v1 gives paths as they were typed, v2 absolute ones."""
    folder_text = container.labels.get(WORKING_DIR, "")
    folder = Path(folder_text) if folder_text.startswith("/") else None
    found: list[Path] = []
    missing: list[str] = []
    for text in _split(container.labels.get(CONFIG_FILES, ""), folder):
        path = Path(text) if text.startswith("/") else _typed(text, folder) if folder is not None else None
        if path is not None and path.is_file():
            found.append(path)
        else:
            missing.append(str(path or text))
    return ComposeFiles(tuple(found), tuple(missing), folder)


def _one(
    container: Container, membership: Membership, topology: Topology, planned: Sequence[Patch]
) -> Patch | Paste | Declared:
    permanence = owner_of(container, topology).permanence(container, membership)
    if not permanence.patchable:
        return Paste(container.name, membership, permanence.platform, permanence.why, permanence.text)
    clash = _service_name_taken(container, membership, topology)
    if clash:
        return Paste(container.name, membership, permanence.platform, clash, permanence.text)
    files = compose_files(container)
    if not files.found or files.missing:
        gone = ", ".join(map(plain, files.missing)) or "no file is named in its labels"
        why = f"The compose file of {container.name} is not on this machine ({gone})."
        return Paste(container.name, membership, permanence.platform, why, permanence.text)
    try:
        return _patch(container, membership, files, permanence.text, planned)
    except FixFailed as error:
        return Paste(container.name, membership, permanence.platform, error.message, permanence.text)


def _patch(
    container: Container, membership: Membership, files: ComposeFiles, text: str, planned: Sequence[Patch]
) -> Patch | Paste | Declared:
    service = container.service or container.name
    aliases = [alias for alias in membership.aliases if alias not in (service, container.name)]
    environment = _environment(container, files.folder)
    read = {path: read_file(path) for path in files.found}
    # A file that an earlier patch of this plan edits is edited further.
    data = {
        path: next((p.edit.result for p in reversed(planned) if p.file.real == f.real), f.data)
        for path, f in read.items()
    }
    refusals: list[tuple[Path, EditRefused]] = []
    for path in _order(files.found, data, service):
        others = tuple(data[other] for other in files.found if other != path)
        try:
            edit = plan_join(
                data[path],
                service,
                membership.network,
                aliases,
                path=path.name,
                project=container.project,
                environment=environment,
                others=others,
                read_file=partial(_beside, path.parent),
            )
        except EditRefused as refused:
            refusals.append((path, refused))
            continue
        if not edit.changed:
            return Declared(container.name, str(path))
        # Compose reads the file on the disk: an edit on top of another planned one cannot be shown to it yet. And it
        # names the project's own networks after a project that it would have to be told, by whatever way it was.
        own = membership.network == f"{container.project}_{edit.key}"
        if read[path].data == edit.original and not own:
            against = objection(files.found, files.folder, path, edit, membership.network)
            if against is not None:
                why = f"{plain(path.name)} is not edited: Compose would read it differently ({plain(against)})."
                return Paste(container.name, membership, "Docker Compose", why, text)
        problem = can_replace(read[path])
        if problem is not None:
            return Paste(
                container.name,
                membership,
                "Docker Compose",
                f"{plain(str(path))} cannot be written: {problem}.",
                shown_diff(edit.original, edit.result, path),
            )
        return Patch(container.name, membership, read[path], edit, others, container.project, environment)
    return _refused(container, membership, service, aliases, refusals, data, text)


def _write(patch: Patch, journal: Journal, transaction: str, number: int) -> None:
    current = read_file(patch.file.path)
    if current.data != patch.edit.original:
        raise FixFailed(
            f"{plain(patch.path)} was changed by somebody else meanwhile. Nothing was written.",
            hint="Run netdoctor fix --persist again.",
        )
    journal.intend_file(transaction, patch.path, patch.edit.original, patch.edit.result, patch.edit.insertions)
    try:
        written = replace_file(current, patch.edit.result)
    except FixFailed:
        journal.mark_file(transaction, number, StepState.NOT_DONE)
        raise
    journal.mark_file(transaction, number, StepState.DONE)
    if not _reads_back(patch, written.data):
        replace_file(written, patch.edit.original)
        journal.mark_file(transaction, number, StepState.REVERTED)
        raise FixFailed(f"{plain(patch.path)} does not read back as intended, and was put back as it was.")


def _reads_back(patch: Patch, data: bytes) -> bool:
    try:
        return is_joined(
            data,
            patch.edit.service,
            patch.membership.network,
            project=patch.project,
            environment=patch.environment,
            others=patch.others,
        )
    except EditRefused:
        return False


def _service_name_taken(container: Container, membership: Membership, topology: Topology) -> str:
    """Compose gives the service name as an alias on every network: it must be free where the service joins."""
    network = next((n for n in topology.networks if n.name == membership.network), None)
    if network is None or container.service is None:
        return ""
    if container.service.lower() in names_taken(topology, network, container):
        return (
            f"Compose would give {container.name} the name {container.service} on {network.name}, "
            "where another container has it; rename the service, or use --isolate."
        )
    return ""


def _refused(
    container: Container,
    membership: Membership,
    service: str,
    aliases: Sequence[str],
    refusals: Sequence[tuple[Path, EditRefused]],
    data: Mapping[Path, bytes],
    text: str,
) -> Paste:
    path, refused = refusals[0]
    why = f"{plain(path.name)} is not edited: {plain(str(refused))}. {plain(refused.next_step)}"
    if refused.override_helps:
        try:
            others = [data[other] for other in data if other != path]
            override = override_for(data[path], service, membership.network, aliases, others=others)
            text = f"# compose.override.yaml beside {path.name}\n{override.decode()}"
        except EditRefused as again:
            log.debug("no override either: %s", again)
    return Paste(container.name, membership, "Docker Compose", why, text)


def _order(paths: Sequence[Path], data: Mapping[Path, bytes], service: str) -> list[Path]:
    """Files that list the service's networks first, then those that define the service, later ones winning."""
    return sorted(paths, key=lambda path: (-_weight(data[path], service), -paths.index(path)))


def _weight(source: bytes, service: str) -> int:
    import yaml

    try:
        model = yaml.load(source, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader builds text, lists and mappings only
    except (yaml.YAMLError, ValueError, RecursionError):
        return 0
    services = model.get("services") if isinstance(model, dict) else None
    body = services.get(service) if isinstance(services, dict) else None
    if body is None:
        return 0
    return 2 if isinstance(body, dict) and "networks" in body else 1


def _split(label: str, folder: Path | None) -> list[str]:
    """Several files are separated by commas, which a path may hold as well: what exists decides."""
    whole = Path(label) if label.startswith("/") else folder / label if folder is not None else None
    if label and whole is not None and whole.is_file():
        return [label]
    return [part for part in (each.strip() for each in label.split(",")) if part]


def _typed(text: str, folder: Path) -> Path:
    """Relative to the project's folder, or to one above it: ``docker-compose -f web/compose.yaml`` from there."""
    typed, beside = Path(text), folder / Path(text).name
    same = beside.parts[-len(typed.parts) :] == typed.parts
    return beside if same and not (folder / typed).is_file() else folder / typed


def _environment(container: Container, folder: Path | None) -> dict[str, str] | None:
    """The project's variables, for names with ``${...}`` in them; None when there is no file of them."""
    label = container.labels.get("com.docker.compose.project.environment_file", "")
    paths = [Path(part) for part in label.split(",") if part.startswith("/")] or ([folder / ".env"] if folder else [])
    found: dict[str, str] = {}
    for path in paths:
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        for line in lines:
            key, equals, value = line.removeprefix("export ").partition("=")
            if equals and not line.lstrip().startswith("#"):
                found[key.strip()] = value.strip().strip("\"'")
    return found or None


def _beside(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / name).read_bytes()
    except OSError:
        return None
