"""One ``--max-errors`` for all workers of a run: counted once, by everybody, whatever is killed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netdoctor.errors import MigrationFailed
from netdoctor.migration.allowance import Allowance, SharedRefusals
from netdoctor.migration.ledger import REFUSED, open_ledger

TAKER = """
import sys
from pathlib import Path
from netdoctor.migration.allowance import Allowance
allowance = Allowance(Path(sys.argv[1]), "r", 100)
print(sum(allowance.take(record) for record in range(int(sys.argv[2]), 400, 4)))
"""


def test_processes_together_take_as_many_as_one_may(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKER, str(tmp_path / "refused")]
    takers = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(4)]
    taken = [int(taker.communicate(timeout=60)[0]) for taker in takers]
    assert sum(taken) == 100 and all(taker.returncode == 0 for taker in takers)
    lines = (tmp_path / "refused").read_text().splitlines()
    assert lines[0] == "run r" and len(lines) == 101 and len(set(lines)) == 101


def test_threads_of_many_workers_take_as_many_as_one_may(tmp_path: Path) -> None:
    both = [Allowance(tmp_path / "refused", "r", 50) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda n: sum(both[n].take(each) for each in range(n, 200, 2)), range(2))
        assert sum(done) == 50


def test_a_record_is_counted_once_whoever_meets_it(tmp_path: Path) -> None:
    one, other = (Allowance(tmp_path / "refused", "r", 2) for _ in range(2))
    assert one.take(7) and other.take(7) and one.take(7) and other.take(9)
    assert not one.take(8) and not other.take(10) and one.take(9)
    # A worker that begins anew gives back what was its own.
    one.forget(9, 20)
    assert other.take(15) and not other.take(16) and one.take(7)
    # Another run begins anew for all.
    assert Allowance(tmp_path / "refused", "s", 1).take(3)
    assert (tmp_path / "refused").read_text() == "run s\n3\n"


def test_a_line_that_was_cut_is_no_line_and_none_may_be_taken_where_none_are_left(tmp_path: Path) -> None:
    path = tmp_path / "refused"
    assert Allowance(path, "r", 9).take(5)
    path.write_bytes(path.read_bytes() + b"12")
    again = Allowance(path, "r", 2)
    assert again.take(123) and not again.take(12)
    assert path.read_text() == "run r\n5\n123\n"
    assert not Allowance(tmp_path / "none", "r", 0).take(1)
    # Emptied under a worker's feet: what is in the file counts.
    path.write_bytes(b"")
    assert again.take(1) and again.take(2) and not again.take(3)


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(MigrationFailed, match="cannot be kept"):
        Allowance(tmp_path / "no" / "refused", "r", 1).take(1)
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "refused").symlink_to(tmp_path / "mine")
    with pytest.raises(MigrationFailed, match="cannot be kept"):
        Allowance(tmp_path / "refused", "r", 1).take(1)
    assert (tmp_path / "mine").read_text() == "mine"


def test_what_a_ledger_knows_is_counted_and_a_kill_between_the_two_counts_nothing_twice(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "l")
    ledger.set_trouble(4, REFUSED, "record 4: no")
    refusals = SharedRefusals(ledger, Allowance(tmp_path / "refused", "r", 2))
    assert refusals.take(4, "record 4: no") and 4 in refusals
    # Killed after it was counted, before the ledger knew: the next start meets it again.
    assert Allowance(tmp_path / "refused", "r", 2).take(6)
    again = SharedRefusals(ledger, Allowance(tmp_path / "refused", "r", 2))
    assert again.take(6, "record 6: no") and not again.take(7, "record 7: no")
    assert ledger.troubles(REFUSED) == {4: "record 4: no", 6: "record 6: no"}
    assert (tmp_path / "refused").read_text() == "run r\n4\n6\n"
    ledger.close()
