"""Repeated hashes are found in memory and on disk alike."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from netdoctor.migration.duplicates import HashLog, RivalLog, Rivals, Sorted, pair_hash


@pytest.mark.parametrize("run", [1, 7, 10_000])
def test_every_repeated_hash_is_found_and_no_other(run: int) -> None:
    chance = random.Random(3)
    numbers = [chance.getrandbits(64) for _ in range(300)]
    twice = numbers[10:20]
    with HashLog(run) as log:
        for number in [*numbers, *twice, twice[0]]:
            log.add(number)
        assert log.repeated() == frozenset(twice)


def test_nothing_added_is_nothing_repeated() -> None:
    with HashLog() as log:
        assert log.repeated() == frozenset()


def test_collection_and_id_are_told_apart() -> None:
    assert pair_hash("ab", "c") != pair_hash("a", "bc")
    assert pair_hash("a", "b") == pair_hash("a", "b")


@pytest.mark.parametrize("run", [4, 40, 100_000])
@pytest.mark.parametrize("wins", ["first", "last"])
def test_each_loser_is_told_once_with_its_winner(run: int, wins: str) -> None:
    points: dict[tuple[str, str], list[int]] = {}
    chance = random.Random(5)
    with RivalLog(run) as log:
        for number in range(1, 400):
            pair = (chance.choice("ab"), str(chance.randrange(120)))
            points.setdefault(pair, []).append(number)
            log.add(*pair, number, "ab".index(pair[0]))
        found = list(log.rivals(wins))
    expected = {
        Rivals(numbers[0] if wins == "first" else numbers[-1], loser, "ab".index(pair[0]))
        for pair, numbers in points.items()
        for loser in (numbers[1:] if wins == "first" else numbers[:-1])
    }
    assert len(found) == len(expected) and set(found) == expected


def test_hundreds_of_thousands_of_ids_all_twice_are_found_in_little_memory() -> None:
    count = 60_000
    with HashLog(1 << 14) as log, RivalLog(1 << 14) as rivals:
        tracemalloc.start()
        try:
            for number in range(2 * count):
                log.add((number % count) * 0x9E3779B97F4A7C15 & (1 << 64) - 1)
            assert len(log.repeated()) == count
            for number in range(20_000):
                rivals.add("c", str(number % 10_000), number, 0)
            assert sum(1 for _ in rivals.rivals("first")) == 10_000
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 16 * count + (4 << 20)


def test_sorted_numbers_are_a_collection_of_eight_bytes_each() -> None:
    some = Sorted([5, 3, 2**64 - 1, 3])
    assert list(some) == [3, 5, 2**64 - 1] and len(some) == 3
    assert 5 in some and 4 not in some and "5" not in some and 2**64 - 1 in some
    assert some == {3, 5, 2**64 - 1} and some != {3, 5} and Sorted() == frozenset()
