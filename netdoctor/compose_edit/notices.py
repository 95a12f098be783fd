"""What a user has to know about an edit before it is written."""

from __future__ import annotations

from . import splice
from .edit import Edit
from .effective import Project
from .gates import Intent
from .locate import Located, child
from .target import Target
from .text import SourceText


def notices(
    known: Project, target: Target, intent: Intent, edit: Edit, text: SourceText, located: Located
) -> tuple[str, ...]:
    """Sentences on what the edit repairs, what it cannot know, and what happens at the next start."""
    said = []
    if target.via:
        sharers = " and ".join(map(repr, target.via))
        said.append(f"{sharers} uses the network of service {target.name!r}, so that one joins {intent.network!r}.")
    if not edit.added_lines_only:
        changes = [change for change in edit.insertions if not splice.only_adds_lines(edit.original, [change])]
        heads = [edit.original[len(text.bom) : change.offset].decode("utf-8") for change in changes]
        lines = sorted({text.line(len(head)) for head in heads})
        said.append(f"The edit changes line {', '.join(map(str, lines))} instead of only adding lines.")
    if not known.others and not {"image", "build", "extends"} & target.body.keys():
        said.append(
            f"Service {target.name!r} has neither image nor build here; if another file completes it and has networks "
            "there, edit that file instead."
        )
    own = child(target.span, "networks")
    top = child(located.root, "networks")
    if own is not None and own[1].is_blank:
        said.append(f"`networks:` of service {target.name!r} was empty, which Compose rejects; it is filled now.")
    if top is not None and top[1].is_blank and intent.declares:
        said.append("The top-level `networks:` was empty, which Compose rejects; it is filled now.")
    if intent.declares and intent.key in target.member.effective:
        said.append(f"{intent.key!r} was listed but not declared, which Compose rejects; it is declared now.")
    unknown = [key for key in target.member.effective if known.real(key).interpolated]
    if unknown:
        said.append(
            f"The name of network {', '.join(map(repr, unknown))} holds a variable; if it is {intent.network!r}, "
            "the service had joined already."
        )
    if known.project_name is None:
        said += [
            f"If the project is called {intent.network.removesuffix(f'_{key}')!r}, the service had joined already."
            for key in target.member.effective
            if intent.network.endswith(f"_{key}") and known.real(key).name is None and key not in unknown
        ]
    said.append(f"Compose creates service {target.name!r} anew at the next `docker compose up`.")
    said.append(f"On {intent.network!r} the service answers to the name {target.name!r}, which should be free there.")
    said.append("The service's default route may move to the new network, by the order of the network names.")
    return tuple(said)
