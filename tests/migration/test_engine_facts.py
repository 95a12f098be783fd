"""What the proof relies on, asked of Qdrant's own storage engine: it is the same code that a server runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import qdrant_edge as edge

from netdoctor.migration.datatypes import kept
from netdoctor.migration.points import units

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector


def vectors(count: int, dimension: int) -> list[Vector]:
    """Of lengths from a hundredth to a thousand, at length 1."""
    chance = np.random.default_rng(dimension)
    raw = chance.standard_normal((count, dimension)) * 10 ** chance.uniform(-2, 3, (count, 1))
    return units(list(raw.astype(np.float32)))


def stored(folder: Path, config: edge.EdgeConfig, sent: list[Vector], *, index: bool = False) -> list[Vector]:
    shard = edge.EdgeShard.create(str(folder / "shard"), config)
    try:
        points = [edge.Point(n, vector.astype(float).tolist(), {"n": n}) for n, vector in enumerate(sent)]
        shard.update(edge.UpdateOperation.upsert_points(points))
        if index:
            assert shard.optimize()
            assert shard.info().indexed_vectors_count == len(sent)
        found: dict[Any, Any] = {each.id: each.vector for each in shard.retrieve(list(range(len(sent))), False, True)}
        return [np.array(found[n], dtype=np.float32) for n in range(len(sent))]
    finally:
        shard.close()


@pytest.mark.parametrize("dimension", [2, 7, 15, 16, 31, 32, 33, 100, 384, 1024, 1536, 3072])
def test_a_unit_vector_is_kept_to_the_last_bit_in_every_way_of_adding(tmp_path: Path, dimension: int) -> None:
    sent = vectors(150, dimension)
    params = edge.EdgeVectorParams(dimension, edge.Distance.Cosine)
    found = stored(tmp_path, edge.EdgeConfig(vectors=params), sent)
    assert [n for n in range(150) if sent[n].tobytes() != found[n].tobytes()] == []


@pytest.mark.parametrize(
    "quantization",
    [
        None,
        edge.ScalarQuantizationConfig(edge.ScalarType.Int8),
        edge.BinaryQuantizationConfig(),
        edge.TurboQuantQuantizationConfig(),
    ],
    ids=["none", "scalar", "binary", "turbo"],
)
def test_what_is_indexed_and_quantised_is_still_read_back_bit_for_bit(tmp_path: Path, quantization: Any) -> None:
    sent = vectors(600, 32)
    config = edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(32, edge.Distance.Cosine),
        quantization_config=quantization,
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=20),
    )
    found = stored(tmp_path, config, sent, index=True)
    assert b"".join(each.tobytes() for each in found) == b"".join(each.tobytes() for each in sent)


@pytest.mark.parametrize(("datatype", "name"), [("float16", "Float16"), ("uint8", "Uint8")])
def test_fewer_bits_are_those_that_are_expected_after_indexing_too(tmp_path: Path, datatype: str, name: str) -> None:
    sent = vectors(600, 32)
    if datatype == "uint8":
        sent = [np.abs(each * 300).astype(np.float32) for each in sent]
    params = edge.EdgeVectorParams(32, edge.Distance.Cosine, datatype=getattr(edge.VectorStorageDatatype, name))
    config = edge.EdgeConfig(vectors=params, optimizers=edge.EdgeOptimizersConfig(indexing_threshold=5))
    for vector, read in zip(sent, stored(tmp_path, config, sent, index=True), strict=True):
        assert np.array_equal(read, kept(vector, datatype))
