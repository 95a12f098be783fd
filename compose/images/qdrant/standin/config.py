"""A collection's configuration: the JSON a client sends, its defaults, and the engine's form of it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import qdrant_edge as edge

from .errors import BadInput, Invalid

Json = dict[str, Any]

FORBIDDEN = '<>:"/\\|?*\0\x1f'
DISTANCES = {name: getattr(edge.Distance, name) for name in ("Cosine", "Dot", "Euclid", "Manhattan")}
DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
HNSW: Json = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}
OPTIMIZERS: Json = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}
WAL: Json = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}


def check_name(name: str) -> None:
    """Refuse a collection name that Qdrant would refuse."""
    problem = None
    if not 1 <= len(name.encode()) <= 255:
        problem = "length must be between 1 and 255"
    else:
        bad = next((character for character in name if character in FORBIDDEN), None)
        if bad is not None:
            problem = f'collection name cannot contain "{bad}" char'
    if problem:
        raise Invalid(f"Validation error in path parameters: [name: {problem}]")


def merged(base: Json, changes: Json | None) -> Json:
    """`base` with every value of `changes` that is not null."""
    return base | {key: value for key, value in (changes or {}).items() if value is not None}


def new_config(body: Json) -> Json:
    """The full configuration (the shape of `GET /collections/{name}` `config`) of a creation request."""
    sparse = body.get("sparse_vectors")
    params: Json = {
        "vectors": body.get("vectors") or {},
        "shard_number": body.get("shard_number") or 1,
        "replication_factor": body.get("replication_factor") or 1,
        "write_consistency_factor": body.get("write_consistency_factor") or 1,
        "on_disk_payload": body.get("on_disk_payload") is not False,
    }
    if sparse:
        params["sparse_vectors"] = sparse
    if body.get("sharding_method"):
        params["sharding_method"] = body["sharding_method"]
    config: Json = {
        "params": params,
        "hnsw_config": merged(HNSW, body.get("hnsw_config")),
        "optimizer_config": merged(OPTIMIZERS, body.get("optimizers_config")),
        "wal_config": merged(WAL, body.get("wal_config")),
        "quantization_config": body.get("quantization_config"),
    }
    if body.get("metadata"):
        config["metadata"] = body["metadata"]
    if body.get("strict_mode_config"):
        config["strict_mode_config"] = merged({}, body["strict_mode_config"])
    return config


def patched_config(config: Json, body: Json) -> Json:
    """The configuration after a `PATCH /collections/{name}`."""
    config = deepcopy(config)
    for section, key in (("hnsw_config", "hnsw_config"), ("optimizer_config", "optimizers_config")):
        config[section] = merged(config[section], body.get(key))
    params = config["params"]
    for name, value in (body.get("params") or {}).items():
        if value is not None:
            params[name] = value
    for name, changes in (body.get("vectors") or {}).items():
        target = params["vectors"] if name == "" else params["vectors"].get(name)
        if target is None:
            raise BadInput(f"Wrong input: Not existing vector name error: {name}")
        target.update(merged({}, changes))
    if body.get("quantization_config"):
        config["quantization_config"] = body["quantization_config"]
    if body.get("strict_mode_config"):
        config["strict_mode_config"] = merged(config.get("strict_mode_config") or {}, body["strict_mode_config"])
    if body.get("metadata"):
        kept = merged(config.get("metadata") or {}, body["metadata"])
        config["metadata"] = {key: value for key, value in kept.items() if body["metadata"].get(key, value) is not None}
    return config


def is_single(config: Json) -> bool:
    """True when the collection has the one unnamed dense vector."""
    return isinstance(config["params"]["vectors"].get("size"), int)


def dense_sizes(config: Json) -> dict[str, int]:
    """Dimension of each dense vector, "" for the unnamed one; multivectors are left out."""
    vectors = config["params"]["vectors"]
    named = {"": vectors} if is_single(config) else vectors
    return {name: spec["size"] for name, spec in named.items() if not spec.get("multivector_config")}


def engine_config(config: Json) -> edge.EdgeConfig:
    """The storage engine's form of a configuration."""
    vectors = config["params"]["vectors"]
    sparse = {
        name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if (spec or {}).get("modifier") == "idf" else None)
        for name, spec in (config["params"].get("sparse_vectors") or {}).items()
    }
    if is_single(config):
        return edge.EdgeConfig(vectors=_vector_params(vectors), sparse_vectors=sparse or None)
    dense = {name: _vector_params(spec) for name, spec in vectors.items()}
    return edge.EdgeConfig(vectors=dense or None, sparse_vectors=sparse or None)


def _vector_params(spec: Json) -> edge.EdgeVectorParams:
    size = spec["size"]
    if not isinstance(size, int) or not 1 <= size <= 65536:
        raise Invalid(f"Validation error in JSON body: [vectors.size: value {size} invalid, must be from 1 to 65536]")
    if spec["distance"] not in DISTANCES:
        raise BadInput(
            f"Format error in JSON body: unknown variant `{spec['distance']}`, expected one of {', '.join(DISTANCES)}"
        )
    multi = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if spec.get("multivector_config") else None
    datatype = DATATYPES[spec["datatype"]] if spec.get("datatype") else None
    return edge.EdgeVectorParams(
        size, DISTANCES[spec["distance"]], on_disk=spec.get("on_disk"), multivector_config=multi, datatype=datatype
    )
