"""What a source of vectors must be able to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from netdoctor.errors import UsageError
from netdoctor.migration.records import BadRecord, Record
from netdoctor.registry import Registry


class Source(Protocol):
    """An opened source: can be read from the start as often as needed."""

    @property
    def label(self) -> str:
        """What people call it: the file's name."""

    @property
    def size(self) -> int:
        """Bytes; 0 where that means nothing."""

    def stamp(self) -> str:
        """Changes when the source may have changed; cheap (size and time of a file)."""

    def records(self) -> Iterator[Record | BadRecord]:
        """Every record in its order, in bounded memory. A fatal BadRecord is the last thing yielded."""

    def digest(self) -> str:
        """Of the content as last read to its end by :meth:`records`."""


class SourceKind(Protocol):
    """One kind of source, registered by name."""

    name: str

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether this kind can read the file; ``head`` are its first bytes."""

    def open(self, path: Path) -> Source:
        """Raises a NetdoctorError when the file cannot be read."""


SOURCES: Registry[SourceKind] = Registry("netdoctor.migration.sources")

DEFAULT = "export-json"
"""Opens what no kind recognises, and says what is wrong with it."""


def open_source(path: Path) -> Source:
    """The source in that file, by its kind. Raises UsageError when it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise UsageError(
            f"The export {path} cannot be read: {error.strerror or error}.", hint="name the export file first"
        ) from error
    for kind in SOURCES:
        if kind.recognises(path, head):
            return kind.open(path)
    return SOURCES.get(DEFAULT).open(path)
