"""The plan as a file: everybody who goes by it does the same, and only with the export that it was made of."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from netdoctor.errors import UsageError
from netdoctor.migration.batches import Limits
from netdoctor.migration.ledger import LedgerMismatch
from netdoctor.migration.plan import make_plan
from netdoctor.migration.planfile import PlanFile, read_plan, write_plan
from netdoctor.migration.points import Layout
from netdoctor.migration.sources.export_json import ExportJson

from .lab import records, write_export


def made(tmp_path: Path) -> tuple[PlanFile, ExportJson]:
    source = ExportJson(write_export(tmp_path / "e.json", records(40, 3)))
    plan = make_plan(source, Layout(strip_prefix="user_"))
    return write_plan(tmp_path / "plan.json", plan, source, limits=Limits(points=7)), source


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written, source = made(tmp_path)
    read = read_plan(written.path, source)
    assert (read.run, read.limits, read.layout, read.plan.collections) == (
        written.run,
        Limits(points=7),
        written.layout,
        written.plan.collections,
    )
    assert [r.id for r in read.plan.good(source, 10, 12)] == [r.id for r in written.plan.good(source, 10, 12)]
    assert "e.json" in written.path.read_text() and "values" not in written.path.read_text()


def test_a_copy_of_the_export_is_as_good_and_another_one_is_refused(tmp_path: Path) -> None:
    written, _ = made(tmp_path)
    copy = tmp_path / "copy.json"
    shutil.copy(tmp_path / "e.json", copy)
    os.utime(copy, (1, 1))
    other = ExportJson(copy)
    assert read_plan(written.path, other).plan.stamp == other.stamp()
    text = copy.read_text()
    copy.write_text(text.replace("contact_", "kontact_", 1))
    with pytest.raises(LedgerMismatch, match="another export"):
        read_plan(written.path, ExportJson(copy))
    copy.write_text(text + " ")
    with pytest.raises(LedgerMismatch, match="another export"):
        read_plan(written.path, ExportJson(copy))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "netdoctor.plan/1"}', '{"schema": "other/1"}', "\xff"])
def test_what_is_no_plan_is_told(tmp_path: Path, text: str) -> None:
    _, source = made(tmp_path)
    (tmp_path / "p").write_text(text, "latin-1")
    with pytest.raises(UsageError, match="no plan") as caught:
        read_plan(tmp_path / "p", source)
    assert "--dry-run --plan" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(tmp_path / "absent", source)


def test_a_plan_of_another_rule_for_ids_is_refused(tmp_path: Path) -> None:
    written, source = made(tmp_path)
    told = json.loads(written.path.read_text())
    told["mapping"]["mapping version"] += 1
    written.path.write_text(json.dumps(told))
    with pytest.raises(UsageError, match="maps records in another way"):
        read_plan(written.path, source)


@pytest.mark.parametrize("path", ["/dev/urandom", "/dev/zero", "/"])
def test_a_device_or_a_folder_is_no_plan(path: str) -> None:
    nothing: Any = None
    with pytest.raises(UsageError, match="it is no plain file"):
        read_plan(Path(path), nothing)
