"""What Pinecone returns for one id becomes a record, or is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdoctor.migration.records import NOWHERE, BadRecord, Record, sparse_of

if TYPE_CHECKING:
    from netdoctor.migration.records import Sparse, Vector

_KNOWN = frozenset({"id", "values", "metadata", "sparseValues", "sparse_values"})
GONE = "it is listed but not there any more, also when asked for once again"


def record_of(number: int, namespace: str, identity: str, thing: dict[str, Any], size: int) -> Record | BadRecord:
    """``size``: bytes of the reply that are this record's, about. What a record cannot be is told by its id."""
    try:
        if thing.get("id", identity) != identity:
            raise ValueError(f"the reply holds another record, {thing['id']!r}, under its id")
        metadata = thing.get("metadata")
        if metadata is None:
            metadata = {}
        elif not isinstance(metadata, dict):
            raise ValueError("its metadata is not an object")
        sparse = _sparse(thing.get("sparseValues") or thing.get("sparse_values"))
        values = _dense(thing.get("values"))
        if not len(values) and sparse is None:
            raise ValueError("it has neither values nor sparse values")
        left_out = tuple(key for key in thing if key not in _KNOWN)
        return Record(number, NOWHERE, size, identity, values, metadata, namespace, left_out, sparse)
    except ValueError as wrong:
        return bad(number, namespace, identity, str(wrong))


def bad(number: int, namespace: str, identity: str, why: str) -> BadRecord:
    """A live index has no bytes to point at: the id says which record it is."""
    where = f" in namespace {namespace!r}" if namespace else ""
    return BadRecord(number, NOWHERE, f"{identity!r}{where}: {why}")


def _dense(values: Any) -> Vector:
    import numpy as np

    if values is None:
        values = []
    if not isinstance(values, list) or set(map(type, values)) - {int, float}:
        raise ValueError("its values are not an array of numbers")
    try:
        with np.errstate(over="ignore"):
            vector = np.asarray(values, dtype=np.float64).astype(np.float32)
    except OverflowError as error:
        raise ValueError("a value does not fit a float32") from error
    if not np.isfinite(vector).all():
        raise ValueError("a value does not fit a float32")
    return vector


def _sparse(found: Any) -> Sparse | None:
    if not found:
        return None
    if not isinstance(found, dict):
        raise ValueError("its sparse values are not an object")
    return sparse_of(found.get("indices") or [], found.get("values") or [])
