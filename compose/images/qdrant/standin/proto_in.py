"""gRPC requests into the JSON form (points into engine points, for speed)."""

from __future__ import annotations

from typing import Any

import qdrant_edge as edge

from .errors import BadInput, Unsupported
from .points import to_point

Json = dict[str, Any]

DISTANCES = {1: "Cosine", 2: "Euclid", 3: "Dot", 4: "Manhattan"}
DATATYPES = {1: "float32", 2: "uint8", 3: "float16"}
FIELD_TYPES = ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid")
UPDATE_MODES = ("upsert", "insert_only", "update_only")
MATCHES = {
    "keyword": "value",
    "integer": "value",
    "boolean": "value",
    "text": "text",
    "phrase": "phrase",
    "text_any": "text_any",
    "prefix": "prefix",
    "substring": "substring",
}
LIST_MATCHES = {
    "keywords": ("any", "strings"),
    "integers": ("any", "integers"),
    "except_keywords": ("except", "strings"),
    "except_integers": ("except", "integers"),
}


def point_id(message: Any) -> int | str:
    kind = message.WhichOneof("point_id_options")
    if kind is None:
        raise BadInput("Empty PointID is not allowed")
    found: int | str = message.num if kind == "num" else message.uuid
    return found


def value(message: Any) -> Any:
    """One payload value."""
    kind = message.WhichOneof("kind")
    if kind == "struct_value":
        return {key: value(item) for key, item in message.struct_value.fields.items()}
    if kind == "list_value":
        return [value(item) for item in message.list_value.values]
    if kind is None or kind == "null_value":
        return None
    return getattr(message, kind)


def payload(message: Any) -> Json:
    return {key: value(item) for key, item in message.items()}


def points(messages: Any, sizes: dict[str, int]) -> list[edge.Point]:
    return [to_point(point_id(one.id), vectors(one.vectors), payload(one.payload), sizes) for one in messages]


def vectors(message: Any) -> Any:
    kind = message.WhichOneof("vectors_options")
    if kind == "vector":
        return vector(message.vector)
    if kind == "vectors":
        return {name: vector(one) for name, one in message.vectors.vectors.items()}
    raise BadInput("Expected some vectors")


def vector(message: Any) -> Any:
    """A stored vector or a query's: a list, a list of lists, or sparse as a dictionary."""
    kind = (
        message.WhichOneof("vector") if "vector" in message.DESCRIPTOR.oneofs_by_name else message.WhichOneof("variant")
    )
    if kind == "dense":
        return list(message.dense.data)
    if kind == "sparse":
        return {"indices": list(message.sparse.indices), "values": list(message.sparse.values)}
    if kind == "multi_dense":
        return [list(row.data) for row in message.multi_dense.vectors]
    if kind == "id":
        return point_id(message.id)
    if kind is None and message.HasField("indices"):
        return {"indices": list(message.indices.data), "values": list(message.data)}
    if kind is None and message.vectors_count:
        width = len(message.data) // message.vectors_count
        return [list(message.data[start : start + width]) for start in range(0, len(message.data), width)]
    if kind is None:
        return list(message.data)
    raise Unsupported(f"the lab stand-in does not compute vectors from a {kind}")


def present(message: Any, *names: str) -> Json:
    """The scalar fields that were set."""
    return {name: getattr(message, name) for name in names if message.HasField(name)}


def filter_(message: Any) -> Json | None:
    body: Json = {}
    for name in ("must", "should", "must_not"):
        conditions = [_condition(one) for one in getattr(message, name)]
        if conditions:
            body[name] = conditions
    if message.HasField("min_should"):
        least = message.min_should
        body["min_should"] = {"conditions": [_condition(one) for one in least.conditions], "min_count": least.min_count}
    return body or None


def _condition(message: Any) -> Json:
    kind = message.WhichOneof("condition_one_of")
    if kind == "field":
        return _field(message.field)
    if kind == "has_id":
        return {"has_id": [point_id(one) for one in message.has_id.has_id]}
    if kind in ("is_empty", "is_null"):
        return {kind: {"key": getattr(message, kind).key}}
    if kind == "has_vector":
        return {"has_vector": message.has_vector.has_vector}
    if kind == "nested":
        return {"nested": {"key": message.nested.key, "filter": filter_(message.nested.filter)}}
    if kind == "filter":
        return filter_(message.filter) or {}
    raise Unsupported(f"the lab stand-in has no {kind} condition")


def _field(message: Any) -> Json:
    body: Json = {"key": message.key, **present(message, "is_empty", "is_null")}
    if message.HasField("match"):
        kind = message.match.WhichOneof("match_value")
        if kind in MATCHES:
            body["match"] = {MATCHES[kind]: getattr(message.match, kind)}
        elif kind in LIST_MATCHES:
            name, inner = LIST_MATCHES[kind]
            body["match"] = {name: list(getattr(getattr(message.match, kind), inner))}
    if message.HasField("range"):
        body["range"] = present(message.range, "lt", "gt", "gte", "lte")
    if message.HasField("datetime_range"):
        bounds = present(message.datetime_range, "lt", "gt", "gte", "lte")
        body["range"] = {name: bound.ToJsonString() for name, bound in bounds.items()}
    if message.HasField("values_count"):
        body["values_count"] = present(message.values_count, "lt", "gt", "gte", "lte")
    for name in ("geo_bounding_box", "geo_radius", "geo_polygon"):
        if message.HasField(name):
            body[name] = True
    return body


def selector(message: Any) -> Json:
    """A PointsSelector: ids or a filter."""
    kind = message.WhichOneof("points_selector_one_of")
    if kind == "points":
        return {"points": [point_id(one) for one in message.points.ids]}
    if kind == "filter":
        return {"filter": filter_(message.filter)}
    raise BadInput("No point selector provided")


def wanted(message: Any) -> Json:
    """`with_payload` and `with_vectors`, the way the REST bodies have them; unset stays unset."""
    body: Json = {}
    if message.HasField("with_payload"):
        chosen = message.with_payload
        kind = chosen.WhichOneof("selector_options")
        body["with_payload"] = chosen.enable if kind == "enable" else {kind: list(getattr(chosen, kind).fields)}
    if message.HasField("with_vectors"):
        chosen = message.with_vectors
        kind = chosen.WhichOneof("selector_options")
        body["with_vector"] = chosen.enable if kind == "enable" else list(chosen.include.names)
    return body


def query_points(message: Any) -> Json:
    """A QueryPoints or a PrefetchQuery."""
    body: Json = present(message, "score_threshold", "limit", "using")
    if message.HasField("filter"):
        body["filter"] = filter_(message.filter)
    if message.HasField("params"):
        body["params"] = present(message.params, "hnsw_ef", "exact", "indexed_only")
    if message.HasField("query"):
        body["query"] = _query(message.query)
    if message.prefetch:
        body["prefetch"] = [query_points(one) for one in message.prefetch]
    if "offset" in message.DESCRIPTOR.fields_by_name:
        body |= present(message, "offset") | wanted(message)
    return body


def _query(message: Any) -> Any:
    kind = message.WhichOneof("variant")
    if kind == "nearest":
        return vector(message.nearest)
    if kind == "order_by":
        return {"order_by": order_by(message.order_by)}
    if kind == "fusion":
        return {"fusion": ("rrf", "dbsf")[message.fusion]}
    if kind in ("sample", "rrf"):
        return {kind: True}
    raise Unsupported(f"the lab stand-in has no {kind} query")


def order_by(message: Any) -> Json:
    body: Json = {"key": message.key}
    if message.HasField("direction"):
        body["direction"] = ("asc", "desc")[message.direction]
    if message.HasField("start_from"):
        kind = message.start_from.WhichOneof("value")
        found = getattr(message.start_from, kind)
        body["start_from"] = found.ToJsonString() if kind == "timestamp" else found
    return body


def search_points(message: Any) -> Json:
    body: Json = {
        "vector": list(message.vector),
        "limit": message.limit,
        **wanted(message),
        **present(message, "score_threshold", "offset"),
    }
    if message.HasField("sparse_indices"):
        body["vector"] = {"indices": list(message.sparse_indices.data), "values": list(message.vector)}
    if message.HasField("vector_name"):
        body["vector"] = {"name": message.vector_name, "vector": body["vector"]}
    if message.HasField("filter"):
        body["filter"] = filter_(message.filter)
    if message.HasField("params"):
        body["params"] = present(message.params, "hnsw_ef", "exact", "indexed_only")
    return body


def set_fields(message: Any) -> Json:
    """Every scalar that was set in a flat `...Diff` message."""
    return {field.name: found for field, found in message.ListFields() if field.message_type is None}


def vector_params(message: Any) -> Json:
    body: Json = {"size": message.size, "distance": DISTANCES.get(message.distance, "unknown")}
    body |= present(message, "on_disk")
    if message.HasField("datatype") and message.datatype in DATATYPES:
        body["datatype"] = DATATYPES[message.datatype]
    if message.HasField("multivector_config"):
        body["multivector_config"] = {"comparator": "max_sim"}
    if message.HasField("hnsw_config"):
        body["hnsw_config"] = set_fields(message.hnsw_config)
    return body


def optimizers(message: Any) -> Json:
    body = set_fields(message)
    body.pop("deprecated_max_optimization_threads", None)
    if (
        message.HasField("max_optimization_threads")
        and message.max_optimization_threads.WhichOneof("variant") == "value"
    ):
        body["max_optimization_threads"] = message.max_optimization_threads.value
    return body


def create_collection(message: Any) -> Json:
    body: Json = present(message, "shard_number", "on_disk_payload", "replication_factor", "write_consistency_factor")
    if message.HasField("vectors_config"):
        config = message.vectors_config
        if config.WhichOneof("config") == "params":
            body["vectors"] = vector_params(config.params)
        else:
            body["vectors"] = {name: vector_params(one) for name, one in config.params_map.map.items()}
    if message.HasField("sparse_vectors_config"):
        body["sparse_vectors"] = {
            name: {"modifier": "idf"} if one.HasField("modifier") and one.modifier else {}
            for name, one in message.sparse_vectors_config.map.items()
        }
    return body | diffs(message) | _metadata(message)


def diffs(message: Any) -> Json:
    """The parts that creating and updating a collection share."""
    body: Json = {}
    if message.HasField("hnsw_config"):
        body["hnsw_config"] = set_fields(message.hnsw_config)
    if message.HasField("optimizers_config"):
        body["optimizers_config"] = optimizers(message.optimizers_config)
    if message.HasField("strict_mode_config"):
        body["strict_mode_config"] = set_fields(message.strict_mode_config)
    if message.HasField("quantization_config"):
        kind = message.quantization_config.WhichOneof("quantization")
        if kind == "scalar":
            body["quantization_config"] = {"scalar": {"type": "int8", **_flags(message.quantization_config.scalar)}}
        elif kind:
            body["quantization_config"] = {kind: _flags(getattr(message.quantization_config, kind))}
    return body


def _flags(message: Any) -> Json:
    return {name: found for name, found in set_fields(message).items() if name in ("always_ram", "quantile")}


def update_collection(message: Any) -> Json:
    body = diffs(message) | _metadata(message)
    if message.HasField("params"):
        body["params"] = set_fields(message.params)
    return body


def _metadata(message: Any) -> Json:
    return {"metadata": payload(message.metadata)} if message.metadata else {}
