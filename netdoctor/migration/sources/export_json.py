"""The export as one JSON array of ``{id, values, metadata, namespace}``, of any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netdoctor.migration.framing import ArrayFramer
from netdoctor.migration.json_records import read_framed
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources._file import Readable, TextFile
from netdoctor.migration.sources.interface import SOURCES, Access, Source


class ExportJson(TextFile):
    """One export file. Thread-compatible: one reader at a time."""

    def read(self, stream: Readable, number: int, start: int) -> Iterator[Record | BadRecord]:
        return read_records(stream, number=number, start=start)


def read_records(stream: Readable, *, number: int = 0, start: int = 0) -> Iterator[Record | BadRecord]:
    """Records of the JSON array in ``stream``; a fatal BadRecord comes last when the array breaks off.

    ``start``: the stream stands at this offset of the file, at a record that has ``number`` of them before it.
    """
    return read_framed(ArrayFramer(stream, start=start), number)  # type: ignore[arg-type]  # only read() is used


class _Kind:
    name = "export-json"
    options: frozenset[str] = frozenset()

    def recognises(self, given: str, head: bytes | None) -> bool:
        return head is not None and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")

    def open(self, given: str, access: Access) -> Source:
        return ExportJson(Path(given))


SOURCES.add("export-json", _Kind(), home=__name__)
