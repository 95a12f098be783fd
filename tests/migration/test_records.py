"""The one form of a sparse vector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.records import Sparse, sparse_of

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.integers(0, 2**32 - 1), FLOATS, min_size=1, max_size=20), st.randoms())
def test_the_order_in_which_pairs_come_means_nothing(pairs: dict[int, float], chance: object) -> None:
    mixed = list(pairs.items())
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    found = sparse_of([index for index, _ in mixed], [value for _, value in mixed])
    assert found is not None
    assert found.indices.dtype == np.uint32 and found.values.dtype == np.float32
    assert found.indices.tolist() == sorted(pairs)
    assert found.values.tolist() == [pairs[index] for index in sorted(pairs)]
    again = Sparse.from_bytes(found.to_bytes())
    assert again is not None
    assert again.to_bytes() == found.to_bytes()
    assert len(found.to_bytes()) == 8 * len(pairs)


def test_no_pairs_are_no_sparse_vector() -> None:
    assert sparse_of([], []) is None
    assert sparse_of(np.array([], dtype=np.int64), np.array([], dtype=np.float32)) is None
    assert Sparse.from_bytes(b"") is None


@pytest.mark.parametrize("indices", [[3.0, 1.0], np.array([3, 1]), np.array([3, 1], dtype=np.uint32)])
def test_whole_numbers_are_indices_whatever_holds_them(indices: object) -> None:
    found = sparse_of(indices, [0.5, 0.25])
    assert found is not None
    assert found.indices.tolist() == [1, 3]
    assert found.values.tolist() == [0.25, 0.5]


@pytest.mark.parametrize(
    ("indices", "values", "why"),
    [
        ([1, 2], [0.5], "2 indices and 1 values"),
        ([1, 1], [0.5, 0.5], "sparse index 1 is there twice"),
        ([2**32], [0.5], "does not fit 32 bits"),
        ([-1], [0.5], "does not fit 32 bits"),
        ([1.5], [0.5], "not whole numbers"),
        ([float("nan")], [0.5], "not whole numbers"),
        ([float("inf")], [0.5], "does not fit 32 bits"),
        ([2**70], [0.5], "does not fit 32 bits"),
        ([1], [1e300], "does not fit a float32"),
        ([1], [10**400], "does not fit a float32"),
        ([1], [float("nan")], "does not fit a float32"),
        ([1], ["0.5"], "not two arrays of numbers"),
        ([True], [0.5], "not two arrays of numbers"),
        (None, [0.5], "not two arrays of numbers"),
        ("1", "2", "not two arrays of numbers"),
        ([[1]], [[2]], "not two arrays of numbers"),
    ],
)
def test_what_is_no_sparse_vector_says_why(indices: object, values: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sparse_of(indices, values)
