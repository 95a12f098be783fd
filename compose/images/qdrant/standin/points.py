"""Points, selectors and results between JSON (Qdrant's REST form) and the engine's classes."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import qdrant_edge as edge

from .errors import BadInput, Invalid

Json = dict[str, Any]

UPDATE_MODES = {
    None: None,
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


def to_points(body: Json, sizes: dict[str, int]) -> list[edge.Point]:
    """The points of an upsert body, in its list form or its batch form.

    Dimensions are compared here, before the engine sees anything: one wrong vector refuses the
    whole request and writes nothing.
    """
    if "batch" in body:
        return _from_batch(body["batch"], sizes)
    if "points" not in body:
        raise BadInput(
            "Format error in JSON body: data did not match any variant of untagged enum PointInsertOperations"
        )
    size = sizes.get("", -1)
    points = []
    for item in body["points"]:
        vector = item["vector"]
        # The common case (one unnamed dense vector) stays on a path without further calls.
        if type(vector) is not list or len(vector) != size:
            vector = to_vector(vector, sizes)
        points.append(_point(item["id"], vector, item.get("payload")))
    return points


def _from_batch(batch: Json, sizes: dict[str, int]) -> list[edge.Point]:
    ids = batch["ids"]
    columns = batch["vectors"]
    if isinstance(columns, dict):
        names = list(columns)
        vectors: list[Any] = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    else:
        vectors = columns
    payloads = batch.get("payloads") or repeat(None, len(ids))
    try:
        rows = list(zip(ids, vectors, payloads, strict=True))
    except ValueError as error:
        raise BadInput("Wrong input: Batch ids, vectors and payloads must have the same length") from error
    return [_point(point_id, to_vector(vector, sizes), payload) for point_id, vector, payload in rows]


def to_point(point_id: Any, vector: Any, payload: Json | None, sizes: dict[str, int]) -> edge.Point:
    """One checked point from parts that are already Python objects."""
    return _point(point_id, to_vector(vector, sizes), payload)


def _point(point_id: Any, vector: Any, payload: Json | None) -> edge.Point:
    try:
        return edge.Point(point_id, vector, payload)
    except (ValueError, TypeError) as error:
        to_ids([point_id])
        raise BadInput(f"Format error in JSON body: {str(error).splitlines()[0]}") from error


def to_vector(vector: Any, sizes: dict[str, int]) -> Any:
    """A dense list, a list of lists (multivector), or a dictionary of named ones; dimensions checked."""
    if isinstance(vector, dict):
        if "indices" in vector and "values" in vector:
            return sparse(vector)
        return {name: _named(name, part, sizes) for name, part in vector.items()}
    if vector and isinstance(vector[0], list):
        return vector
    return _named("", vector, sizes)


def _named(name: str, vector: Any, sizes: dict[str, int]) -> Any:
    if isinstance(vector, dict):
        return sparse(vector)
    if name in sizes and len(vector) != sizes[name]:
        raise BadInput(f"Wrong input: Vector dimension error: expected dim: {sizes[name]}, got {len(vector)}")
    return vector


def sparse(vector: Json) -> edge.SparseVector:
    """The engine takes any pairs; the server does not."""
    indices, values = vector["indices"], vector["values"]
    if len(indices) != len(values):
        raise Invalid("Validation error in JSON body: [vector.values: must be the same length as indices]")
    if len(set(indices)) != len(indices):
        raise Invalid("Validation error in JSON body: [vector.indices: must be unique]")
    return edge.SparseVector(indices, values)


def to_ids(ids: list[Any]) -> list[Any]:
    """The same ids, once each is known to be a u64 or a UUID."""
    for point_id in ids:
        try:
            edge.HasIdCondition({point_id})
        except (ValueError, TypeError) as error:
            raise BadInput(
                f"Format error in JSON body: value {point_id} is not a valid point ID, "
                "valid values are either an unsigned integer or a UUID"
            ) from error
    return ids


def to_payload_selector(wanted: Any, default: bool) -> Any:
    """`with_payload`: a switch, a list of fields, or include/exclude."""
    if wanted is None:
        return default
    if isinstance(wanted, dict):
        if "include" in wanted:
            return edge.PayloadSelector.Include(wanted["include"])
        return edge.PayloadSelector.Exclude(wanted["exclude"])
    return wanted


def vector_json(vector: Any) -> Any:
    """A stored vector as REST shows it."""
    if isinstance(vector, dict):
        return {name: vector_json(part) for name, part in vector.items()}
    if isinstance(vector, edge.SparseVector):
        return {"indices": list(vector.indices), "values": list(vector.values)}
    return vector


def id_json(point_id: Any) -> int | str:
    return point_id if isinstance(point_id, int) else str(point_id)


def record_json(record: edge.Record) -> Json:
    found: Json = {"id": id_json(record.id), "payload": record.payload}
    vector = record.vector  # the storage engine makes a list of it every time
    if vector is not None:
        found["vector"] = vector_json(vector)
    if record.order_value is not None:
        found["order_value"] = record.order_value
    return found


def scored_json(point: edge.ScoredPoint) -> Json:
    found: Json = {"id": id_json(point.id), "version": point.version, "score": point.score}
    if point.payload is not None:
        found["payload"] = point.payload
    vector = point.vector
    if vector is not None:
        found["vector"] = vector_json(vector)
    if point.order_value is not None:
        found["order_value"] = point.order_value
    return found
