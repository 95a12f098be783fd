"""A cosine vector that the server has normalised once more is the same; a damaged one never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from netdoctor.migration.compare import difference, same_vector
from netdoctor.migration.points import Metric, Point, units

if TYPE_CHECKING:
    from netdoctor.migration.records import Vector

ID = "6a15880c-8b29-5463-962c-1c2a0bd1b9c9"
SUMS = ("sequence", "sse", "avx", "neon", "avx512")
"""The orders in which a processor may add up the squares."""


def added(vector: Vector, order: str) -> np.float32:
    """The squared length in float32, by so many sums at once, with or without a rounding after each product."""
    if order == "sequence":
        return np.add.accumulate(vector * vector, dtype=np.float32)[-1]
    width, sums, fused = {
        "sse": (4, 4, False),
        "avx": (8, 4, True),
        "neon": (4, 4, True),
        "avx512": (16, 4, True),
    }[order]
    step = width * sums
    body = len(vector) - len(vector) % step
    lanes = np.zeros((sums, width), np.float32)
    for row in vector[:body].reshape(-1, sums, width):
        wide = row.astype(np.float64) * row if fused else (row * row).astype(np.float64)
        lanes = (wide + lanes).astype(np.float32)
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    total = np.float32(0)
    for one in (*lanes[:, 0], *(vector[body:] * vector[body:])):
        total = np.float32(total + one)
    return total


def stored(vector: Vector, order: str) -> Vector:
    """What a collection of cosine vectors keeps: unchanged, unless its length does not come out as 0 or 1."""
    square = added(vector, order)
    if square < np.finfo(np.float32).eps or abs(square - np.float32(1)) <= np.float32(1e-6):
        return vector
    return vector / np.sqrt(square)


def vectors(dimension: int, count: int = 30) -> list[Vector]:
    """Of several kinds, at length 1: those of equal numbers are what rounding adds up in."""
    chance = np.random.default_rng(dimension)
    raw = [chance.standard_normal(dimension) ** power for power in (1, 5) for _ in range(count)]
    raw += [np.ones(dimension) * chance.uniform(0.5, 2) for _ in range(count // 4)]
    return units([each.astype(np.float32) for each in raw])


@pytest.mark.parametrize("dimension", [3, 15, 31, 100, 384, 768, 1536, 4095])
@pytest.mark.parametrize("order", SUMS)
def test_whatever_a_processor_adds_up_to_is_the_same_vector_and_one_bit_is_not(dimension: int, order: str) -> None:
    for vector in vectors(dimension):
        found = stored(vector, order)
        sent = Point(ID, vector, {})
        assert same_vector(sent, Point(ID, found, {}), Metric.COSINE)
        for place in (0, dimension // 2, int(np.abs(found).argmax())):
            damaged = found.copy()
            damaged.view(np.uint32)[place] ^= 1
            assert not same_vector(sent, Point(ID, damaged, {}), Metric.COSINE)


def test_some_orders_of_adding_do_move_vectors_of_today_s_models() -> None:
    """Else the test above would say nothing."""
    moved = {order: sum(stored(each, order) is not each for each in vectors(1536)) for order in SUMS}
    assert moved["sequence"] > 10
    long = [each for value in range(1, 9) for each in units([np.full(3072, value / 8.5, np.float32)])]
    assert any(stored(each, "sse") is not each for each in long)


@pytest.mark.parametrize("factor", [2.0, 1.001, 1 + 2e-4])
@pytest.mark.parametrize("dimension", [8, 1024])
def test_a_scaled_vector_is_another_one(dimension: int, factor: float) -> None:
    for vector in vectors(dimension, 8):
        assert not same_vector(Point(ID, vector, {}), Point(ID, vector * np.float32(factor), {}), Metric.COSINE)


def test_a_single_number_cannot_have_been_moved_by_rounding() -> None:
    """Of a vector with one number in it the sum is exact, in whatever order."""
    one = np.zeros(2048, np.float32)
    one[7] = 1.0
    for bits in range(1, 20):
        damaged = one.copy()
        damaged.view(np.uint32)[7] ^= 1 << bits
        assert not same_vector(Point(ID, one, {}), Point(ID, damaged, {}), Metric.COSINE)


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.EUCLID, Metric.MANHATTAN])
def test_only_cosine_vectors_are_ever_normalised(metric: Metric) -> None:
    vector = next(each for each in vectors(1536) if stored(each, "sequence") is not each)
    there = Point(ID, stored(vector, "sequence"), {})
    assert difference(Point(ID, vector, {}), there, metric) == "its vector differs"
    assert difference(Point(ID, vector, {}), there, Metric.COSINE) is None


def test_bytes_are_not_normalised() -> None:
    sent = np.array([9.0, 0.0], np.float32)
    one = Point(ID, sent, {}, sent=sent)
    assert not same_vector(one, Point(ID, np.array([1.0, 0.0], np.float32), {}), Metric.COSINE)
