"""The generated export is the incident's: its size, its namespaces, its ids."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "compose" / "incident" / "make_export.py"


def export(target: Path, *arguments: str) -> bytes:
    subprocess.run([sys.executable, str(SCRIPT), "-o", str(target), *arguments], check=True, timeout=60)
    return target.read_bytes()


def test_it_is_the_incidents_export_and_always_the_same(tmp_path: Path) -> None:
    data = export(tmp_path / "first.json")
    assert data == export(tmp_path / "second.json")
    assert 1_100_000 < len(data) < 1_300_000
    records = json.loads(data)
    assert [list(record) for record in records] == [["id", "values", "metadata", "namespace"]] * 103
    assert records[0]["id"] == "contact_1764088271366_mj1ve5wuv"
    assert len({record["id"] for record in records}) == 103
    assert Counter(record["namespace"] for record in records) == {
        "user_IFxPCgSA8NapEq5W8jh6yHrtJGJ2": 102,
        "user_ScmVq6p8ubQ9JFbniF2Vg5ocmbv2": 1,
    }
    assert {len(record["values"]) for record in records} == {1024}
    assert {frozenset(record["metadata"]) for record in records} == {
        frozenset(("name", "email", "company", "jobTitle"))
    }
    assert all(record["metadata"]["email"].endswith("@example.com") for record in records)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.json", "second.json"]


def test_its_vectors_are_not_normalised(tmp_path: Path) -> None:
    records = json.loads(export(tmp_path / "export.json"))
    lengths = [math.hypot(*record["values"]) for record in records]
    assert all(length > 0 for length in lengths)
    assert not any(math.isclose(length, 1, abs_tol=1e-3) for length in lengths)


@pytest.mark.parametrize(("count", "dimensions"), [(0, 4), (1, 1), (7, 128)])
def test_other_sizes(tmp_path: Path, count: int, dimensions: int) -> None:
    records = json.loads(export(tmp_path / "export.json", "--count", str(count), "--dim", str(dimensions)))
    assert [len(record["values"]) for record in records] == [dimensions] * count
