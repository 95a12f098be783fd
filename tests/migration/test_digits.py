"""What is written in digits is read as the same bits."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdoctor.migration.digits import unit_arrays

USUAL = st.floats(2**-15, 1, width=32, exclude_max=True)
SMALL = st.floats(0, 2**-15, width=32, exclude_max=True)
SIGNS = st.sampled_from([1.0, -1.0])
NUMBER = re.compile(rb"-?(\d)\.(\d+)(?:e-(\d\d))?")


def read(text: memoryview) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(json.loads(text.tobytes() + b"]"), dtype=np.float64)


def plainly(text: memoryview) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """As a quick reader does it: all digits as one whole number, and one division or multiplication by a power."""
    found = []
    for number in NUMBER.finditer(text):
        first, rest, exponent = number.groups()
        size = float(int(first + rest)) * 10.0 ** -(len(rest) + int(exponent or b"0"))
        found.append(-size if number[0].startswith(b"-") else size)
    return np.array(found, dtype=np.float64)


def assert_survives(vector: np.ndarray[tuple[int], np.dtype[np.float32]], text: memoryview | None) -> None:
    """By an exact reader, by two whose doubles are off by one place; each of them takes both ways to a float32."""
    assert text is not None
    doubles = read(text)
    assert doubles.astype(np.float32).tobytes() == vector.tobytes()
    for off in (np.nextafter(doubles, 2), np.nextafter(doubles, -2)):
        assert np.array_equal(off.astype(np.float32), vector)


def in_rows(
    numbers: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Vectors that have them among others, seldom enough for small ones."""
    padded = np.resize(numbers, -(-len(numbers) // 32) * 32).reshape(-1, 32)
    rows = np.full((len(padded), 1024), 0.5, np.float32)
    rows[:, ::32] = padded
    rows[::2, ::32] *= -1
    return list(rows)


@given(
    st.lists(st.tuples(USUAL, SIGNS), min_size=64, max_size=64), st.dictionaries(st.integers(0, 63), SMALL, max_size=2)
)
def test_bits_survive_any_reader(usual: list[tuple[float, float]], small: dict[int, float]) -> None:
    vector = np.array([small.get(n, size) * sign for n, (size, sign) in enumerate(usual)], dtype=np.float32)
    (text,) = unit_arrays([vector])
    assert_survives(vector, text)


def test_every_number_beside_a_power_of_two_or_ten_comes_back() -> None:
    powers = np.array([*(10.0**-n for n in range(1, 45)), *(2.0**-n for n in range(1, 149))], dtype=np.float32)
    around = powers.view(np.int32)[:, None] + np.arange(-300, 300, dtype=np.int32)
    numbers = around[(around > 0) & (around < np.float32(1).view(np.int32))].view(np.float32)
    rows = in_rows(numbers)
    for vector, text in zip(rows, unit_arrays(rows), strict=True):
        assert_survives(vector, text)


def test_numbers_of_any_bits_come_back_by_a_quick_reader_too() -> None:
    chance = np.random.default_rng(5)
    bits = chance.integers(1, int(np.float32(1).view(np.int32)), 40_000, dtype=np.int32)
    near = chance.integers(int(np.float32(2.0**-16).view(np.int32)), int(np.float32(1).view(np.int32)), 40_000)
    rows = in_rows(np.concatenate([bits, near.astype(np.int32)]).view(np.float32))
    found = unit_arrays(rows)
    for vector, text in zip(rows, found, strict=True):
        assert_survives(vector, text)
    for vector, text in list(zip(rows, found, strict=True))[:: len(rows) // 40]:
        assert text is not None
        assert np.array_equal(plainly(text).astype(np.float32), vector)


def test_a_million_numbers_of_unit_vectors_come_back() -> None:
    chance = np.random.default_rng(3)
    block = chance.normal(size=(1000, 1000))
    vectors = list((block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float32))
    found = unit_arrays(vectors)
    assert all(text is not None for text in found)
    for vector, text in zip(vectors, found, strict=True):
        assert text is not None
        assert read(text).astype(np.float32).tobytes() == vector.tobytes()
        assert len(text) == 16 * len(vector)


@pytest.mark.parametrize("odd", [1.0, -1.0, 1.5, np.nan, np.inf, -np.inf, 3e38])
def test_what_does_not_fit_is_left_to_others(odd: float) -> None:
    good = np.full(100, 0.5, dtype=np.float32)
    bad = good.copy()
    bad[50] = odd
    bad[10] = 1e-9
    first, second, third = unit_arrays([good, bad, good])
    assert second is None
    assert first == third
    assert first is not None
    assert read(first).tolist() == [0.5] * 100


def test_a_vector_of_small_numbers_is_left_to_others_and_zeros_are_not_small() -> None:
    few = np.zeros(128, dtype=np.float32)
    few[:4] = 1e-6, -1e-20, 1e-45, -0.0
    many = few.copy()
    many[64:70] = 1e-6
    text, none = unit_arrays([few, many])
    assert none is None
    assert text is not None
    assert read(text).astype(np.float32).tobytes() == few.tobytes()
    assert text[:64].tobytes() == b"[ 9.99999997e-07,-9.99999968e-21, 1.40129846e-45,-0.000000000000"


def test_short_and_mixed_vectors() -> None:
    vectors = [np.full(length, 0.25, dtype=np.float32) for length in (0, 3, 64, 65, 64)]
    found = unit_arrays(vectors)
    assert [text is None for text in found] == [True, True, False, False, False]
    assert [len(read(text)) for text in found if text is not None] == [64, 65, 64]
