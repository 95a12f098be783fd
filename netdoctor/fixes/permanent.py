"""What makes a membership last, as data: a file to edit, a platform to tell, text to paste, or nothing to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netdoctor.compose_edit import Edit
from netdoctor.fixes.diffs import shown_diff
from netdoctor.fixes.files import FoundFile
from netdoctor.model import Membership


@dataclass(frozen=True, slots=True)
class Patch:
    """One file that will be edited, or made."""

    container: str
    membership: Membership
    file: FoundFile | None
    """None: there is no such file yet."""
    edit: Edit
    others: tuple[bytes, ...] = ()
    """The project's other compose files."""
    project: str | None = None
    environment: Mapping[str, str] | None = None
    target: Path | None = None
    """Where the new file goes; None where there is one."""
    like: FoundFile | None = None
    """The compose file beside the new one, whose mode and owner it takes over."""
    folder: Path | None = None
    """For an override file: where Compose has to find it by itself. None: it is named on the command line."""
    named: str = ""
    """The command line that reads this override file, where Compose does not read it by itself."""

    @property
    def where(self) -> Path:
        if self.file is not None:
            return self.file.path
        assert self.target is not None
        return self.target

    @property
    def path(self) -> str:
        return str(self.where)

    @property
    def created(self) -> bool:
        """Whether this edit makes the file (a later one may add to it)."""
        return self.file is None and not self.edit.original

    @property
    def diff(self) -> str:
        """As ``git apply`` takes it, with the path below the root."""
        return shown_diff(self.edit.original, self.edit.result, self.where, created=self.created)


@dataclass(frozen=True, slots=True)
class Paste:
    """What the user has to do by hand, and why netdoctor does not."""

    container: str
    membership: Membership
    platform: str
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class Declared:
    """The file says it already."""

    container: str
    path: str


@dataclass(frozen=True, slots=True)
class Permanent:
    """How the memberships of a fix are made permanent."""

    patches: tuple[Patch, ...] = ()
    pastes: tuple[Paste, ...] = ()
    declared: tuple[Declared, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to the user."""
        return not self.pastes
