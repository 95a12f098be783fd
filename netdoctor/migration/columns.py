"""Rows of an Arrow table become records: which columns mean what, and what is wrong with a row.

The layouts in use: ``id``; ``values``, ``vector`` or ``embedding`` as a list of numbers; ``metadata`` or ``payload`` as
a struct, a map or JSON text, else every other column is a field of the metadata; ``namespace``; ``sparse_values`` as a
struct ``{indices, values}``, or ``sparse_indices`` and ``sparse_values`` as two lists.
"""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from netdoctor.migration.json_records import Wrong, load_object, refuse_surrogates, too_deep
from netdoctor.migration.points import default_namespace
from netdoctor.migration.records import NOWHERE, BadRecord, MalformedExport, Record, Sparse, sparse_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdoctor.migration.records import Vector

NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "_id"),
    "vector": ("values", "vector", "embedding"),
    "metadata": ("metadata", "payload"),
    "namespace": ("namespace",),
    "sparse": ("sparse_values", "sparse_vector"),
    "sparse_indices": ("sparse_indices",),
}
"""What a record has, and what its column may be called; each can be named by an option instead."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns' names; None: there is none. ``fields`` are the metadata's where it has no column of its own."""

    id: str
    vector: str | None
    metadata: str | None
    namespace: str | None
    sparse: str | None
    sparse_indices: str | None
    fields: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def used(self) -> list[str]:
        own = (self.id, self.vector, self.metadata, self.namespace, self.sparse, self.sparse_indices)
        return [*(name for name in own if name is not None), *self.fields]


def choose_columns(schema: Any, options: Mapping[str, str], label: str) -> Columns:
    """By name, ``options`` first. Raises MalformedExport when ids or vectors have no column."""
    there = list(schema.names)
    found: dict[str, str | None] = {}
    for what, usual in NAMES.items():
        asked = options.get(what)
        if asked is not None and asked not in there:
            raise MalformedExport(f"{label} has no column {asked!r}.", hint=f"its columns: {_listed(there)}")
        found[what] = asked or next((name for name in usual if name in there), None)
    for what in ("id", "vector"):
        if found[what] is None and (what == "id" or found["sparse"] is None):
            raise MalformedExport(
                f"{label} has no column for the {what} ({', '.join(NAMES[what])}).",
                hint=f"name it with --source-option {what}=COLUMN; its columns: {_listed(there)}",
            )
    twice = [name for name in there if there.count(name) > 1 and name in found.values()]
    if twice:
        raise MalformedExport(f"{label} has two columns called {twice[0]!r}.", hint="rename one of them")
    rest = tuple(dict.fromkeys(name for name in there if name not in found.values()))
    if found["vector"] is not None:
        _refuse_no_numbers(schema.field(found["vector"]).type, found["vector"], label)
    assert found["id"] is not None
    return Columns(
        found["id"],
        found["vector"],
        found["metadata"],
        found["namespace"],
        found["sparse"],
        found["sparse_indices"],
        fields=() if found["metadata"] else rest,
        left_out=rest if found["metadata"] else (),
    )


def _refuse_no_numbers(kind: Any, name: str, label: str) -> None:
    inner = getattr(kind, "value_type", None) if _is_list(kind) else None
    if inner is None or not str(inner).startswith(("float", "double", "halffloat", "int", "uint")):
        raise MalformedExport(
            f"Column {name!r} of {label} holds {kind}, not lists of numbers.",
            hint="name the vectors' column with --source-option vector=COLUMN",
        )


def _is_list(kind: Any) -> bool:
    return str(kind).startswith(("list<", "large_list<", "fixed_size_list<"))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown


def records_of(batch: Any, columns: Columns, number: int) -> Iterator[Record | BadRecord]:
    """The rows of an Arrow ``RecordBatch``, counted on from ``number``."""
    rows = batch.num_rows
    ids = _items(batch.column(columns.id))
    namespaces = _items(batch.column(columns.namespace)) if columns.namespace else [None] * rows
    vectors = _Vectors(batch.column(columns.vector)) if columns.vector else None
    metadata = _metadata(batch, columns, rows)
    sparse = _sparse(batch, columns, rows)
    for row in range(rows):
        number += 1
        try:
            values = vectors.row(row, required=sparse[row] is None) if vectors else _nothing()
            size = values.nbytes
            about = _payload(metadata[row])
            size += len(str(metadata[row])) if metadata[row] else 0
            one = sparse[row]
            yield Record(
                number,
                NOWHERE,
                size,
                _identity(ids[row]),
                values,
                about,
                _namespace(namespaces[row]),
                columns.left_out,
                _pairs(one) if one is not None else None,
            )
        except Wrong as wrong:
            yield BadRecord(number, NOWHERE, wrong.reason)


class _NotText:
    """What was found instead of a value: text that is not UTF-8, which some writers let pass."""


def _items(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return [_item(scalar) for scalar in column]


def _item(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _NotText()


class _Vectors:
    """A column of lists of numbers, cast to float32 in one step."""

    def __init__(self, column: Any) -> None:
        import numpy as np

        rows = len(column)
        self._null: NDArray[np.bool_] = np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
        if str(column.type).startswith("fixed_size_list"):
            width = column.type.list_size
            self._ends = np.arange(column.offset, column.offset + rows + 1, dtype=np.int64) * width
        else:
            self._ends = column.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        inner = column.values
        first, last = int(self._ends[0]), int(self._ends[-1])
        inner = inner.slice(first, last - first)
        self._ends = self._ends - first
        self._holes = inner.is_null().to_numpy(zero_copy_only=False) if inner.null_count else None
        wide = inner.to_numpy(zero_copy_only=False)
        self._wide = wide
        with np.errstate(over="ignore", invalid="ignore"):
            self._narrow: Vector = wide.astype(np.float32)
        # A sum is finite only when every number is; it may overflow where all are, and then each row is looked at.
        with np.errstate(over="ignore", invalid="ignore"):
            self._fine = bool(np.isfinite(self._narrow.sum(dtype=np.float64)))

    def row(self, row: int, *, required: bool) -> Vector:
        """Raises Wrong. ``required``: the record has nothing else."""
        import numpy as np

        first, last = int(self._ends[row]), int(self._ends[row + 1])
        if self._null[row] or first == last:
            if not required:
                return _nothing()
            raise Wrong("it has no values" if self._null[row] else "its values are empty")
        if self._holes is not None and self._holes[first:last].any():
            raise Wrong(f"value {int(np.flatnonzero(self._holes[first:last])[0])} is null, not a number")
        vector = self._narrow[first:last]
        if not self._fine and not np.isfinite(vector).all():
            place = int(np.flatnonzero(~np.isfinite(vector))[0])
            raise Wrong(f"value {place} ({float(self._wide[first + place])!r}) does not fit a float32")
        return vector


def _nothing() -> Vector:
    import numpy as np

    return np.empty(0, dtype=np.float32)


def _identity(value: object) -> str:
    if isinstance(value, str):
        refuse_surrogates(value, None, None)
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # exact, unlike a number in JSON
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, _NotText):
        raise Wrong("its id is not UTF-8")
    raise Wrong("it has no id" if value is None else f"its id is {type(value).__name__}, not text")


def _namespace(value: object) -> str:
    if value is None or isinstance(value, str):
        return default_namespace(value)
    if isinstance(value, _NotText):
        raise Wrong("its namespace is not UTF-8")
    raise Wrong(f"its namespace is {type(value).__name__}, not text")


def _metadata(batch: Any, columns: Columns, rows: int) -> Sequence[Any]:
    if columns.metadata is not None:
        column = batch.column(columns.metadata)
        if str(column.type).startswith("map<"):
            return [dict(pairs) if isinstance(pairs, list) else pairs for pairs in _items(column)]
        return _items(column)
    if not columns.fields:
        return [None] * rows
    each = [_items(batch.column(name)) for name in columns.fields]
    return [dict(zip(columns.fields, values, strict=True)) for values in zip(*each, strict=True)]


def _payload(value: Any) -> dict[str, Any]:
    """Raises Wrong."""
    if value is None:
        return {}
    if isinstance(value, _NotText):
        raise Wrong("its metadata is not UTF-8")
    if isinstance(value, str | bytes):
        if not value or value in ("null", b"null"):
            return {}
        try:
            raw = value.encode("utf-8") if isinstance(value, str) else value
        except UnicodeEncodeError as error:
            raise Wrong("its metadata holds a lone surrogate, which is not text") from error
        found = load_object(raw, "its metadata")
        refuse_surrogates("", None, found)
    elif isinstance(value, dict):
        found = {str(key): plain for key, item in value.items() if (plain := _plain(item, str(key))) is not None}
    else:
        raise Wrong(f"its metadata is {type(value).__name__}, not a struct, a map or JSON text")
    if too_deep(found):
        raise Wrong("its metadata is nested too deeply")
    return found


def _plain(value: Any, name: str) -> Any:
    """As JSON has it. What tables write for "missing" (null, NaN) is None. Raises Wrong."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise Wrong(f"its metadata field {name!r} is not finite")
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {key: plain for key, item in value.items() if (plain := _plain(item, name)) is not None}
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, tuple) and len(item) == 2 for item in value):  # a map
            return {str(key): plain for key, item in value if (plain := _plain(item, name)) is not None}
        return [_plain(item, name) for item in value]
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, _NotText):
        raise Wrong(f"its metadata field {name!r} is not UTF-8")
    raise Wrong(f"its metadata field {name!r} is {type(value).__name__}, which JSON does not have")


def _sparse(batch: Any, columns: Columns, rows: int) -> Sequence[tuple[Any, Any] | None]:
    """Indices and values of each row, where it has them."""
    if columns.sparse is None:
        return [None] * rows
    column = batch.column(columns.sparse)
    if str(column.type).startswith("struct<"):
        found = column.to_pylist()
        return [(one and (one.get("indices") or [], one.get("values") or [])) or None for one in found]
    if columns.sparse_indices is None:
        return [None] * rows
    indices = batch.column(columns.sparse_indices).to_pylist()
    return [(i or [], v or []) if i or v else None for i, v in zip(indices, column.to_pylist(), strict=True)]


def _pairs(one: tuple[Any, Any]) -> Sparse | None:
    try:
        return sparse_of(*one)
    except ValueError as error:
        raise Wrong(str(error)) from error
