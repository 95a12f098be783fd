"""A file is always either the old or the new one, with the mode and owner it had."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess

import pytest

from netdoctor.errors import FixFailed
from netdoctor.fixes import files as module
from netdoctor.fixes.files import can_create, can_replace, create_file, read_file, remove_file, replace_file


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


def test_a_new_file_has_the_mode_and_owner_of_the_one_beside_it(file):
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    made = create_file(file.with_name("compose.override.yml"), b"new", read_file(file))
    after, like = made.path.stat(), file.stat()
    assert made.data == b"new"
    assert (after.st_uid, after.st_gid, stat.S_IMODE(after.st_mode)) == (like.st_uid, like.st_gid, 0o640)
    assert leftovers(file.parent) == []


def test_a_new_file_never_replaces_one_that_somebody_made_meanwhile(file, monkeypatch):
    path = file.with_name("compose.override.yml")
    monkeypatch.setattr(module, "can_create", lambda _: path.write_bytes(b"theirs") and None)
    with pytest.raises(FixFailed, match="made by somebody else"):
        create_file(path, b"ours", read_file(file))
    assert path.read_bytes() == b"theirs"
    assert leftovers(file.parent) == []


@pytest.mark.parametrize("theirs", [False, True])
def test_where_there_are_no_hard_links_it_is_renamed_and_still_replaces_nothing(file, monkeypatch, theirs):
    path = file.with_name("compose.override.yml")

    def no_links(*_):
        if theirs:
            path.write_bytes(b"theirs")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", no_links)
    if theirs:
        with pytest.raises(FixFailed, match="made by somebody else"):
            create_file(path, b"ours", read_file(file))
    else:
        create_file(path, b"ours", read_file(file))
    assert path.read_bytes() == (b"theirs" if theirs else b"ours")
    assert leftovers(file.parent) == []


def test_a_link_that_leads_nowhere_is_something_that_is_there(file):
    path = file.with_name("compose.override.yml")
    path.symlink_to("nowhere")
    with pytest.raises(FixFailed, match="there already"):
        create_file(path, b"ours", read_file(file))


def test_a_file_of_ours_is_taken_away_again_and_a_changed_one_is_not(file):
    path = file.with_name("compose.override.yml")
    made = create_file(path, b"ours", read_file(file))
    path.write_bytes(b"theirs")
    with pytest.raises(FixFailed, match="changed by somebody else"):
        remove_file(made)
    remove_file(read_file(path))
    assert not path.exists()


@pytest.fixture
def tiny(tmp_path):
    """A file system of its own with hardly any room."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False, timeout=20).returncode:
        pytest.skip("this needs leave to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)


def test_on_a_disk_that_is_really_full_the_old_file_stays_whole_and_no_new_one_is_made(tiny):
    file = tiny / "compose.yml"
    file.write_bytes(b"services: {}\n")
    found = read_file(file)
    with contextlib.suppress(OSError), (tiny / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
    for doing in (lambda: replace_file(found, b"y" * 9000), lambda: create_file(tiny / "new.yml", b"y" * 9000, found)):
        with pytest.raises(FixFailed, match="no space left on device"):
            doing()
    assert file.read_bytes() == b"services: {}\n"
    assert sorted(each.name for each in tiny.iterdir()) == ["compose.yml", "filler"]


def test_a_file_system_that_is_mounted_read_only_is_said_to_be(tiny):
    file = tiny / "compose.yml"
    file.write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True, timeout=20)
    with pytest.raises(FixFailed, match="read-only"):
        replace_file(read_file(file), b"new")
    assert can_create(tiny / "new.yml") == "its file system is mounted read-only"
