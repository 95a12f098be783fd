"""The ledger: what is done stays done, one process at a time, one run per ledger."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netdoctor.errors import UsageError
from netdoctor.migration.ledger import CREATED, LATE, REFUSED, LedgerBusy, LedgerMismatch, open_ledger


@pytest.mark.parametrize("seed", range(5))
def test_done_batches_survive_in_any_order(tmp_path: Path, seed: int) -> None:
    numbers = list(range(60))
    random.Random(seed).shuffle(numbers)
    path = tmp_path / "l"
    ledger = open_ledger(path)
    ledger.bind({"a": 1})
    for number in numbers[:40]:
        ledger.mark_done(number)
    ledger.close()
    again = open_ledger(path)
    assert [n for n in range(70) if again.is_done(n)] == sorted(numbers[:40])
    for number in numbers[40:]:
        again.mark_done(number)
    assert again.begun
    again.close()
    last = open_ledger(path)
    assert all(last.is_done(n) for n in range(60)) and not last.is_done(60)
    last.close()


def test_many_batches_stay_small(tmp_path: Path) -> None:
    path = tmp_path / "l"
    ledger = open_ledger(path)
    ledger.bind({})
    for number in range(3000):
        ledger.mark_done(number ^ 1)  # always two out of order
    ledger.close()
    assert path.stat().st_size < 100_000


def test_a_second_process_is_refused_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "l"
    hold = (
        "import sys, time; from pathlib import Path; from netdoctor.migration.ledger import open_ledger\n"
        "l = open_ledger(Path(sys.argv[1])); l.bind({'a': 1}); l.mark_done(0)\n"
        "print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", hold, str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(LedgerBusy, match="Another migration is running"):
            open_ledger(path)
        with pytest.raises(LedgerBusy):
            open_ledger(path, restart=True)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        ledger = open_ledger(path)
        assert ledger.is_done(0)
        ledger.close()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "l")
    assert ledger.bind({"target": "a", "id_field": "x"}) is False
    assert ledger.bind({"target": "a", "id_field": "x"}) is True
    with pytest.raises(LedgerMismatch, match="id field was 'x', now it is 'y'"):
        ledger.bind({"target": "a", "id_field": "y"})
    ledger.close()


def test_starting_over_keeps_only_what_we_created_and_where(tmp_path: Path) -> None:
    path = tmp_path / "l"
    ledger = open_ledger(path)
    ledger.bind({"target": "a"})
    ledger.set_origin("c", CREATED)
    ledger.mark_done(0)
    ledger.mark_done(5)
    ledger.close()
    again = open_ledger(path, restart=True)
    assert not again.begun and not again.is_done(5)
    assert again.bind({"target": "b"}) is False
    assert (again.origin("c"), again.fact("former target")) == (CREATED, "a")
    again.close()


def test_a_run_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    open_ledger(tmp_path / "l").close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "l"
    path.write_text("my notes, not a database" * 100)
    with pytest.raises(UsageError, match="cannot be used"):
        open_ledger(path)
    assert path.read_text().startswith("my notes")
    with pytest.raises(UsageError, match="cannot be used"):
        open_ledger(tmp_path / "absent" / "l")


def test_records_left_out_are_kept_with_the_reason_until_it_starts_over(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "l")
    ledger.bind({"target": "t"})
    ledger.set_trouble(7, REFUSED, "no")
    ledger.set_trouble(3, REFUSED, "never")
    ledger.set_trouble(5, LATE, "gone")
    ledger.remember({"writing": "61.0"})
    ledger.close()
    ledger = open_ledger(tmp_path / "l")
    assert ledger.touched() > 0
    assert list(ledger.troubles(REFUSED).items()) == [(3, "never"), (7, "no")]
    assert ledger.troubles(LATE) == {5: "gone"}
    ledger.close()
    ledger = open_ledger(tmp_path / "l", restart=True)
    assert not ledger.troubles(REFUSED) and ledger.fact("writing") == "61.0"
    ledger.close()
    new = open_ledger(tmp_path / "new")
    assert new.touched() == 0
    new.close()
