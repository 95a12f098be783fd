"""Sums and the place to go on from are checkpointed in step with the batches, in whatever order they end."""

from __future__ import annotations

from pathlib import Path

from netdoctor.migration.batches import BEGINNING, Place
from netdoctor.migration.digest import Tally
from netdoctor.migration.ledger import open_ledger
from netdoctor.migration.plan import CollectionPlan
from netdoctor.migration.tracked import Tracker

PLANS = (CollectionPlan("a", 2, 40),)


def test_a_checkpoint_is_of_all_batches_before_one_number_and_keeps_the_place_behind_them(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "l")
    ledger.bind({})
    first = Tracker(ledger, PLANS)
    assert first.place == BEGINNING
    places = [Place(n + 1, 10 * (n + 1), 10 * (n + 1), {"a": n + 1}, {}) for n in range(4)]
    for number in (1, 0, 3):  # 2 is under way still
        tally = Tally.of([(f"id{number}", bytes([number]) * 16)])
        first.settled(number, "a", tally, {}, places[number] if number != 1 else None)
    first.save()
    again = Tracker(ledger, PLANS)
    assert again.upto == 2
    assert again.place == places[0]  # batch 1 told none: a little is read again
    assert again.sums["a"].points == 2
    ledger.forget_sums()
    assert Tracker(ledger, PLANS).place == BEGINNING
    ledger.close()
