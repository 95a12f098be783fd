"""Diffs of compose files without their secrets: context that holds one is left out where the diff stays exact."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from netdoctor.compose_edit import unified_diff
from netdoctor.redact import MASK, looks_secret, redact_text

_PAIR = re.compile(r"^(?P<head>\s*(?:-\s*)?[\"']?(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)[\"']?\s*[:=]\s*)(?P<value>\S.*)$")
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def shown_diff(old: bytes, new: bytes, path: Path, *, created: bool = False) -> str:
    """A unified diff that ``git apply`` takes in the file's repository, or in its folder where there is none.

    A secret right behind a change is masked; only then git does not take it. ``created``: there was no such file.
    """
    text = unified_diff(old, new, _as_git_sees_it(path), created=created)
    head: list[str] = []
    hunks: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if _HUNK.match(line):
            hunks.append([line])
        elif hunks:
            hunks[-1].append(line)
        else:
            head.append(line)
    return "".join([*head, *(line for hunk in hunks for line in _without_secrets(hunk))])


def _as_git_sees_it(path: Path) -> str:
    for folder in path.parents:
        if (folder / ".git").exists():
            return path.relative_to(folder).as_posix()
    return path.name


def masked(line: str) -> str:
    """One line of a compose file, its secret replaced."""
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    pair = _PAIR.match(body)
    if pair is not None and looks_secret(pair["key"]) and not pair["value"].startswith(("#", "|", ">", "&", "${")):
        return f"{pair['head']}{MASK}{end}"
    return redact_text(body) + end


def _without_secrets(hunk: list[str]) -> list[str]:
    """The hunk, or several smaller ones around the lines that hold a secret."""
    found = _HUNK.match(hunk[0])
    assert found is not None
    old, new = int(found[1]), int(found[3])
    shown: list[str] = []
    piece = _Piece(old, new)
    for line in hunk[1:]:
        hidden = line[0] == " " and masked(line[1:]) != line[1:]
        # git takes a hunk that ends with a change as one that ends the file: then one line of context has to stay.
        if hidden and not piece.ends_with_change:
            shown += piece.text()
            old, new = old + 1, new + 1
            piece = _Piece(old, new)
            continue
        piece.lines.append(f" {masked(line[1:])}" if hidden else line)
        old += line[0] in " -"
        new += line[0] in " +"
    return [*shown, *piece.text()]


@dataclass(slots=True)
class _Piece:
    """One hunk to be: where it starts, and its lines."""

    old: int
    new: int
    lines: list[str] = field(default_factory=list)

    @property
    def ends_with_change(self) -> bool:
        return bool(self.lines) and self.lines[-1][0] in "+-"

    def text(self) -> list[str]:
        """With its header; nothing when it changes nothing."""
        signs = [line[0] for line in self.lines]
        if "+" not in signs and "-" not in signs:
            return []
        before, after = sum(sign in " -" for sign in signs), sum(sign in " +" for sign in signs)
        return [f"@@ -{self.old},{before} +{self.new},{after} @@\n", *self.lines]
