"""Packed files are read to the byte where they break, in bounded memory."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netdoctor.errors import UsageError
from netdoctor.migration import unpack
from netdoctor.migration.framing import BrokenFrame
from netdoctor.migration.unpack import head_of, packing, unpacked

TEXT = b"".join(b'{"id": "%d", "values": [%d.5]}\n' % (n, n) for n in range(5000))


def zstd(data: bytes) -> bytes:
    module = unpack._zstd_module()
    if module is None:
        pytest.skip("there is no Zstandard here")
    return bytes(module.compress(data))


PACKERS = pytest.mark.parametrize(("how", "pack"), [("gzip", gzip.compress), ("zstd", zstd)])
Pack = Callable[[bytes], bytes]


def read(data: bytes, how: str, size: int = 1000) -> tuple[bytes, BrokenFrame | None]:
    stream = unpacked(io.BytesIO(data), how)
    found = b""
    try:
        while more := stream.read(size):
            assert len(more) <= size
            found += more
    except BrokenFrame as broken:
        return found, broken
    return found, None


@PACKERS
def test_what_was_packed_comes_back(how: str, pack: Pack) -> None:
    data = pack(TEXT)
    assert packing(data[:4]) == how
    for size in (1, 1000, 1 << 20):
        assert read(data if size > 1 else pack(TEXT[:100]), how, size) == (TEXT if size > 1 else TEXT[:100], None)
    assert read(pack(b""), how) == (b"", None)


@PACKERS
def test_packed_files_put_together_are_one_and_zeros_at_the_end_are_nothing(how: str, pack: Pack) -> None:
    assert read(pack(TEXT[:100]) + pack(TEXT[100:]), how) == (TEXT, None)
    if how == "gzip":
        assert read(pack(TEXT) + bytes(1000), how) == (TEXT, None)


@PACKERS
def test_a_truncated_one_gives_what_it_holds_and_says_so(how: str, pack: Pack) -> None:
    data = pack(os.urandom(1000) + TEXT + os.urandom(500_000))
    for cut in (5, len(data) // 2, len(data) - 1):
        found, broken = read(data[:cut], how)
        assert broken is not None
        assert broken.offset == len(found)
        assert "it is truncated" in broken.reason


@PACKERS
def test_damage_is_told_with_its_offset(how: str, pack: Pack) -> None:
    data = bytearray(pack(TEXT))
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    found, broken = read(bytes(data), how)
    assert broken is not None
    assert TEXT.startswith(found[:10])
    assert how in broken.reason
    found, broken = read(pack(TEXT) + b"something else", how)
    assert found == TEXT
    assert broken is not None


@PACKERS
def test_a_bomb_is_read_in_pieces(how: str, pack: Pack) -> None:
    stream = unpacked(io.BytesIO(pack(bytes(32 << 20))), how)
    total = 0
    while more := stream.read(1 << 16):
        assert len(more) <= 1 << 16
        total += len(more)
    assert total == 32 << 20


@PACKERS
def test_the_head_is_that_of_the_text(tmp_path: Path, how: str, pack: Pack) -> None:
    path = tmp_path / "e"
    path.write_bytes(pack(TEXT))
    assert head_of(path) == TEXT[:4096]
    path.write_bytes(pack(TEXT)[:30])
    assert head_of(path)
    path.write_bytes(TEXT)
    assert head_of(path) == TEXT[:4096]


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unpack, "_zstd_module", lambda: None)
    with pytest.raises(UsageError, match="Zstandard") as refused:
        unpacked(io.BytesIO(b""), "zstd")
    assert "docker-netdoctor[zstd]" in refused.value.hint
    path = tmp_path / "e"
    path.write_bytes(b"\x28\xb5\x2f\xfd....")
    assert head_of(path) == b"\x28\xb5\x2f\xfd...."
