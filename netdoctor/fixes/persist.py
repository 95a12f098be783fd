"""For good: the compose file that made a container says it too. Planned first, written last, read back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from netdoctor.compose_edit import Edit, EditRefused, is_joined, override_for, plan_join
from netdoctor.errors import FixFailed
from netdoctor.fixes.diffs import shown_diff
from netdoctor.fixes.files import can_replace, create_file, read_file, remove_file, replace_file
from netdoctor.fixes.included import patch_included
from netdoctor.fixes.journal import Journal, StepState
from netdoctor.fixes.locations import ComposeFiles, compose_files, defines, environment_of, order
from netdoctor.fixes.overrides import plan_override_file
from netdoctor.fixes.panels import Panels
from netdoctor.fixes.permanent import Declared, PanelPatch, Paste, Patch, Permanent
from netdoctor.fixes.second_opinion import config_of, found_by_itself, made_from, objection, objection_since
from netdoctor.model import Container, Membership, Topology
from netdoctor.model.joining import names_taken
from netdoctor.platforms.interface import owner_of
from netdoctor.terminal import plain

log = logging.getLogger(__name__)


def plan_permanence(
    memberships: Sequence[Membership],
    topology: Topology,
    *,
    override: bool = False,
    panels: Panels | None = None,
    elsewhere: bool = False,
) -> Permanent:
    """Read the files and plan the edits; nothing is written. Several edits of one file build on each other.

    ``override``: in an override file beside the compose file, which stays as it is. ``panels``: platforms that own
    their stacks' files are asked over their API, and will be told. ``elsewhere``: the engine is on another machine, and
    a file of that path here may be somebody else's.
    """
    patches: list[Patch] = []
    told: list[PanelPatch] = []
    pastes: list[Paste] = []
    declared: list[Declared] = []
    for membership in dict.fromkeys(memberships):
        container = topology.container(membership.container)
        if container is None:
            continue
        found = _one(container, membership, topology, patches, told, override, panels, elsewhere)
        match found:
            case Patch():
                patches.append(found)
            case PanelPatch():
                told.append(found)
            case Paste():
                pastes.append(found)
            case Declared():
                declared.append(found)
    return Permanent(tuple(patches), tuple(pastes), tuple(declared), tuple(told))


def write_patches(
    permanent: Permanent, journal: Journal, transaction: str
) -> tuple[tuple[Patch, ...], tuple[Paste, ...]]:
    """Write every patch, journalled under a transaction; returns what was written, and what is left to the user."""
    written: list[Patch] = []
    left: list[Paste] = []
    for patch in permanent.patches:
        number = next(len(t.files) for t in journal.transactions() if t.id == transaction)
        try:
            _write(patch, journal, transaction, number)
            written.append(patch)
        except FixFailed as error:
            left.append(Paste(patch.container, patch.membership, "Docker Compose", error.message, patch.diff))
            continue
        unread = _unread(patch)
        if unread is not None:
            left.append(unread)
    return tuple(written), tuple(left)


def _one(
    container: Container,
    membership: Membership,
    topology: Topology,
    planned: Sequence[Patch],
    telling: Sequence[PanelPatch],
    override: bool,
    panels: Panels | None,
    elsewhere: bool,
) -> Patch | PanelPatch | Paste | Declared:
    platform = owner_of(container, topology)
    permanence = platform.permanence(container, membership)
    clash = _service_name_taken(container, membership, topology)
    if not permanence.patchable:
        if panels is None or clash:
            api = platform.api
            told = " netdoctor tells it over its API with --apply." if api is not None and api.serves(container) else ""
            why = clash or f"{permanence.why}{told}"
            return Paste(container.name, membership, permanence.platform, why, permanence.text)
        return panels.plan(container, membership, platform, permanence, telling)
    if clash:
        return Paste(container.name, membership, permanence.platform, clash, permanence.text)
    files = compose_files(container)
    if not files.found or files.missing:
        gone = ", ".join(map(plain, files.missing)) or "no file is named in its labels"
        why = f"The compose file of {container.name} is not on this machine ({gone})."
        return Paste(container.name, membership, permanence.platform, why, permanence.text)
    if elsewhere and not _is_its_file(container, files):
        here = plain(str(files.found[0]))
        why = f"The engine is on another machine, and whether {here} here is what made {container.name} is not certain."
        return Paste(container.name, membership, permanence.platform, why, permanence.text)
    plan = plan_override_file if override else _patch
    try:
        return plan(container, membership, files, permanence.text, planned)
    except FixFailed as error:
        return Paste(container.name, membership, permanence.platform, error.message, permanence.text)


def _patch(
    container: Container, membership: Membership, files: ComposeFiles, text: str, planned: Sequence[Patch]
) -> Patch | Paste | Declared:
    service = container.service or container.name
    aliases = [alias for alias in membership.aliases if alias not in (service, container.name)]
    environment = environment_of(container, files.folder)
    read = {path: read_file(path) for path in files.found}
    # A file that an earlier patch of this plan edits is edited further.
    data = {
        path: next((p.edit.result for p in reversed(planned) if p.file is not None and p.file.real == f.real), f.data)
        for path, f in read.items()
    }
    refusals: list[tuple[Path, EditRefused]] = []
    if not any(defines(each, service) for each in data.values()):
        try:
            elsewhere = patch_included(container, membership, files, text, planned)
        except EditRefused as refused:
            why = f"The included file is not edited: {plain(str(refused))}. {plain(refused.next_step)}"
            return Paste(container.name, membership, "Docker Compose", why, text)
        if elsewhere is not None:
            return elsewhere
    for path in order(files.found, data, service):
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
    current = None if patch.created else read_file(patch.where)
    if current is not None and patch.file is not None and current.data == patch.file.data != patch.edit.original:
        patch = replace(patch, edit=_without_the_one_before(patch, current.data))
    if current is not None and current.data != patch.edit.original:
        raise FixFailed(
            f"{plain(patch.path)} was changed by somebody else meanwhile. Nothing was written.",
            hint="Run netdoctor fix --persist again.",
        )
    edit = patch.edit
    before = config_of(patch.asked_with, patch.asked_in)
    journal.intend_file(transaction, patch.path, edit.original, edit.result, edit.insertions, created=current is None)
    try:
        if current is None:
            assert patch.like is not None
            written = create_file(patch.where, edit.result, patch.like)
        else:
            written = replace_file(current, edit.result)
    except FixFailed:
        journal.mark_file(transaction, number, StepState.NOT_DONE)
        raise
    journal.mark_file(transaction, number, StepState.DONE)
    against = objection_since(before, patch.asked_with, patch.asked_in, edit.service, patch.membership.network)
    if against is not None or not _reads_back(patch, written.data):
        if current is None:
            remove_file(written)
        else:
            replace_file(written, edit.original)
        journal.mark_file(transaction, number, StepState.REVERTED)
        said = f" (Compose says: {plain(against)})" if against is not None else ""
        raise FixFailed(f"{plain(patch.path)} does not read back as intended{said}, and was put back as it was.")


def _without_the_one_before(patch: Patch, data: bytes) -> Edit:
    """It was planned on top of another edit of the same file, which was not made: planned anew on what is there."""
    known = (patch.edit.service, patch.container)
    aliases = [alias for alias in patch.membership.aliases if alias not in known]
    try:
        return plan_join(
            data,
            patch.edit.service,
            patch.membership.network,
            aliases,
            path=patch.where.name,
            project=patch.project,
            environment=patch.environment,
            others=patch.others,
            read_file=partial(_beside, patch.where.parent),
        )
    except EditRefused as refused:
        raise FixFailed(f"{plain(patch.path)} is not edited: {plain(str(refused))}.") from refused


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


def _unread(patch: Patch) -> Paste | None:
    """What is left to the user for an override file that Compose does not read by itself; None when it does."""
    name = plain(patch.where.name)
    if patch.named:
        why = f"{name} is written, but the project was started with its own list of files: name this one as well."
        return Paste(patch.container, patch.membership, "Docker Compose", why, patch.named)
    own = patch.membership.network == f"{patch.project}_{patch.edit.key}"
    if patch.folder is None or own:
        return None
    if found_by_itself(patch.folder, patch.edit.service, patch.membership.network) is False:
        why = f"{name} is written, but `docker compose config` in {plain(str(patch.folder))} does not show it."
        text = f"cd {patch.folder}\ndocker compose config   # find out which files it reads"
        return Paste(patch.container, patch.membership, "Docker Compose", why, text)
    return None


def _is_its_file(container: Container, files: ComposeFiles) -> bool:
    made = container.labels.get("com.docker.compose.config-hash", "")
    service = container.service or container.name
    return made_from(files.found, files.folder, service, container.project, made) is True


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
            why += " netdoctor writes that file with --override."
            text = f"# compose.override.yaml beside {path.name}\n{override.decode()}"
        except EditRefused as again:
            log.debug("no override either: %s", again)
    return Paste(container.name, membership, "Docker Compose", why, text)


def _beside(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / name).read_bytes()
    except OSError:
        return None


__all__ = [
    "ComposeFiles",
    "Declared",
    "Paste",
    "Patch",
    "Permanent",
    "compose_files",
    "plan_permanence",
    "write_patches",
]
