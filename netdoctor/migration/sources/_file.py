"""What sources that are one text file have in common: packing, fingerprint, a place to go on from."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from netdoctor.errors import UsageError
from netdoctor.migration.framing import BrokenFrame
from netdoctor.migration.records import BadRecord, Record
from netdoctor.migration.sources.interface import Cursor, place_in_file
from netdoctor.migration.unpack import packing, unpacked

Readable = BinaryIO | io.RawIOBase


class TextFile:
    """One file of records; gzip and Zstandard are unpacked on the way. Offsets are those of the text inside."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = self._digested = ""
        try:
            self._bytes = path.stat().st_size
            with path.open("rb") as file:
                self._packing = packing(file.read(4))
                unpacked(file, self._packing)  # what cannot be read here is told before anything is begun
        except OSError as error:
            raise UsageError(f"The export {path} cannot be read: {error.strerror or error}.") from error

    def read(self, stream: Readable, number: int, start: int) -> Iterator[Record | BadRecord]:
        """The records of ``stream``, which stands at byte ``start``, where ``number`` of them are before it."""
        raise NotImplementedError

    @property
    def label(self) -> str:
        return self._path.name

    @property
    def size(self) -> int:
        return 0 if self._packing else self._bytes

    @property
    def live(self) -> bool:
        return False

    def stamp(self) -> str:
        return stamp_of(self._path)

    def digest(self) -> str:
        return self._digest

    @property
    def reading(self) -> str:
        return ""

    def fingerprint(self) -> None:
        stamp = self.stamp()
        with contextlib.suppress(OSError), self._path.open("rb") as raw:
            self._digest, self._digested = hashlib.file_digest(raw, "sha256").hexdigest()[:32], stamp

    def cursor(self, record: Record) -> Cursor:
        return [record.number, record.offset]

    def records(self, start: Cursor = None) -> Iterator[Record | BadRecord]:
        try:
            file = self._path.open("rb", buffering=0)
        except OSError as error:
            yield BadRecord(1, 0, f"the file cannot be opened any more ({error.strerror})", fatal=True)
            return
        with file:
            if start is not None:
                number, offset = place_in_file(start)
                yield from self._from(file, number - 1, offset)
                return
            if self._digest and self._digested == self.stamp():
                yield from self.read(unpacked(_Telling(file, 0), self._packing), 0, 0)
                return
            self._digest, self._digested = "", self.stamp()
            with contextlib.closing(_Hashing(_Telling(file, 0))) as hashing:
                yield from self.read(unpacked(hashing, self._packing), 0, 0)
                self._digest = hashing.finish()

    def _from(self, file: io.FileIO, number: int, offset: int) -> Iterator[Record | BadRecord]:
        if not self._packing:
            file.seek(offset)
            yield from self.read(_Telling(file, offset), number, offset)
            return
        stream = unpacked(_Telling(file, 0), self._packing)
        try:
            _pass_over(stream, offset)
        except BrokenFrame as broken:
            yield BadRecord(number + 1, broken.offset, broken.reason, fatal=True)
            return
        yield from self.read(stream, number, offset)


def _pass_over(stream: Readable, count: int) -> None:
    """What is packed has no places: it is unpacked and forgotten up to there."""
    while count > 0:
        data = stream.read(min(count, 1 << 20))
        if not data:
            return
        count -= len(data)


def stamp_of(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return "gone"
    return f"{state.st_size}:{state.st_mtime_ns}:{state.st_ino}"


class _Telling(io.RawIOBase):
    """Says in the words of a damaged file what the disk refuses."""

    def __init__(self, file: io.FileIO, at: int) -> None:
        self._file = file
        self._at = at

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._file.read(size) or b""
        except OSError as error:
            raise BrokenFrame(self._at, f"the file cannot be read from here on ({error.strerror})") from error
        self._at += len(data)
        return data


class _Hashing(io.RawIOBase):
    """Digests what is read on the way, one chunk behind, in a thread of its own."""

    def __init__(self, stream: Readable) -> None:
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
        # The thread is told to end, and not waited for: whoever reads and is forgotten is closed by the garbage
        # collector, at any moment. In the beginning of another thread Python has a lock that the end of one needs.
        self._thread.shutdown(wait=False)
        super().close()

    def finish(self) -> str:
        """The digest of the whole file, also when reading stopped early."""
        with contextlib.suppress(BrokenFrame):  # told already
            while self.read(1 << 20):
                pass
        self._thread.shutdown()
        return self._hash.hexdigest()[:32]
