"""What is kept beside a result: locked, whole, and through no link."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from netdoctor.migration.safekeeping import growing, keep


def test_one_has_it_at_a_time_and_what_is_in_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with growing(path, 0o600) as one:
        one.write(b"abc")
        with pytest.raises(BlockingIOError):
            growing(path)
    with growing(path) as other:
        assert other.read() == b"abc"
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_link_is_followed_and_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for name in ("part", "word.new"):
        (tmp_path / name).symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic links"):
        growing(tmp_path / "part")
    with pytest.raises(IsADirectoryError):
        growing(tmp_path)
    keep(tmp_path / "word", {"a": "\ud800"})
    assert json.loads((tmp_path / "word").read_text()) == {"a": "\ud800"}
    assert (tmp_path / "mine").read_text() == "mine"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine", "part", "word"]


def test_a_word_that_cannot_be_kept_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path / "word", {"n": 1})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep(tmp_path / "word", {"n": 2})
    assert json.loads((tmp_path / "word").read_text()) == {"n": 1} and [each.name for each in tmp_path.iterdir()] == [
        "word"
    ]
