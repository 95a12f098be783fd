"""A file is always either the old or the new one, with the mode and owner it had."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from netdoctor.errors import FixFailed
from netdoctor.fixes import files as module
from netdoctor.fixes.files import can_replace, read_file, replace_file


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "compose.yml"
    made.write_bytes(b"old\r\n")
    made.chmod(0o640)
    return made


def leftovers(folder):
    return [each.name for each in folder.iterdir() if each.name.startswith(".")]


def test_the_new_bytes_are_there_with_the_old_mode_and_owner(file):
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    before = file.stat()
    found = replace_file(read_file(file), b"new\r\n")
    assert file.read_bytes() == found.data == b"new\r\n"
    after = file.stat()
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (before.st_uid, before.st_gid, 0o640)
    assert leftovers(file.parent) == []


def test_a_symlink_stays_and_what_it_leads_to_is_replaced(file, tmp_path):
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "docker-compose.yml"
    link.symlink_to(file)
    replace_file(read_file(link), b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert list(folder.iterdir()) == [link]


def test_changed_by_somebody_else_between_reading_and_writing_nothing_is_written(file):
    found = read_file(file)
    file.write_bytes(b"theirs")
    with pytest.raises(FixFailed, match="changed by somebody else"):
        replace_file(found, b"ours")
    assert file.read_bytes() == b"theirs"
    assert leftovers(file.parent) == []


def test_replaced_by_the_same_bytes_in_another_file_counts_as_changed_too(file):
    found = read_file(file)
    other = file.with_name("other")
    other.write_bytes(file.read_bytes())
    other.replace(file)
    with pytest.raises(FixFailed, match="changed by somebody else"):
        replace_file(found, b"ours")


def test_a_file_without_write_permission_is_left_alone_even_by_root(file):
    file.chmod(0o444)
    assert "read-only" in can_replace(read_file(file))
    with pytest.raises(FixFailed, match="read-only"):
        replace_file(read_file(file), b"new")
    assert file.read_bytes() == b"old\r\n"


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(file, monkeypatch, step):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    found = read_file(file)
    monkeypatch.setattr(module.os, step, full)
    with pytest.raises(FixFailed, match=r"no space left on device\. The file is as it was"):
        replace_file(found, b"new")
    monkeypatch.undo()
    assert file.read_bytes() == b"old\r\n"
    assert leftovers(file.parent) == []


def test_a_missing_file_a_folder_and_a_loop_of_links_are_one_sentence_each(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path / "none", tmp_path, loop):
        with pytest.raises(FixFailed):
            read_file(path)
