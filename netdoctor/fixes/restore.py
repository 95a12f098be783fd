"""Taking back what was written down elsewhere than on the engine: a compose file, an override file, a platform.

Byte for byte where nothing has changed since; else it is left alone, and the way back is given to the user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netdoctor.compose_edit import EditRefused, leave_network
from netdoctor.errors import FixFailed, NetdoctorError
from netdoctor.fixes.diffs import shown_diff
from netdoctor.fixes.files import read_file, remove_file, replace_file, sweep
from netdoctor.fixes.journal import FileChange, Journal, PanelChange, StepState, digest
from netdoctor.terminal import plain

TakeBack = Callable[[PanelChange], str]
"""Tell a platform what it had before; gives what happens next, or nothing. Raises FixFailed or another of ours."""


@dataclass(slots=True)
class Restored:
    """``by_hand``: diffs to apply. ``problems``: what did not work."""

    restored: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def restore_files(files: Sequence[tuple[int, FileChange]], journal: Journal, transaction: str) -> Restored:
    """Each file as it was, the last change first."""
    found = Restored()
    for number, change in reversed(files):
        try:
            _restore_file(number, change, journal, transaction, found)
        except EditRefused as refused:
            found.problems.append(f"{change.path}: {refused.reason}")
        except FixFailed as failed:
            found.problems.append(failed.message)
    return found


def restore_panels(
    panels: Sequence[tuple[int, PanelChange]], journal: Journal, transaction: str, take_back: TakeBack | None
) -> Restored:
    """What a platform had before, the last change first."""
    found = Restored()
    for number, change in reversed(panels):
        if take_back is None:
            found.problems.append(
                f"{plain(change.title)} was changed over the platform's API, which cannot be asked here"
            )
            continue
        try:
            note = take_back(change)
        except NetdoctorError as failed:
            found.problems.append(f"{failed.message} {failed.hint}".strip())
            continue
        journal.mark_panel(transaction, number, StepState.REVERTED)
        found.restored.append(change.title)
        found.notes += [note] if note else []
    return found


def _restore_file(number: int, change: FileChange, journal: Journal, transaction: str, found: Restored) -> None:
    path = Path(change.path)
    sweep(path)
    if change.created and not path.exists():
        journal.mark_file(transaction, number, StepState.REVERTED)
        return
    file = read_file(path)
    if file.data == change.original and not change.created:
        journal.mark_file(transaction, number, StepState.REVERTED)
        return
    if digest(file.data) != change.result_digest:
        found.by_hand.append(_reverse_diff(change, file.data))
        return
    text = leave_network(file.data, change.insertions)
    if text != change.original:
        found.by_hand.append(_reverse_diff(change, file.data))
        return
    if change.created:
        remove_file(file)
    else:
        replace_file(file, text)
    journal.mark_file(transaction, number, StepState.REVERTED)
    found.restored.append(change.path)


def _reverse_diff(change: FileChange, now: bytes) -> str:
    """What takes the inserted text out again, as a diff of the file as it was written."""
    try:
        written = change.original
        for insertion in reversed(change.insertions):
            written = written[: insertion.offset] + insertion.text + written[insertion.offset :]
    except (TypeError, ValueError):
        written = now
    return shown_diff(written, change.original, Path(change.path))
