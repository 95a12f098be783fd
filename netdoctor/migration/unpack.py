"""Reads gzip and Zstandard on the way, in bounded memory, and says where a damaged file stops being readable."""

from __future__ import annotations

import importlib
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from netdoctor.errors import UsageError
from netdoctor.migration.framing import BrokenFrame

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 18
_HEAD = 4096
Readable = BinaryIO | io.RawIOBase


class _Coder(Protocol):
    """What ``bz2``, ``lzma`` and ``zstd`` of the standard library have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """The same for gzip, of which the standard library has only the parts."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        found = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # At the limit there may be more inside, though nothing is left to be given to it.
        self.needs_input = not self._inner.unconsumed_tail and len(found) < max_length
        return found


def packing(head: bytes) -> str:
    """``gzip``, ``zstd`` or "" by a file's first bytes."""
    return "gzip" if head.startswith(_GZIP) else "zstd" if head.startswith(_ZSTD) else ""


def unpacked(stream: Readable, how: str) -> Readable:
    """``stream``, which stands at its beginning, without its packing; ``how`` as :func:`packing` says.

    Reading raises BrokenFrame, at the offset in the unpacked text, where the packing is damaged or breaks off, after
    everything before it has been read. Raises UsageError when Zstandard cannot be read here.
    """
    return _Unpacked(stream, how) if how else stream


def head_of(path: Path) -> bytes:
    """The first 4 KiB of the text in the file, packed or not; as they are when they cannot be unpacked."""
    with path.open("rb") as file:
        raw = file.read(_HEAD)
        how = packing(raw)
        if not how:
            return raw
        file.seek(0)
        found = b""
        try:
            stream = unpacked(file, how)
            while len(found) < _HEAD and (more := stream.read(_HEAD - len(found))):
                found += more
        except (BrokenFrame, UsageError):
            return found or raw
        return found


class _Unpacked(io.RawIOBase):
    def __init__(self, stream: Readable, how: str) -> None:
        self._stream = stream
        self._how = how
        self._make: Callable[[], _Coder] = _Gzip if how == "gzip" else _zstd()
        self._coder = self._make()
        self._damage: tuple[type[Exception], ...] = (zlib.error, OSError, EOFError, ValueError, *_errors(how))
        self._begun = False
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        limit = size if size > 0 else _CHUNK
        while True:
            data = b""
            if self._coder.eof:
                # Packed files may be put one behind the other, and end in zeros (tapes, disks).
                data = self._coder.unused_data.lstrip(b"\0") or self._more().lstrip(b"\0")
                while not data and (more := self._more()):
                    data = more.lstrip(b"\0")
                if not data:
                    return b""
                self._coder, self._begun = self._make(), False
            elif self._coder.needs_input:
                data = self._more()
                if not data:
                    if self._begun:
                        raise BrokenFrame(self._given, f"the {self._how} file ends early: it is truncated")
                    return b""
            found = self._unpack(data, limit)
            if found:
                self._given += len(found)
                return found

    def _unpack(self, data: bytes, limit: int) -> bytes:
        self._begun = self._begun or bool(data)
        try:
            return self._coder.decompress(data, limit)
        except self._damage as error:
            raise BrokenFrame(self._given, f"the {self._how} data is damaged ({error})") from error

    def _more(self) -> bytes:
        return self._stream.read(_CHUNK) or b""


def _zstd_module() -> Any:
    for name in ("compression.zstd", "backports.zstd"):  # the first from Python 3.14 on
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _zstd() -> Any:
    module = _zstd_module()
    if module is None:
        raise UsageError(
            "The file is packed with Zstandard, which cannot be read here.",
            hint="pip install 'docker-netdoctor[zstd]', or unpack it first: zstd -d FILE",
        )
    return module.ZstdDecompressor


def _errors(how: str) -> tuple[type[Exception], ...]:
    return (_zstd_module().ZstdError,) if how == "zstd" else ()
