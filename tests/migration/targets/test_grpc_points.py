"""Points of the generated messages, in both forms in which vectors are written."""

from __future__ import annotations

import numpy as np

from netdoctor.migration.targets.grpc_points import identity_of, plain, vectors_of

ID = "6a15880c-8b29-5463-962c-1c2a0bd1b9c9"


def test_an_id_is_a_uuid_or_a_number_zero_included() -> None:
    from qdrant_client.grpc import PointId

    assert [identity_of(each) for each in (PointId(uuid=ID), PointId(num=0), PointId(num=2**64 - 1))] == [
        ID,
        "0",
        str(2**64 - 1),
    ]


def test_the_typed_and_the_flat_form_of_a_vector_are_read_alike() -> None:
    from qdrant_client import grpc

    flat = grpc.VectorOutput(data=[0.5, -1.5])
    typed = grpc.VectorOutput(dense=grpc.DenseVector(data=[0.5, -1.5]))
    for one in (flat, typed):
        vector, named = vectors_of(grpc.RetrievedPoint(vectors=grpc.VectorsOutput(vector=one)))
        assert vector.tolist() == [0.5, -1.5]
        assert vector.dtype == np.float32
        assert named == {}


def test_sparse_vectors_come_by_their_names_beside_the_dense_one() -> None:
    from qdrant_client import grpc

    sparse = grpc.VectorOutput(sparse=grpc.SparseVector(indices=[3, 9], values=[0.5, 2.0]))
    dense = grpc.VectorOutput(dense=grpc.DenseVector(data=[1.0]))
    both = grpc.NamedVectorsOutput(vectors={"": dense, "words": sparse})
    vector, named = vectors_of(grpc.RetrievedPoint(vectors=grpc.VectorsOutput(vectors=both)))
    assert vector.tolist() == [1.0]
    words = named["words"]
    assert words is not None
    assert (words.indices.tolist(), words.values.tolist()) == ([3, 9], [0.5, 2.0])


def test_a_value_is_plain_data_whatever_its_kind() -> None:
    from qdrant_client.grpc import ListValue, Struct, Value

    inner = Struct(fields={"k": Value(list_value=ListValue(values=[Value(integer_value=1), Value(double_value=1.0)]))})
    assert plain(Value(struct_value=inner)) == {"k": [1, 1.0]}
    assert plain(Value(null_value=0)) is None
    assert plain(Value()) is None
    assert plain(Value(bool_value=False)) is False
