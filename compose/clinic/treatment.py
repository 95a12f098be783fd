"""A stack that can be fixed goes red, fix, green, undo, red again: live, and then through its compose file.

What "fixed" and "red" mean is the case's: see ``run.py``. Raises ``Failed`` with what was different.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

PERMANENCE = frozenset({"ND801", "ND802", "ND803"})
"""What is said of a live fix: it is in no file, or not in the one that the platform writes."""
PASTE = "NOT permanent: paste this"


class Failed(AssertionError):
    """A stack did not do what its case says."""


class Patient(Protocol):
    """The part of ``run.Stack`` that is used here."""

    case: Any
    folder: Path

    def fill(self, text: str) -> str: ...
    def netdoctor(self, *words: str) -> tuple[int, dict[str, Any], str]: ...
    def expect(self, code: str | None, *, when: str, ignoring: frozenset[str] = frozenset()) -> None: ...
    def networks_of(self, container: str) -> list[str]: ...
    def down_and_up(self) -> None: ...
    def from_the_start(self) -> None: ...


def live(stack: Patient) -> str:
    """Red was seen already. Returns the word for the table."""
    case = stack.case
    _fix(stack)
    for container, network in [tuple(map(stack.fill, case.joins))] if case.joins else []:
        if network not in stack.networks_of(container):
            raise Failed(f"the fix left {container} on {stack.networks_of(container)}, not on {network}")
    _green(stack, "after the live fix")
    _undo(stack)
    stack.expect(case.expect, when="after the live fix was undone")
    return "yes"


def persisted(stack: Patient) -> str:
    """Live is over, and the stack is red. Returns ``yes``, or ``by hand`` where the case says why."""
    case = stack.case
    before = dict(_files(stack.folder))
    status, said = _fix(stack, "--persist", pasted=bool(case.paste))
    if bool(case.paste) != (PASTE in said):
        raise Failed(f"{case.name}: by hand or not, the case and the fix disagree ({status}): {said}")
    if case.paste:
        if dict(_files(stack.folder)) != before:
            raise Failed(f"{case.name}: a file was written that somebody else writes: {said}")
        _undo(stack)
        stack.expect(case.expect, when="after the fix that only lives was undone")
        return "by hand"
    _green(stack, "after the persisted fix")
    stack.down_and_up()
    _green(stack, "after the persisted fix, down and up")
    _undo(stack)
    if dict(_files(stack.folder)) != before:
        raise Failed(f"{case.name}: undo did not restore the files byte for byte")
    stack.from_the_start()
    stack.expect(case.expect, when="after the persisted fix was undone, down and up")
    return "yes"


def _fix(stack: Patient, *more: str, pasted: bool = False) -> tuple[int, str]:
    case = stack.case
    words = ["--yes", *(["--disruptive"] if case.disruptive else []), *more]
    status, _, said = stack.netdoctor("fix", stack.fill(case.caller), stack.fill(case.target), *words)
    if status != (1 if case.remains or pasted else 0):
        raise Failed(f"{case.name}: fix {' '.join(more)} ended with {status}: {said}")
    return status, said


def _green(stack: Patient, when: str) -> None:
    """Green, but for the cause that is left and for what is said of permanence."""
    stack.expect(stack.case.remains, when=when, ignoring=PERMANENCE - {stack.case.remains})


def _undo(stack: Patient) -> None:
    status, _, said = stack.netdoctor("undo", "--yes")
    if status != 0 or "Nothing to undo" in said:
        raise Failed(f"{stack.case.name}: undo ended with {status}: {said}")


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
