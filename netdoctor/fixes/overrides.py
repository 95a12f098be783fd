"""The compose file stays as it is: an override file beside it says it, made or added to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from netdoctor.compose_edit import EditRefused, plan_override
from netdoctor.fixes.diffs import shown_diff
from netdoctor.fixes.files import can_create, can_replace, read_file
from netdoctor.fixes.locations import ComposeFiles, environment_of, order
from netdoctor.fixes.permanent import Declared, Paste, Patch
from netdoctor.fixes.second_opinion import objection, objection_to_override
from netdoctor.model import Container, Membership
from netdoctor.terminal import plain


def plan_override_file(
    container: Container, membership: Membership, files: ComposeFiles, text: str, planned: Sequence[Patch]
) -> Patch | Paste | Declared:
    """The override file that Compose reads together with ``files``. Raises FixFailed where one cannot be read."""
    service = container.service or container.name
    aliases = [alias for alias in membership.aliases if alias not in (service, container.name)]
    environment = environment_of(container, files.folder)
    bases = tuple(path for path in files.found if path != files.override)
    read = {path: read_file(path) for path in bases}
    data = {path: found.data for path, found in read.items()}
    base = order(bases, data, service)[0]
    target = files.override or files.override_beside(base)
    pending = next((p for p in reversed(planned) if p.where == target), None)
    file = read_file(target) if files.override is not None else None
    existing = pending.edit.result if pending is not None else file.data if file is not None else None

    def refused(why: str, instead: str = text) -> Paste:
        return Paste(container.name, membership, "Docker Compose", why, instead)

    if file is None and pending is None and (problem := can_create(target)) is not None:
        if problem.startswith("something"):
            problem = "it is there, but Compose did not read it for this container"
        return refused(f"{plain(str(target))} cannot be written: {problem}.")
    try:
        edit = plan_override(
            existing,
            data[base],
            service,
            membership.network,
            aliases,
            project=container.project,
            environment=environment,
            others=tuple(data[other] for other in bases if other != base),
            read_file=partial(_beside, base.parent),
        )
    except EditRefused as no:
        return refused(f"{plain(target.name)} is not written: {plain(str(no))}. {plain(no.next_step)}")
    if not edit.changed:
        return Declared(container.name, str(target if file is not None else base))
    own = membership.network == f"{container.project}_{edit.key}"
    if pending is None and not own:
        against = (
            objection(files.found, files.folder, target, edit, membership.network)
            if file is not None
            else objection_to_override(files.found, files.folder, edit, membership.network)
        )
        if against is not None:
            return refused(
                f"{plain(target.name)} is not written: Compose would read it differently ({plain(against)})."
            )
    if file is not None and (problem := can_replace(file)) is not None:
        return refused(
            f"{plain(str(target))} cannot be written: {problem}.", shown_diff(edit.original, edit.result, target)
        )
    return Patch(
        container.name,
        membership,
        file,
        edit,
        tuple(data.values()),
        container.project,
        environment,
        target=target,
        like=read[base],
        folder=files.folder if files.by_itself else None,
        named="" if files.by_itself or file is not None else files.command_with(target),
    )


def _beside(folder: Path, name: str) -> bytes | None:
    try:
        return (folder / name).read_bytes()
    except OSError:
        return None
