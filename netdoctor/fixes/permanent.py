"""What makes a membership last, as data: a file to edit, a platform to tell, text to paste, or nothing to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netdoctor.compose_edit import Edit
from netdoctor.fixes.diffs import shown_diff
from netdoctor.fixes.files import FoundFile
from netdoctor.model import Membership
from netdoctor.platforms.interface import Held


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
    asked_with: tuple[Path, ...] = ()
    """For an included file: the project's files, with which Compose is asked before and after writing."""
    asked_in: Path | None = None
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
class PanelPatch:
    """What a platform will be told over its API about one stack."""

    container: str
    membership: Membership
    platform: str
    """Its registered name."""
    owner: str
    """Its title."""
    address: str
    service: str
    now: Held
    wanted: Held
    by_hand: Paste
    """What is left to the user when the platform cannot be told."""
    notes: tuple[str, ...] = ()
    read: Held | None = None
    """As it was read when this was planned: without what is told before this one."""
    interrupts: bool = False
    """Telling it makes containers anew at once."""

    @property
    def where(self) -> str:
        return f"{self.now.title} in {self.owner} ({self.address})"

    @property
    def switches(self) -> tuple[str, ...]:
        """``connect_to_docker_network: false -> true``"""
        return tuple(
            f"{name}: {str(self.now.flags.get(name)).lower()} -> {str(value).lower()}"
            for name, value in self.wanted.flags.items()
            if self.now.flags.get(name) != value
        )

    @property
    def diff(self) -> str:
        """Of its compose text; empty when only a switch is turned."""
        old, new = (self.now.text or "").encode(), (self.wanted.text or "").encode()
        return shown_diff(old, new, Path("docker-compose.yml")) if old != new else ""


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
    panels: tuple[PanelPatch, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is left to the user."""
        return not self.pastes
