"""How an export looks while it grows: a part beside the final name, and what its end looks like.

JSON grows as it will be, but for its last bracket. Parquet cannot: its index is at its end, so batches of rows are kept
one after another as they are in memory, and become row groups at the end.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from netdoctor.errors import MigrationFailed, UsageError
from netdoctor.migration.records import Record

_LENGTH = struct.Struct("<Q")
_GROUP = 8 << 20
"""Bytes of a Parquet row group, about."""


class Sink(Protocol):
    """One file format. ``name`` is what reports call it."""

    name: str

    def begin(self) -> bytes:
        """What comes before the first record."""

    def encode(self, records: Sequence[Record], first: bool) -> bytes:
        """What is appended for these (one or more); ``first``: there is no record before them."""

    def finish(self, part: Path, final: Path) -> None:
        """The part becomes the final file: whole, or not at all. After a crash the part is cut to its records first."""


def sink_for(path: Path) -> Sink:
    """By the name's ending. Raises UsageError."""
    ending = path.suffix.lower()
    if ending == ".json":
        return JsonSink(array=True)
    if ending in (".jsonl", ".ndjson"):
        return JsonSink(array=False)
    if ending in (".parquet", ".pq"):
        return ParquetSink()
    raise UsageError(
        f"An export is JSON, JSON Lines or Parquet, and {path.name!r} says none of them.",
        hint="name a file that ends with .json, .jsonl or .parquet",
    )


class JsonSink:
    """One array, or one record a line. Numbers are written as the exact double of each float32."""

    def __init__(self, *, array: bool) -> None:
        self.name = "json" if array else "jsonl"
        self._array = array

    def begin(self) -> bytes:
        return b"[\n" if self._array else b""

    def encode(self, records: Sequence[Record], first: bool) -> bytes:
        lines = [_json_of(record) for record in records]
        if not self._array:
            return b"\n".join(lines) + b"\n"
        return (b"" if first else b",\n") + b",\n".join(lines)

    def finish(self, part: Path, final: Path) -> None:
        if self._array:
            with part.open("ab") as file:
                file.write(b"\n]\n")
                file.flush()
                os.fsync(file.fileno())
        part.replace(final)


def _json_of(record: Record) -> bytes:
    import numpy as np

    thing: dict[str, Any] = {
        "id": record.id,
        "values": record.values.astype(np.float64),
        "metadata": record.metadata,
        "namespace": record.namespace,
    }
    if record.sparse is not None:
        thing["sparse_values"] = {
            "indices": record.sparse.indices.tolist(),
            "values": record.sparse.values.astype(np.float64),
        }
    try:
        orjson: Any = importlib.import_module("orjson")
        quick: bytes = orjson.dumps(thing, option=orjson.OPT_SERIALIZE_NUMPY)
        return quick
    except (ImportError, TypeError):  # or an integer of more than 64 bits
        text = json.dumps(
            thing, default=lambda array: array.tolist(), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        return text.encode("utf-8")


class ParquetSink:
    """Columns ``id``, ``values``, ``sparse_values``, ``metadata`` (JSON text) as Pinecone's own bulk import has them,
    and ``namespace``."""

    name = "parquet"

    def __init__(self) -> None:
        try:
            self._arrow: Any = importlib.import_module("pyarrow")
            self._parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise UsageError(
                "Parquet cannot be written here: pyarrow is not installed.",
                hint="pip install 'docker-netdoctor[parquet]', or export to .json or .jsonl",
            ) from error
        arrow = self._arrow
        sparse = arrow.struct([("indices", arrow.list_(arrow.uint32())), ("values", arrow.list_(arrow.float32()))])
        self._schema = arrow.schema(
            [
                ("id", arrow.string()),
                ("values", arrow.list_(arrow.float32())),
                ("sparse_values", sparse),
                ("metadata", arrow.string()),
                ("namespace", arrow.string()),
            ]
        )

    def begin(self) -> bytes:
        return b""

    def encode(self, records: Sequence[Record], first: bool) -> bytes:
        import numpy as np

        arrow, schema = self._arrow, self._schema
        ends = np.cumsum([0, *(len(record.values) for record in records)], dtype=np.int32)
        numbers = np.concatenate([record.values for record in records])
        sparse = [
            None
            if record.sparse is None
            else {"indices": record.sparse.indices.tolist(), "values": record.sparse.values.tolist()}
            for record in records
        ]
        columns = [
            arrow.array([record.id for record in records], arrow.string()),
            arrow.ListArray.from_arrays(arrow.array(ends), arrow.array(numbers)),
            arrow.array(sparse, schema.field("sparse_values").type),
            arrow.array(
                [json.dumps(dict(record.metadata), ensure_ascii=False, allow_nan=False) for record in records],
                arrow.string(),
            ),
            arrow.array([record.namespace for record in records], arrow.string()),
        ]
        raw: bytes = arrow.RecordBatch.from_arrays(columns, schema=schema).serialize().to_pybytes()
        return _LENGTH.pack(len(raw)) + raw

    def finish(self, part: Path, final: Path) -> None:
        scratch = final.with_name(f".{final.name}.new")
        scratch.unlink(missing_ok=True)  # of a call that was killed; a link that somebody put there is not followed
        try:
            with (
                part.open("rb") as file,
                # A dictionary of floats would be as large as they are.
                self._parquet.ParquetWriter(
                    scratch, self._schema, compression="zstd", use_dictionary=["namespace"]
                ) as writer,
            ):
                held: list[Any] = []
                size = 0
                for raw in _frames(file):
                    held.append(self._arrow.ipc.read_record_batch(self._arrow.py_buffer(raw), self._schema))
                    size += len(raw)
                    if size >= _GROUP:
                        writer.write_table(self._arrow.Table.from_batches(held, self._schema))
                        held, size = [], 0
                if held:
                    writer.write_table(self._arrow.Table.from_batches(held, self._schema))
            with scratch.open("r+b") as written:
                os.fsync(written.fileno())
            scratch.replace(final)
            part.unlink(missing_ok=True)
        finally:
            scratch.unlink(missing_ok=True)


def _frames(file: BinaryIO | io.BufferedReader) -> Iterator[bytes]:
    while head := file.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(head)
        raw = file.read(length)
        if len(raw) != length:
            raise MigrationFailed("The unfinished export is damaged.", hint="add --restart to begin again")
        yield raw
