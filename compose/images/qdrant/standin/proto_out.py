"""Results into gRPC messages."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any

import qdrant_edge as edge

from . import stubs
from .proto_in import DATATYPES, DISTANCES, FIELD_TYPES

Json = dict[str, Any]

messages: Any = stubs.load()


def point_id(found: Any) -> Any:
    return messages.PointId(num=found) if isinstance(found, int) else messages.PointId(uuid=str(found))


def value(found: Any) -> Any:
    make = messages.Value
    if found is None:
        return make(null_value=0)
    if isinstance(found, bool):
        return make(bool_value=found)
    if isinstance(found, int):
        return make(integer_value=found) if -(2**63) <= found < 2**63 else make(double_value=float(found))
    if isinstance(found, float):
        return make(double_value=found)
    if isinstance(found, str):
        return make(string_value=found)
    if isinstance(found, dict):
        return make(struct_value=messages.Struct(fields=payload(found)))
    return make(list_value=messages.ListValue(values=[value(one) for one in found]))


def payload(found: Json | None) -> dict[str, Any]:
    return {key: value(one) for key, one in (found or {}).items()}


def vectors(found: Any) -> Any:
    if isinstance(found, dict):
        named = {name: _vector(one) for name, one in found.items()}
        return messages.VectorsOutput(vectors=messages.NamedVectorsOutput(vectors=named))
    return messages.VectorsOutput(vector=_vector(found))


def _vector(found: Any) -> Any:
    """The typed form, and the older flat form that clients up to 1.20 still read."""
    if isinstance(found, edge.SparseVector):
        values, indices = list(found.values), list(found.indices)
        return messages.VectorOutput(sparse=messages.SparseVector(values=values, indices=indices))
    if found and isinstance(found[0], list):
        rows = [messages.DenseVector(data=row) for row in found]
        return messages.VectorOutput(multi_dense=messages.MultiDenseVector(vectors=rows))
    return messages.VectorOutput(dense=messages.DenseVector(data=found))


def _set_vectors(message: Any, found: Any) -> None:
    """Most points have one dense vector: its bytes are made in one step, and copied once."""
    if isinstance(found, list) and found and isinstance(found[0], float):
        head, pack = _packed(len(found))
        message.vectors.vector.dense.MergeFromString(head + pack(*found))
    else:
        message.vectors.CopyFrom(vectors(found))


@functools.cache
def _packed(count: int) -> tuple[bytes, Callable[..., bytes]]:
    """Tag and length of `DenseVector.data` with so many floats, and what makes their bytes."""
    whole: bytes = messages.DenseVector(data=[0.0] * count).SerializeToString()
    return whole[: len(whole) - 4 * count], struct.Struct(f"<{count}f").pack


def _set_payload(message: Any, found: Json | None) -> None:
    """Texts, which payloads mostly are, are set in their place; other values are made and copied."""
    entries = message.payload
    for key, one in (found or {}).items():
        if type(one) is str:
            entries[key].string_value = one
        else:
            entries[key].CopyFrom(value(one))


def record(found: edge.Record) -> Any:
    message = messages.RetrievedPoint(id=point_id(found.id))
    _set_payload(message, found.payload)
    vector = found.vector
    if vector is not None:
        _set_vectors(message, vector)
    return message


def scored(found: edge.ScoredPoint) -> Any:
    message = messages.ScoredPoint(
        id=point_id(found.id), payload=payload(found.payload), score=found.score, version=found.version
    )
    vector = found.vector
    if vector is not None:
        _set_vectors(message, vector)
    return message


def info(found: Json) -> Any:
    """A CollectionInfo from the REST shape of it."""
    schema = {
        field: messages.PayloadSchemaInfo(
            data_type=FIELD_TYPES.index(index["data_type"]) + 1, points=index["points"], params=_index_params(index)
        )
        for field, index in found["payload_schema"].items()
    }
    return messages.CollectionInfo(
        status=messages.CollectionStatus.Value("Green"),
        optimizer_status=messages.OptimizerStatus(ok=True),
        segments_count=found["segments_count"],
        points_count=found["points_count"],
        indexed_vectors_count=found["indexed_vectors_count"],
        payload_schema=schema,
        config=_config(found["config"]),
    )


def _index_params(index: Json) -> Any:
    told = {name: value for name, value in index.get("params", {}).items() if name != "type"}
    if not told:
        return None
    kind = index["data_type"]
    return messages.PayloadIndexParams(
        **{f"{kind}_index_params": getattr(messages, f"{kind.title()}IndexParams")(**told)}
    )


def _config(config: Json) -> Any:
    params = config["params"]
    vectors_config = messages.VectorsConfig()
    if isinstance(params["vectors"].get("size"), int):
        vectors_config.params.CopyFrom(_vector_params(params["vectors"]))
    else:
        for name, spec in params["vectors"].items():
            vectors_config.params_map.map[name].CopyFrom(_vector_params(spec))
    sparse = messages.SparseVectorConfig()
    for name, spec in (params.get("sparse_vectors") or {}).items():
        sparse.map[name].CopyFrom(
            messages.SparseVectorParams(modifier=1 if (spec or {}).get("modifier") == "idf" else None)
        )
    optimizers = _given(config["optimizer_config"])
    threads = optimizers.pop("max_optimization_threads", None)
    if threads is not None:
        optimizers["max_optimization_threads"] = messages.MaxOptimizationThreads(value=threads)
    return messages.CollectionConfig(
        params=messages.CollectionParams(
            shard_number=params["shard_number"],
            on_disk_payload=params["on_disk_payload"],
            replication_factor=params["replication_factor"],
            write_consistency_factor=params["write_consistency_factor"],
            vectors_config=vectors_config,
            sparse_vectors_config=sparse if sparse.map else None,
            sharding_method=1 if params.get("sharding_method") == "custom" else None,
        ),
        hnsw_config=messages.HnswConfigDiff(**_given(config["hnsw_config"])),
        optimizer_config=messages.OptimizersConfigDiff(**optimizers),
        wal_config=messages.WalConfigDiff(**_given(config["wal_config"])),
        metadata=payload(config.get("metadata")),
        quantization_config=_quantization(config.get("quantization_config")),
        strict_mode_config=_strict(config.get("strict_mode_config")),
    )


def _strict(found: Json | None) -> Any:
    known = messages.StrictModeConfig.DESCRIPTOR.fields_by_name
    plain = {name: one for name, one in (found or {}).items() if name in known and not isinstance(one, dict)}
    return messages.StrictModeConfig(**plain) if found else None


def _quantization(found: Json | None) -> Any:
    if not found:
        return None
    if "scalar" in found:
        scalar = messages.ScalarQuantization(type=1, always_ram=found["scalar"].get("always_ram"))
        return messages.QuantizationConfig(scalar=scalar)
    if "binary" in found:
        return messages.QuantizationConfig(
            binary=messages.BinaryQuantization(always_ram=found["binary"].get("always_ram"))
        )
    return None


def _vector_params(spec: Json) -> Any:
    number = {name: code for code, name in DISTANCES.items()}[spec["distance"]]
    message = messages.VectorParams(size=spec["size"], distance=number, on_disk=spec.get("on_disk"))
    if spec.get("datatype"):
        message.datatype = {name: code for code, name in DATATYPES.items()}[spec["datatype"]]
    if spec.get("multivector_config"):
        message.multivector_config.comparator = 0
    if spec.get("hnsw_config"):
        message.hnsw_config.CopyFrom(messages.HnswConfigDiff(**_given(spec["hnsw_config"])))
    return message


def _given(body: Json) -> Json:
    return {name: found for name, found in body.items() if found is not None}
