"""One export in every kind of file: what the tests of all file sources write, and what they expect to read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from netdoctor.migration import unpack

Things = Sequence[dict[str, Any]]


def json_array(path: Path, things: Things) -> Path:
    path.write_bytes(json.dumps(list(things)).encode())
    return path


def json_lines(path: Path, things: Things) -> Path:
    path.write_bytes(lines(things))
    return path


def lines(things: Things) -> bytes:
    return "".join(json.dumps(thing) + "\n" for thing in things).encode()


def packed_lines(path: Path, things: Things) -> Path:
    path.write_bytes(gzip.compress(lines(things)))
    return path


def zstd_lines(path: Path, things: Things) -> Path:
    module = unpack._zstd_module()
    if module is None:
        pytest.skip("there is no Zstandard here")
    path.write_bytes(module.compress(lines(things)))
    return path


def packed_array(path: Path, things: Things) -> Path:
    path.write_bytes(gzip.compress(json.dumps(list(things)).encode()))
    return path


def parquet(path: Path, things: Things) -> Path:
    """Metadata as JSON text; a few row groups."""
    arrow = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {
            "id": arrow.array([thing.get("id") for thing in things], arrow.string()),
            "values": arrow.array([thing.get("values") for thing in things], arrow.list_(arrow.float64())),
            "metadata": arrow.array(
                [json.dumps(thing["metadata"]) if "metadata" in thing else None for thing in things], arrow.string()
            ),
            "namespace": arrow.array([thing.get("namespace") for thing in things], arrow.string()),
        }
    )
    writer.write_table(table, path, row_group_size=7)
    return path


def folder(path: Path, things: Things) -> Path:
    """A third of the records in each of three files of different kinds."""
    (path / "sub").mkdir(parents=True, exist_ok=True)
    third = -(-len(things) // 3)
    json_lines(path / "b.jsonl", things[third : 2 * third])
    packed_lines(path / "sub" / "c.jsonl.gz", things[2 * third :])
    json_array(path / "a.json", things[:third])
    (path / "_SUCCESS").write_text("")
    (path / ".hidden").write_text("x")
    return path


Write = Callable[[Path, Things], Path]
KINDS: dict[str, tuple[str, Write]] = {
    "export-json": ("e.json", json_array),
    "export-json packed": ("e.json.gz", packed_array),
    "json-lines": ("e.jsonl", json_lines),
    "json-lines gzip": ("e.jsonl.gz", packed_lines),
    "json-lines zstd": ("e.ndjson.zst", zstd_lines),
    "parquet": ("e.parquet", parquet),
    "folder": ("exports", folder),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def write(kind: str, folder_of_test: Path, things: Things) -> Path:
    name, how = KINDS[kind]
    return how(folder_of_test / name, things)
