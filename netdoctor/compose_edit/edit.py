"""What planning an edit gives: the new bytes, the exact insertions, what to tell the user, the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import splice
from .splice import Insertion


@dataclass(frozen=True, slots=True)
class Edit:
    """A planned edit of one file. Nothing has been written anywhere."""

    original: bytes
    result: bytes
    insertions: tuple[Insertion, ...]
    """Sorted by offset; empty when there was nothing to do."""
    service: str
    """The service that was patched: not the one asked for when that one shares another service's network."""
    key: str
    """The key under which the file's services list the network."""
    added_lines_only: bool
    """True when a line diff shows added lines only."""
    notices: tuple[str, ...] = ()
    """Sentences for the user: what the edit changes besides adding lines, and what happens at the next start."""

    @property
    def changed(self) -> bool:
        """False when the file already said what was wanted."""
        return bool(self.insertions)

    def undo(self, result: bytes) -> bytes:
        """The file without the inserted text, byte for byte. Raises EditRefused when it has changed since."""
        return splice.undo(result, self.insertions)


def leave_network(edited: bytes, insertions: Sequence[Insertion]) -> bytes:
    """The exact inverse of a join, from a journal's record of its insertions.

    Raises EditRefused when the inserted text is no longer where it was put.
    """
    return splice.undo(edited, insertions)
