"""What a service's ``build`` means: its Dockerfile read, and the source looked at where that Dockerfile builds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from netdoctor.model import Build, BuildStep, BuildVariable, Place, Ref, SourceRead
from netdoctor.terminal import plain
from netdoctor.topology.compose.dockerfile import (
    Dockerfile,
    Variable,
    builds_application,
    read_dockerfile,
    script_of,
)
from netdoctor.topology.compose.errors import Unreadable
from netdoctor.topology.compose.files import read_bytes, shown
from netdoctor.topology.compose.load import Project
from netdoctor.topology.compose.sources import reads
from netdoctor.topology.compose.tree import Node

Places = dict[Ref, Place]
_AsVariable = Callable[[Variable], BuildVariable]
_AsRef = Callable[[int], Ref]


def build_of(project: Project, node: Node | None, places: Places) -> Build | None:
    """None without a ``build``. A Dockerfile that cannot be read is a reason, no error: the image may exist already.

    Adds the places of what it found.
    """
    if node is None:
        return None
    context = node.string("context") or "."
    section = node.get("args")
    args = tuple(
        (name, value.text if value.value is not None else project.environment.get(name))
        for name, value in (section.fields if section is not None else {}).items()
    )
    bare = Build(context, node.string("dockerfile"), node.string("target"), args)
    given = {name: value for name, value in args if value is not None}
    inline = node.get("dockerfile_inline")
    if inline is not None and inline.text is not None:
        # The text stands in the compose file; its own lines begin after the key.
        start = inline.place
        return _read(bare, inline.text, given, start.file, places, context, offset=start.line)
    if "://" in context or context.startswith(("git@", "github.com/")):
        return replace(bare, reason=f"the context {plain(context)} is elsewhere")
    path = Path(context) / (bare.dockerfile or "Dockerfile")
    try:
        text = read_bytes(str(path)).decode("utf-8-sig")
    except (Unreadable, UnicodeDecodeError):
        return replace(bare, dockerfile=shown(path), reason=f"{plain(shown(path))} cannot be read")
    return _read(replace(bare, dockerfile=shown(path)), text, given, shown(path), places, context)


def _read(
    build: Build,
    text: str,
    args: Mapping[str, str],
    file: str,
    places: Places,
    context: str,
    offset: int = 0,
) -> Build:
    try:
        found = read_dockerfile(text, args, build.target)
    except ValueError as error:
        return replace(build, reason=f"{plain(file)} says no stages to build: {error}")

    def ref(line: int) -> Ref:
        made = Ref("file", file, (str(line + offset),))
        places[made] = Place(file, line + offset)
        return made

    def variable(each: Variable) -> BuildVariable:
        return BuildVariable(each.name, each.value, ref(each.line), each.kind)

    steps = _steps(found, variable, ref, Path(context))
    return replace(
        build,
        steps=steps,
        environment=tuple(variable(each) for each in found.environment),
        reads=_reads(Path(context), places) if any(step.builds for step in steps) else (),
    )


def _steps(found: Dockerfile, variable: _AsVariable, ref: _AsRef, context: Path) -> tuple[BuildStep, ...]:
    scripts = _scripts(context)
    steps = []
    for run in found.runs:
        script = scripts.get(script_of(run.command) or "", "")
        steps.append(
            BuildStep(
                command=run.command,
                ref=ref(run.line),
                stage=run.stage,
                environment=tuple(variable(each) for each in run.environment),
                builds=builds_application(run.command) or builds_application(script),
                script=script,
            )
        )
    return tuple(steps)


def _scripts(context: Path) -> dict[str, str]:
    try:
        document = json.loads(read_bytes(str(context / "package.json")))
    except (Unreadable, ValueError, RecursionError):
        return {}
    scripts = document.get("scripts") if isinstance(document, dict) else None
    return {str(name): str(text) for name, text in scripts.items()} if isinstance(scripts, dict) else {}


def _reads(context: Path, places: Places) -> tuple[SourceRead, ...]:
    found = []
    for each in reads(context):
        file = shown(each.file)
        ref = Ref("file", file, (str(each.line),))
        places[ref] = Place(file, each.line)
        found.append(SourceRead(each.variable, ref, each.at_import, each.required))
    return tuple(found)
