"""What is written in digits is read as the same bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.digits import unit_arrays

SIZES = st.floats(2**-26, 1, width=32, exclude_max=True, allow_nan=False) | st.just(0.0)
NUMBERS = st.tuples(SIZES, st.sampled_from([1.0, -1.0])).map(lambda pair: pair[0] * pair[1])


def read(text: memoryview) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(json.loads(text.tobytes() + b"]"), dtype=np.float64)


@given(st.lists(st.lists(NUMBERS, min_size=64, max_size=64), min_size=1, max_size=4))
def test_bits_survive_any_reader(rows: list[list[float]]) -> None:
    vectors = [np.array(row, dtype=np.float32) for row in rows]
    for vector, text in zip(vectors, unit_arrays(vectors), strict=True):
        assert text is not None
        doubles = read(text)
        # Exact readers, those whose doubles are off by one place, and both ways to a float32.
        for off in (doubles, np.nextafter(doubles, 2), np.nextafter(doubles, -2)):
            found = off.astype(np.float32)
            assert np.array_equal(found[vector != 0], vector[vector != 0])
        assert doubles.astype(np.float32).tobytes() == vector.tobytes()


def test_a_million_numbers_of_unit_vectors_come_back() -> None:
    chance = np.random.default_rng(3)
    block = chance.normal(size=(1000, 1000))
    vectors = list((block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float32))
    found = unit_arrays(vectors)
    assert all(text is not None for text in found[1:3])
    written = sum(text is not None for text in found)
    assert written > 990
    for vector, text in zip(vectors, found, strict=True):
        if text is not None:
            assert read(text).astype(np.float32).tobytes() == vector.tobytes()


@pytest.mark.parametrize("odd", [1.0, -1.0, 1.5, 1e-9, 1e-30, np.nan, np.inf, -np.inf, 3e38])
def test_what_does_not_fit_is_left_to_others(odd: float) -> None:
    good = np.full(100, 0.5, dtype=np.float32)
    bad = good.copy()
    bad[50] = odd
    first, second, third = unit_arrays([good, bad, good])
    assert second is None
    assert first == third
    assert first is not None
    assert read(first).tolist() == [0.5] * 100


def test_short_and_mixed_vectors() -> None:
    vectors = [np.full(length, 0.25, dtype=np.float32) for length in (0, 3, 64, 65, 64)]
    found = unit_arrays(vectors)
    assert [text is None for text in found] == [True, True, False, False, False]
    assert [len(read(text)) for text in found if text is not None] == [64, 65, 64]
