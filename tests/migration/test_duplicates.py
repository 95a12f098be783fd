"""Repeated hashes are found in memory and on disk alike."""

from __future__ import annotations

import random

import pytest

from netdoctor.migration.duplicates import HashLog, pair_hash


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
