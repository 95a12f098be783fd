"""The capacity table is the published formula, for every power of ten."""

from __future__ import annotations

import json

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.capacity import duration, in_words, needs


def test_a_million_of_1024_dimensions_is_what_the_vendor_publishes() -> None:
    rows = {row.vectors: row for row in needs(1024, 0)}
    assert sorted(rows) == [10**n for n in range(2, 9)]
    million = rows[10**6]
    assert million.memory == million.disk == 6_144_000_000
    assert (million.memory_int8, million.memory_binary, million.load) == (1_536_000_000, 192_000_000, None)
    assert needs(1024, 1000)[4].disk == 6_144_000_000 + 1_500_000_000
    assert needs(4, 0, per_second=50.0)[0].load == 2.0


def test_sizes_and_times_in_words() -> None:
    assert [in_words(n) for n in (0, 999, 1000, 999_949, 999_950, 6_144_000_000, 5e15)] == [
        "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "6.1 GB", "5000.0 TB",
    ]  # fmt: skip
    assert [duration(n) for n in (0.04, 119, 121, 7201)] == ["0.0 s", "119.0 s", "2 min", "2.0 h"]


def test_the_command_needs_no_server_when_the_numbers_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vectors", "capacity", "--dimension", "1024", "--payload-bytes", "1000"]) == Exit.OK
    assert "1,000,000    6.1 GB    1.5 GB  192.0 MB    7.6 GB" in capsys.readouterr().out
    assert run(["vectors", "capacity", "--dimension", "8", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "netdoctor.capacity/1" and told["payload_bytes"] == 500
    assert run(["vectors", "capacity"]) == Exit.USAGE
    assert "how long the vectors are" in capsys.readouterr().err
    assert run(["vectors", "capacity", "--dimension", "8", "--format", "sarif"]) == Exit.USAGE
