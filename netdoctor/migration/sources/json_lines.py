"""JSON Lines: one object ``{id, values, metadata, namespace}`` on each line; of any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netdoctor.migration.json_records import read_framed
from netdoctor.migration.lines import LineFramer
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources._file import Readable, TextFile
from netdoctor.migration.sources.interface import SOURCES, Access, Source

_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")


class JsonLines(TextFile):
    """One file. Thread-compatible: one reader at a time."""

    def read(self, stream: Readable, number: int, start: int) -> Iterator[Record | BadRecord]:
        return read_framed(LineFramer(stream, start=start), number)  # type: ignore[arg-type]  # only read() is used


class _Kind:
    name = "json-lines"
    options: frozenset[str] = frozenset()

    def recognises(self, given: str, head: bytes | None) -> bool:
        """By its first character, else (an empty or damaged file) by its name."""
        if head is None:
            return False
        bare = given.lower().removesuffix(".gz").removesuffix(".zst")
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return text.startswith(b"{") or (bare.endswith(_SUFFIXES) and not text.startswith(b"["))

    def open(self, given: str, access: Access) -> Source:
        return JsonLines(Path(given))


SOURCES.add("json-lines", _Kind(), home=__name__)
