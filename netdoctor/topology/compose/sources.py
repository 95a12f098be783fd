"""Where the source in a build context reads its environment, and whether it does so when it is merely imported.

A reading of text, not of programs: good enough to say which variable a build may need, never proof that it does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset(
    {"node_modules", "dist", "build", "out", "vendor", "venv", "coverage", "target", "test", "tests", "__tests__",
     "e2e", "__pycache__", "site-packages", "public", "static"}
)  # fmt: skip
_KINDS = {
    ".js": "js", ".cjs": "js", ".mjs": "js", ".jsx": "js", ".ts": "js", ".mts": "js", ".cts": "js", ".tsx": "js",
    ".vue": "js", ".svelte": "js", ".py": "py",
}  # fmt: skip
MOST_FILES = 2000
MOST_BYTES = 512 << 10
"""Of one file: generated ones are larger."""

_JS = re.compile(r"process\.env(?:\.([A-Z_][A-Z0-9_]*)|\[\s*['\"]([A-Z_][A-Z0-9_]*)['\"]\s*\])")
_JS_SCHEMA = re.compile(r"^\s*([A-Z][A-Z0-9_]{2,})\s*:\s*(?:z|Joi|yup|v|t)\.(.*)$")
_JS_ASSERTED = re.compile(r"throw\b|process\.exit|invariant\(|assert\(")
_OPTIONAL = re.compile(r"\.(?:optional|default|nullish|nullable|allow)\(")
_PY_HARD = re.compile(r"os\.environ\[\s*['\"]([A-Z_][A-Z0-9_]*)['\"]\s*\]")
_PY_SOFT = re.compile(r"os\.(?:getenv|environ\.get)\(\s*['\"]([A-Z_][A-Z0-9_]*)['\"]")
_STRINGS = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\$]|\\.)*`|//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Read:
    variable: str
    file: Path
    line: int
    at_import: bool
    required: bool


def reads(context: Path) -> tuple[Read, ...]:
    """Every read in the context, files in order. An unreadable file is passed over."""
    found: list[Read] = []
    for file in _files(context):
        try:
            text = file.read_text("utf-8", errors="replace")
        except OSError:
            continue
        found += _python(file, text) if _KINDS[file.suffix] == "py" else _script(file, text)
    return tuple(found)


def _files(context: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, names in os.walk(context):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if file.suffix not in _KINDS or ".test." in name or ".spec." in name or name.endswith(".d.ts"):
                continue
            try:
                if not file.is_file() or file.stat().st_size > MOST_BYTES:
                    continue
            except OSError:
                continue
            count += 1
            if count > MOST_FILES:
                return
            yield file


def _script(file: Path, text: str) -> Iterator[Read]:
    """JavaScript and its kin: outside every brace is "at import"; a throw near the name is "required"."""
    if "process.env" not in text and "env" not in file.name.lower():
        return
    lines = text.split("\n")
    depths = _depths(text)
    held: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, start=1):
        for found in _JS.finditer(line):
            variable = found[1] or found[2]
            assigned = re.search(rf"(?:const|let|var)\s+(\w+)\s*(?::[^=]+)?=\s*{re.escape(found[0])}", line)
            if assigned:
                held[assigned[1]] = (variable, number)
            asserted = found[0] + "!" in line and depths[number - 1] == 0
            required = _throws(lines, number, found[0]) or asserted
            top = depths[number - 1] == 0
            yield Read(variable, file, number, top, required and top)
        for name, (variable, where) in held.items():
            if where < number <= where + 8 and depths[number - 1] == 0 and re.search(rf"!\s*{re.escape(name)}\b", line):
                yield Read(variable, file, number, True, _throws(lines, number, name))
        schema = _JS_SCHEMA.match(line)
        if schema is not None and depths[number - 1] <= 2 and "process.env" in text:
            yield Read(schema[1], file, number, True, _OPTIONAL.search(schema[2]) is None)


def _throws(lines: list[str], number: int, name: str) -> bool:
    """``if (!NAME) throw``, on the line or in the few that follow; ``NAME ?? fail()`` is beyond reading."""
    line = lines[number - 1]
    if not re.search(rf"(?:if\s*\(|invariant\(|assert\()[^;]*{re.escape(name)}", line):
        return False
    return any(_JS_ASSERTED.search(each) for each in lines[number - 1 : number + 3])


def _depths(text: str) -> list[int]:
    """The depth of braces at each line's start, strings and comments left out."""
    bare = _STRINGS.sub(lambda found: "\n" * found[0].count("\n"), text)
    depths, depth = [], 0
    for line in bare.split("\n"):
        depths.append(depth)
        depth = max(0, depth + line.count("{") - line.count("}"))
    return depths


def _python(file: Path, text: str) -> Iterator[Read]:
    """Python: a line without indentation is run at import; a subscript raises, ``get`` does not."""
    if "environ" not in text and "getenv" not in text:
        return
    for number, line in enumerate(text.split("\n"), start=1):
        top = line[:1] not in (" ", "\t", "#")
        for found in _PY_HARD.finditer(line):
            stored = re.match(r"\s*\]?\s*=[^=]", line[found.end() :]) is not None
            if not stored:
                yield Read(found[1], file, number, top, top)
        for found in _PY_SOFT.finditer(line):
            yield Read(found[1], file, number, top, False)
