"""Points out of the generated gRPC messages, where no quicker way knows their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netdoctor.migration.records import Sparse, sparse_of

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector


def identity_of(found: Any) -> str:
    return found.uuid or str(found.num)


def vectors_of(point: Any) -> tuple[Vector, dict[str, Sparse | None]]:
    """The dense vector of a retrieved point (shape ``(0,)`` without), and its named ones; None: not sparse."""
    import numpy as np

    named = dict(point.vectors.vectors.vectors.items())
    dense = named.pop("", None) or point.vectors.vector
    # The typed form, or the older flat one.
    numbers = dense.dense.data if dense.HasField("dense") else dense.data
    vector = np.fromiter(numbers, dtype=np.float32, count=len(numbers))
    return vector, {name: _sparse_of(one) for name, one in named.items()}


def _sparse_of(output: Any) -> Sparse | None:
    if output.HasField("sparse"):
        pairs: tuple[Any, Any] = (output.sparse.indices, output.sparse.values)
    elif output.HasField("indices"):
        pairs = (output.indices.data, output.data)
    else:
        return None
    try:
        return sparse_of(list(pairs[0]), list(pairs[1]))
    except ValueError:
        return None


def plain(value: Any) -> Any:
    """A protobuf ``Value`` as Python data."""
    kind = value.WhichOneof("kind")
    if kind in (None, "null_value"):
        return None
    if kind == "struct_value":
        return {key: plain(item) for key, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [plain(item) for item in value.list_value.values]
    return getattr(value, kind)
