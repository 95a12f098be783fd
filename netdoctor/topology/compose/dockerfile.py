"""What a Dockerfile says about variables and builds: stages, ENV and ARG, and the RUNs that load the application.

Read, never run. Enough of the syntax to follow a real file: escapes, comments, heredocs, several stages, COPY --from.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_FROM = re.compile(r"(?:--\S+\s+)*(?P<base>\S+)(?:\s+[Aa][Ss]\s+(?P<name>\S+))?\s*$")
_COPY_FROM = re.compile(r"(?:^|\s)--(?:from|mount=\S*?from)=(?P<stage>[^\s,]+)")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\1")
_ESCAPE = re.compile(r"#\s*escape\s*=\s*([`\\])\s*$", re.IGNORECASE)
_VARIABLE = re.compile(r"\\\$|\$(?:\{(?P<braced>[^{}]*)\}|(?P<bare>[A-Za-z_][A-Za-z0-9_]*))")
_PARTS = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<sign>:?[-+])?(?P<word>.*)\Z", re.DOTALL)

_RUNNERS = r"(?:npm(?:\s+(?:--\S+\s+)*run(?:-script)?)|pnpm(?:\s+run)?|yarn(?:\s+run)?|bun(?:\s+run)?|npx|deno\s+task)"
_BUILDS = re.compile(
    rf"(?:^|[\s;&|(]){_RUNNERS}\s+(?:--\S+\s+)*(?:build|generate|export|compile|prerender)\b[\w:.-]*"
    r"|(?:^|[\s;&|(/])(?:next|nuxt|nuxi|vite|astro|gatsby|remix|react-scripts|ng|vue-cli-service|svelte-kit|turbo|nx)"
    r"\s+(?:run\s+)?(?:build|generate|export)\b"
    r"|manage\.py\s+(?:collectstatic|compress|migrate|check)\b"
    r"|\brails\s+assets:precompile\b|\brake\s+assets:precompile\b|\bartisan\s+(?:optimize|config:cache|migrate)\b"
    r"|\bprisma\s+(?:migrate|db)\b|\bmix\s+(?:assets\.deploy|phx\.digest)\b"
    r"|\b(?:pytest|jest|vitest)\b|\b(?:npm|yarn|pnpm)\s+(?:run\s+)?test\b"
)
_SCRIPT = re.compile(rf"{_RUNNERS}\s+(?:--\S+\s+)*(?P<script>[A-Za-z][\w:.-]*)")


@dataclass(frozen=True, slots=True)
class Instruction:
    """``line`` is where it begins, from 1."""

    word: str
    rest: str
    line: int


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    value: str | None
    line: int
    kind: str


@dataclass(frozen=True, slots=True)
class Run:
    command: str
    line: int
    stage: str
    environment: tuple[Variable, ...]


@dataclass(slots=True)
class _Stage:
    name: str
    base: str
    variables: dict[str, Variable] = field(default_factory=dict)
    args: dict[str, Variable] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    uses: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The wanted stage: every RUN that is needed for it, and the ENV that the finished image has."""

    runs: tuple[Run, ...]
    environment: tuple[Variable, ...]


def builds_application(command: str) -> bool:
    """Whether a RUN is known to build, so to load, the application's own code."""
    return _BUILDS.search(command) is not None


def script_of(command: str) -> str | None:
    """The package.json script that the command runs, like ``build`` for ``npm run build``."""
    found = _SCRIPT.search(command)
    return found["script"] if found is not None else None


def read_dockerfile(text: str, args: Mapping[str, str], target: str | None = None) -> Dockerfile:
    """``args``: the build's arguments. Raises ValueError when there is no stage, or none called ``target``."""
    stages: list[_Stage] = []
    before: dict[str, Variable] = {}
    for each in instructions(text):
        if each.word == "FROM":
            stages.append(_stage(each, stages, before))
        elif not stages:
            if each.word == "ARG":
                before.update({found.name: found for found in _args(each, before, args)})
        else:
            _apply(each, stages, before, args)
    if not stages:
        raise ValueError("it has no FROM")
    chosen = len(stages) - 1
    if target:
        named = [index for index, stage in enumerate(stages) if stage.name.lower() == target.lower()]
        if not named and not (target.isdecimal() and len(target) < 10 and int(target) < len(stages)):
            raise ValueError(f"it has no stage {target}")
        chosen = named[-1] if named else int(target)
    needed = _needed(stages, chosen)
    runs = [run for index in sorted(needed) for run in stages[index].runs]
    return Dockerfile(tuple(runs), tuple(stages[chosen].variables.values()))


def instructions(text: str) -> Iterator[Instruction]:
    """Each instruction with its continued lines joined; comments and heredoc bodies are left out."""
    escape = "\\"
    lines = text.replace("\r\n", "\n").split("\n")
    for line in lines:
        found = _ESCAPE.match(line.strip())
        if found is not None:
            escape = found[1]
        if not line.strip().startswith("#"):
            break
    index = 0
    while index < len(lines):
        start = index
        parts: list[str] = []
        while index < len(lines):
            line = lines[index].strip()
            index += 1
            if line.startswith("#") or (not line and parts):
                continue
            continued = line.endswith(escape)
            parts.append(line[:-1].rstrip() if continued else line)
            if not continued:
                break
        whole = " ".join(part for part in parts if part)
        word, _, rest = whole.partition(" ")
        if not word:
            continue
        if word.upper() in ("RUN", "COPY", "ADD"):
            for _, end in _HEREDOC.findall(rest):
                body = []
                while index < len(lines) and lines[index].strip() != end:
                    body.append(lines[index].strip())
                    index += 1
                index += 1
                rest = f"{rest}\n" + "\n".join(body) if word.upper() == "RUN" else rest
        yield Instruction(word.upper(), rest.strip(), _first_line(lines, start) + 1)


def _first_line(lines: list[str], start: int) -> int:
    while start < len(lines) and (not lines[start].strip() or lines[start].strip().startswith("#")):
        start += 1
    return start


def _stage(each: Instruction, stages: list[_Stage], before: Mapping[str, Variable]) -> _Stage:
    found = _FROM.match(each.rest)
    base = _filled(found["base"], before) if found else each.rest
    stage = _Stage(name=(found["name"] or "") if found else "", base=base)
    parent = _index(stages, base)
    if parent is not None:
        stage.uses.add(parent)
        # A stage has the ENV of the one it stands on, but none of its ARGs.
        stage.variables.update(stages[parent].variables)
    return stage


def _apply(each: Instruction, stages: list[_Stage], before: Mapping[str, Variable], args: Mapping[str, str]) -> None:
    stage = stages[-1]
    known = {**stage.args, **stage.variables}
    if each.word == "ARG":
        stage.args.update({found.name: found for found in _args(each, {**before, **known}, args, before)})
    elif each.word == "ENV":
        for name, value in _pairs(each.rest):
            stage.variables[name] = Variable(name, _filled(value, known), each.line, "ENV")
    elif each.word == "RUN":
        label = stage.name or str(len(stages) - 1)
        stage.runs.append(Run(_command(each.rest), each.line, label, tuple(known.values())))
    if each.word in ("COPY", "ADD", "RUN"):
        for name in _COPY_FROM.findall(each.rest):
            index = _index(stages[:-1], name)
            if index is not None:
                stage.uses.add(index)


def _args(
    each: Instruction,
    known: Mapping[str, Variable],
    given: Mapping[str, str],
    before: Mapping[str, Variable] | None = None,
) -> Iterator[Variable]:
    for word in _words(each.rest):
        name, equals, value = word.partition("=")
        default = _filled(value, known) if equals else None
        if default is None and before is not None and name in before:
            default = before[name].value
        yield Variable(name, given.get(name, default), each.line, "ARG")


def _needed(stages: list[_Stage], chosen: int) -> set[int]:
    found: set[int] = set()
    todo = [chosen]
    while todo:
        index = todo.pop()
        if index not in found:
            found.add(index)
            todo += stages[index].uses
    return found


def _index(stages: list[_Stage], name: str) -> int | None:
    if name.isdecimal() and len(name) < 10 and int(name) < len(stages):
        return int(name)
    return next((i for i in range(len(stages) - 1, -1, -1) if stages[i].name.lower() == name.lower() != ""), None)


def _pairs(rest: str) -> Iterator[tuple[str, str]]:
    """``ENV A=b C="d e"``, and the old ``ENV A b c``."""
    words = _words(rest)
    if words and "=" not in words[0]:
        name, _, value = rest.partition(" ")
        yield name, value.strip()
        return
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            yield name, value


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _command(rest: str) -> str:
    """Without its options; the list form as one line."""
    text = re.sub(r"^(?:--\S+\s+)+", "", rest)
    if text.startswith("["):
        return " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
    return text


def _filled(text: str, known: Mapping[str, Variable]) -> str:
    def fill(found: re.Match[str]) -> str:
        if found[0] == "\\$":
            return "$"
        parts = _PARTS.match(found["bare"] or found["braced"] or "")
        if parts is None:
            return found[0]
        value = known[parts["name"]].value if parts["name"] in known else None
        there, sign = bool(value), parts["sign"] or ""
        if sign.endswith("+"):
            return parts["word"] if there else ""
        return value or (parts["word"] if sign.endswith("-") else "") or ""

    return _VARIABLE.sub(fill, text)
