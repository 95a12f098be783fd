"""Parquet: one record a row, in the column layouts of the field (:mod:`netdoctor.migration.columns`).

Read row group by row group, a few megabytes at a time, so that memory does not depend on how the file was cut.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from netdoctor.errors import UsageError
from netdoctor.migration.columns import NAMES, Columns, choose_columns, records_of
from netdoctor.migration.records import NOWHERE, BadRecord, MalformedExport, Record
from netdoctor.migration.sources._file import stamp_of
from netdoctor.migration.sources.interface import SOURCES, Access, Cursor, Source

MAGIC = b"PAR1"
_STEP = 4 << 20
"""Bytes, unpacked, that are read in one step."""


class Parquet:
    """One file. Thread-compatible: one reader at a time."""

    def __init__(self, path: Path, options: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._digest = self._digested = ""
        self._arrow = _pyarrow()
        try:
            if not path.stat().st_size:
                raise MalformedExport(f"{path.name} is empty, and no Parquet. Nothing was written.")
            with self._open() as file:
                about = file.metadata
                groups = [about.row_group(index) for index in range(about.num_row_groups)]
                self._rows = [group.num_rows for group in groups]
                weight = sum(group.total_byte_size for group in groups)
                ends = max((_end(group) for group in groups), default=len(MAGIC))
                self._columns = choose_columns(file.schema_arrow, options or {}, path.name)
        except (self._arrow.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.strerror:  # the disk's; Arrow's own has none
                raise UsageError(f"The export {path} cannot be read: {error.strerror}.") from error
            raise MalformedExport(
                f"{path.name} is truncated, or no Parquet: {_words(error)}. Nothing was written."
            ) from error
        _refuse_two_in_one(path, ends)
        self._step = max(1, min(65_536, _STEP // max(1, weight // max(1, sum(self._rows)))))

    @property
    def label(self) -> str:
        return self._path.name

    @property
    def size(self) -> int:
        return 0

    @property
    def live(self) -> bool:
        return False

    @property
    def columns(self) -> Columns:
        return self._columns

    def stamp(self) -> str:
        return stamp_of(self._path)

    def digest(self) -> str:
        return self._digest

    def cursor(self, record: Record) -> Cursor:
        return record.number

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        first = 0
        if start is not None:
            if not isinstance(start, int) or isinstance(start, bool) or start < 1:
                raise MalformedExport("The plan's places are of another kind of source.", hint="make the plan again")
            first = start - 1
        stamp = self.stamp()
        number = 0
        try:
            with self._open() as file:
                for group, rows in enumerate(self._rows):
                    if number + rows <= first:
                        number += rows
                        continue
                    for batch in file.iter_batches(
                        self._step, row_groups=[group], columns=self._columns.used, use_threads=False
                    ):
                        before = min(batch.num_rows, max(0, first - number))
                        if before < batch.num_rows:
                            yield from records_of(batch.slice(before), self._columns, number + before)
                        number += batch.num_rows
        except (self._arrow.ArrowException, OSError) as error:
            yield BadRecord(number + 1, NOWHERE, f"the file cannot be read from here on ({_words(error)})", fatal=True)
            return
        if start is None and self._digested != stamp:
            self.fingerprint()

    @property
    def reading(self) -> str:
        return repr(self._columns)

    def fingerprint(self) -> None:
        """Its own pass: Parquet is not read from front to back."""
        stamp = self.stamp()
        with contextlib.suppress(OSError), self._path.open("rb") as raw:
            self._digest = hashlib.file_digest(raw, "sha256").hexdigest()[:32]
            self._digested = stamp

    def _open(self) -> Any:
        parquet: Any = importlib.import_module("pyarrow.parquet")
        # Buffered, not read ahead: a row group may be as large as the file.
        return parquet.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True)


def _pyarrow() -> Any:
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise UsageError(
            "Parquet cannot be read here: pyarrow is not installed.", hint="pip install 'docker-netdoctor[parquet]'"
        ) from error


def _end(group: Any) -> int:
    """Where the group's data ends in the file."""
    ends = []
    for index in range(group.num_columns):
        column = group.column(index)
        start = column.data_page_offset
        if column.has_dictionary_page and column.dictionary_page_offset:
            start = min(start, column.dictionary_page_offset)
        ends.append(start + column.total_compressed_size)
    return max(ends, default=0)


def _refuse_two_in_one(path: Path, ends: int) -> None:
    """Two files put together can be opened, and give the first one's data for the second one's.

    Places in a Parquet file count from its start. Where something lies between the data and the index that is at the
    end, it is looked for the seam; raises MalformedExport.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(size - 8)
        index = int.from_bytes(file.read(4), "little") + 8
        if size - index <= ends:
            return
        file.seek(0)
        tail = b""
        while data := file.read(1 << 20):
            if MAGIC + MAGIC in tail + data:
                raise MalformedExport(
                    f"{path.name} is several Parquet files put together, which cannot be read. Nothing was written.",
                    hint="put the files into a folder, and migrate the folder",
                )
            tail = data[-len(MAGIC) * 2 :]


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


class _Kind:
    name = "parquet"
    options: frozenset[str] = frozenset(NAMES)

    def recognises(self, given: str, head: bytes | None) -> bool:
        return head is not None and (head.startswith(MAGIC) or given.lower().endswith((".parquet", ".pq")))

    def open(self, given: str, access: Access) -> Source:
        return Parquet(Path(given), access.options)


SOURCES.add("parquet", _Kind(), home=__name__)
