"""The export as one JSON array of ``{id, values, metadata, namespace}``, of any size."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from netdoctor.errors import UsageError
from netdoctor.migration.framing import ArrayFramer
from netdoctor.migration.json_records import read_framed
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources.interface import SOURCES, Access, Cursor, Source, place_in_file


class ExportJson:
    """One export file. Thread-compatible: one reader at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = self._digested = ""
        try:
            self._size = path.stat().st_size
            with path.open("rb"):
                pass
        except OSError as error:
            raise UsageError(f"The export {path} cannot be read: {error.strerror or error}.") from error

    @property
    def label(self) -> str:
        return self._path.name

    @property
    def size(self) -> int:
        return self._size

    @property
    def live(self) -> bool:
        return False

    def stamp(self) -> str:
        state = self._path.stat()
        return f"{state.st_size}:{state.st_mtime_ns}:{state.st_ino}"

    def digest(self) -> str:
        return self._digest

    def cursor(self, record: Record) -> Cursor:
        return [record.number, record.offset]

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        with self._path.open("rb", buffering=0) as stream:
            if start is not None:
                number, offset = place_in_file(start)
                stream.seek(offset)
                yield from read_records(stream, number=number - 1, start=offset)
                return
            if self._digest and self._digested == self.stamp():
                yield from read_records(stream)
                return
            self._digest, self._digested = "", self.stamp()
            with contextlib.closing(_Hashing(stream)) as hashing:
                yield from read_records(hashing)
                self._digest = hashing.finish()


class _Hashing(io.RawIOBase):
    """Digests what is read on the way, one chunk behind, in a thread of its own."""

    def __init__(self, stream: BinaryIO | io.FileIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()  # processors have instructions for it
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="netdoctor-digest")
        self._busy: Future[None] | None = None

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size) or b""
        if self._busy is not None:
            self._busy.result()
        self._busy = self._thread.submit(self._hash.update, data) if data else None
        return data

    def close(self) -> None:
        self._thread.shutdown()
        super().close()

    def finish(self) -> str:
        """The digest of the whole file, also when reading stopped early."""
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()[:32]


def read_records(stream: BinaryIO | io.RawIOBase, *, number: int = 0, start: int = 0) -> Iterator[Record | BadRecord]:
    """Records of the JSON array in ``stream``; a fatal BadRecord comes last when the array breaks off.

    ``start``: the stream stands at this offset of the file, at a record that has ``number`` of them before it.
    """
    return read_framed(ArrayFramer(stream, start=start), number)  # type: ignore[arg-type]  # only read() is used


class _Kind:
    name = "export-json"

    def recognises(self, given: str, head: bytes | None) -> bool:
        return head is not None and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")

    def open(self, given: str, access: Access) -> Source:
        return ExportJson(Path(given))


SOURCES.add("export-json", _Kind(), home=__name__)
