"""An embedded Qdrant leaves no folder behind that nothing was written into."""

from __future__ import annotations

from pathlib import Path

from netdoctor.migration.points import Metric
from netdoctor.migration.targets.folder import FolderTarget


def test_a_folder_made_for_nothing_is_taken_away_again(tmp_path: Path) -> None:
    folder = tmp_path / "emb"
    target = FolderTarget(folder)
    assert folder.is_dir()
    target.close()
    assert not folder.exists()


def test_one_with_a_collection_stays_and_so_does_one_that_was_there(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "used")
    target.create("things", 4, Metric.DOT)
    target.close()
    again = FolderTarget(tmp_path / "used")
    assert again.collection("things") is not None
    again.close()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note").write_text("kept")
    FolderTarget(tmp_path / "mine").close()
    assert (tmp_path / "mine" / "note").read_text() == "kept"
