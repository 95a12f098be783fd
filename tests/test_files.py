"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from netdoctor.files import write_whole


def test_a_new_file_has_the_usual_mode_and_nothing_lies_beside_it(tmp_path):
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "r.json", "é\n")
    finally:
        os.umask(old)
    assert (tmp_path / "r.json").read_text("utf-8") == "é\n"
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["r.json"]


def test_an_existing_file_keeps_its_mode(tmp_path):
    target = tmp_path / "r"
    target.write_text("old")
    target.chmod(0o600)
    write_whole(target, "new")
    assert (target.read_text(), stat.S_IMODE(target.stat().st_mode)) == ("new", 0o600)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_folder_is_refused_and_nothing_is_left_beside_it(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "folder", "x")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_that_names_no_file_is_an_os_error(path):
    with pytest.raises(OSError):
        write_whole(path, "x")


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "r", "x")


def test_a_device_is_written_to_and_not_replaced():
    write_whole("/dev/null", "x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_pipe_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()), daemon=True)
    reader.start()
    write_whole(tmp_path / "pipe", "through")
    reader.join(5)
    assert heard == ["through"]
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_lone_surrogate_is_written_as_an_escape(tmp_path):
    write_whole(tmp_path / "r", "a\udcffb")
    assert (tmp_path / "r").read_text() == "a\\udcffb"
