"""A file is written whole or not at all, read within bounds, and a pipe is not waited for for ever."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from netdoctor import files
from netdoctor.files import read_within, write_whole


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


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_what_no_file_can_be_called_is_an_os_error(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError):
        write_whole(path, "x")
    with pytest.raises(OSError):
        read_within(path, 10)
    assert list(tmp_path.iterdir()) == []


def test_links_in_a_circle_are_an_os_error(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "loop", tmp_path / "loop" / "x"):
        with pytest.raises(OSError):
            write_whole(path, "x")
        with pytest.raises(OSError):
            read_within(path, 10)


def test_a_name_as_long_as_a_name_may_be_is_written(tmp_path):
    for name in ("x" * 255, "é" * 127):
        write_whole(tmp_path / name, "x")
    with pytest.raises(OSError):
        write_whole(tmp_path / ("x" * 256), "x")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_pipe_that_nobody_holds_is_an_error_and_not_a_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="nobody reads it"):
        write_whole(tmp_path / "pipe", "x")
    with pytest.raises(OSError, match="nobody writes into it"):
        read_within(tmp_path / "pipe", 10)


def test_a_pipe_whose_writer_comes_late_and_thinks_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    def write() -> None:
        time.sleep(0.1)
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            for piece in (b"one ", b"two ", b"three"):
                time.sleep(0.05)
                pipe.write(piece)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    assert read_within(tmp_path / "pipe", 100) == b"one two three"
    writer.join(5)


def test_no_more_is_read_than_that(tmp_path):
    (tmp_path / "r").write_bytes(b"x" * 100)
    assert read_within(tmp_path / "r", 10) == b"x" * 10
    assert read_within(tmp_path / "r", 100) == b"x" * 100
    assert len(read_within("/dev/zero", 3 << 20)) == 3 << 20
    with pytest.raises(IsADirectoryError):
        read_within(tmp_path, 10)


def test_what_begins_with_the_wrong_byte_is_not_read_to_its_end(tmp_path):
    assert len(read_within("/dev/zero", 1 << 30, starts=b"{")) <= 1 << 20
    (tmp_path / "r").write_bytes(b" \n{" + b"x" * (3 << 20))
    assert len(read_within(tmp_path / "r", 1 << 30, starts=b"{")) == 3 + (3 << 20)
    (tmp_path / "blank").write_bytes(b" " * 10)
    assert read_within(tmp_path / "blank", 100, starts=b"{") == b" " * 10


def test_an_open_pipe_is_written_to_by_its_number():
    """``-o >(jq .)``, ``-o /dev/stdout``"""
    reading, writing = os.pipe()
    try:
        write_whole(f"/dev/fd/{writing}", "through")
        assert os.read(reading, 100) == b"through"
        os.write(writing, b"back")
        assert read_within(f"/dev/fd/{reading}", 4) == b"back"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_an_os_error():
    with pytest.raises(OSError):
        write_whole("/dev/full", "x")
