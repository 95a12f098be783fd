"""A baseline is a file that people write too: every mistake in it has its sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdoctor.errors import UsageError
from netdoctor.migration.baseline import ratios, read_baseline


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no JSON file"),
        ("[" * 100_000, "no JSON file"),
        ("[]", "no table of rows"),
        ('{"rows": {}}', "no table of rows"),
        ('{"rows": {"search": 5}}', "no percentiles for 'search'"),
        ('{"rows": {"search": {"p50": 0}}}', "no time above zero as p50"),
        ('{"rows": {"search": {"p95": "35 ms"}}}', "no time above zero as p95"),
        ('{"rows": {"search": {"p99": NaN}}}', "no time above zero as p99"),
        ('{"rows": {"search": {"p50": true}}}', "no time above zero as p50"),
    ],
)
def test_a_mistake_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=sentence) as refused:
        read_baseline(file)
    assert "--save" in refused.value.hint


def test_no_file_and_no_text_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "away"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_baseline(path)
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_baseline(tmp_path / "b")


def test_ratios_are_of_what_both_have_and_a_name_may_be_left_out(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text('{"rows": {"search": {"p50": 4, "p99": 8, "mean": "x"}, "fetch": {"p50": 1}}}')
    baseline = read_baseline(file)
    assert baseline.name == "old"
    found = ratios({"search": {"p50": 1.0, "p95": 2.0, "p99": 16.0}, "count": {"p50": 1.0}}, baseline.rows)
    assert found == {"search": {"p50": 0.25, "p99": 2.0}}
