"""The page about the sources says what the registry knows, and what is named there is recognised."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any, cast

import pytest

from netdoctor.cli.main import run
from netdoctor.exits import Exit
from netdoctor.migration.points import Layout, Metric
from netdoctor.migration.sources.interface import SOURCES, suited
from netdoctor.migration.sources.qdrant import QdrantSource

from .files import json_array, json_lines, parquet

PAGE = Path(__file__).parents[3] / "docs" / "migration.md"
THINGS = [{"id": "a", "values": [1.0, 2.0]}]


def rows() -> dict[str, list[str]]:
    """Names of the kinds, and what may be named for each."""
    text = PAGE.read_text("utf-8").partition("## Sources")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `([\w-]+)` \| (.+?) \|", text, re.MULTILINE)
    return {kind: re.findall(r"`([^`]+)`", named) for kind, named in found}


def recognised(given: str, head: bytes | None) -> list[str]:
    return [name for name in SOURCES.names() if SOURCES.get(name).recognises(given, head)]


def test_the_page_lists_every_source() -> None:
    assert sorted(rows()) == list(SOURCES.names())


@pytest.mark.parametrize(("kind", "named"), [(kind, each) for kind, named in rows().items() for each in named])
def test_what_the_page_names_is_recognised_as_that_kind_and_no_other(tmp_path: Path, kind: str, named: str) -> None:
    if ":" in named:
        assert recognised(named, None) == [kind]
        return
    path = tmp_path / named
    if kind == "folder":
        path.mkdir()
        assert recognised(str(path), None) == [kind]
        return
    write = {"export-json": json_array, "json-lines": json_lines, "parquet": parquet}[kind]
    write(path, THINGS)
    assert recognised(str(path), path.read_bytes()[:4096]) == [kind]
    if named.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
        assert run(["migrate", str(path), "--dry-run", "-q"]) == Exit.OK


def test_what_is_forced_and_unknown_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = json_lines(tmp_path / "export.txt", THINGS)
    assert run(["migrate", str(path), "--dry-run", "--source", "json-lines"]) == Exit.OK
    capsys.readouterr()
    assert run(["migrate", str(path), "--dry-run", "--source", "csv"]) == Exit.USAGE
    assert f"sources: {', '.join(SOURCES.names())}" in capsys.readouterr().err
    path.write_text("id,values\n")
    assert run(["migrate", str(path), "--dry-run"]) == Exit.USAGE
    err = capsys.readouterr().err
    assert "is not recognised as one of the sources" in err
    assert "Traceback" not in err


def test_options_that_mean_nothing_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, table = json_lines(tmp_path / "e.jsonl", THINGS), parquet(tmp_path / "e.parquet", THINGS)
    assert run(["migrate", str(table), "--dry-run", "--source-option", "vectr=values"]) == Exit.USAGE
    assert "has no option 'vectr'" in (err := capsys.readouterr().err)
    assert "it has: id, metadata, namespace, sparse, sparse_indices, vector" in err
    assert run(["migrate", str(lines), "--dry-run", "--source-option", "vector=values"]) == Exit.USAGE
    assert "it has none" in capsys.readouterr().err
    # A folder passes on what each of its files knows.
    json_lines(lines, [{**THINGS[0], "id": "b"}])
    assert (
        run(["migrate", str(tmp_path), "--dry-run", "--source-option", "vector=values", "--max-errors", "9"]) == Exit.OK
    )
    assert run(["migrate", str(tmp_path), "--dry-run", "--source-option", "vectr=values"]) == Exit.USAGE
    capsys.readouterr()
    assert run(["migrate", str(lines), "--dry-run", "--namespace", "n"]) == Exit.USAGE
    assert "a file is migrated as a whole" in capsys.readouterr().err


def test_the_mapping_follows_a_source_that_knows_more() -> None:
    source = QdrantSource(cast(Any, None), {}, Metric.DOT, "old")
    assert suited(Layout(), source) == Layout(metric=Metric.DOT, exact=True)
    assert suited(Layout(), source, Metric.COSINE).metric is Metric.COSINE
