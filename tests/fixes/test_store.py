"""The journal's file: durable, one writer, a torn end tolerated, a newer format refused."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from netdoctor.fixes import store as module
from netdoctor.fixes.store import JournalBusy, JournalError, Store, state_folder


def opened(tmp_path):
    return Store(tmp_path / "state", "engine-1")


def test_what_was_appended_is_read_back_in_order(tmp_path):
    store = opened(tmp_path)
    with store.locked():
        store.append({"n": 1})
        store.append({"n": 2})
    assert opened(tmp_path).read() == [{"n": 1}, {"n": 2}]


def test_only_we_can_read_it(tmp_path):
    store = opened(tmp_path)
    with store.locked():
        store.append({"n": 1})
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_a_torn_last_line_is_left_out_and_cut_off_before_the_next_record(tmp_path):
    store = opened(tmp_path)
    with store.locked():
        store.append({"n": 1})
    with store.path.open("ab") as handle:
        handle.write(b'{"n": 2, "half')
    assert store.read() == [{"n": 1}]
    with store.locked():
        store.append({"n": 3})
    assert store.read() == [{"n": 1}, {"n": 3}]


def test_a_file_cut_anywhere_is_still_a_journal(tmp_path):
    store = opened(tmp_path)
    with store.locked():
        for number in range(3):
            store.append({"n": number})
    whole = store.path.read_bytes()
    for length in range(len(whole)):
        store.path.write_bytes(whole[:length])
        found = store.read()
        assert found == [{"n": n} for n in range(len(found))]


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    store = opened(tmp_path)
    with store.locked():
        store.append({"n": 1})
        store.append({"n": 2})
    lines = store.path.read_bytes().split(b"\n")
    lines[1] = b"\x00\x00"
    store.path.write_bytes(b"\n".join(lines))
    with pytest.raises(JournalError, match="Line 2"):
        store.read()


def test_a_newer_format_is_refused_before_anything_is_written(tmp_path):
    store = opened(tmp_path)
    store.folder.mkdir()
    text = json.dumps({"netdoctor": "journal", "version": 99, "engine": "e"}) + "\n"
    store.path.write_text(text)
    with pytest.raises(JournalError, match="newer netdoctor"), store.locked():
        pass
    assert store.path.read_text() == text


def test_something_else_under_its_name_is_refused(tmp_path):
    store = opened(tmp_path)
    store.folder.mkdir()
    store.path.write_text('{"a": 1}\n')
    with pytest.raises(JournalError, match="not a netdoctor journal"):
        store.read()


def test_a_second_netdoctor_is_turned_away_at_once_and_told_who_holds_it(tmp_path):
    store = opened(tmp_path)
    code = (
        "import sys; from pathlib import Path; from netdoctor.fixes.store import *\n"
        "s = Store(Path(sys.argv[1]), 'engine-1')\n"
        "try:\n"
        "    with s.locked(): print('got it')\n"
        "except JournalBusy as error: print(error.message)\n"
    )
    with store.locked():
        said = subprocess.run(
            [sys.executable, "-c", code, str(store.folder)], capture_output=True, text=True, timeout=30, check=True
        )
    assert f"process {os.getpid()}" in said.stdout
    with opened(tmp_path).locked():
        pass


def test_one_process_cannot_hold_it_twice_either(tmp_path):
    with opened(tmp_path).locked(), pytest.raises(JournalBusy), opened(tmp_path).locked():
        pass


def test_a_full_disk_leaves_no_half_record(tmp_path, monkeypatch):
    store = opened(tmp_path)
    with store.locked():
        store.append({"n": 1})
        real = os.write

        def full(handle, data):
            real(handle, data[:4])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(module.os, "write", full)
        with pytest.raises(JournalError, match="no space left"):
            store.append({"n": 2})
        monkeypatch.setattr(module.os, "write", real)
        store.append({"n": 3})
    assert store.read() == [{"n": 1}, {"n": 3}]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(JournalError, match="Could not create the journal"), Store(blocked / "x", "e").locked():
        pass


def test_writing_without_the_lock_is_a_programming_error(tmp_path):
    with pytest.raises(RuntimeError):
        opened(tmp_path).append({"n": 1})


@pytest.mark.parametrize(
    ("environment", "root", "expected"),
    [
        ({}, True, "/var/lib/netdoctor/A_B"),
        ({"HOME": "/home/u"}, False, "/home/u/.local/state/netdoctor/A_B"),
        ({"HOME": "/home/u", "XDG_STATE_HOME": "/s"}, False, "/s/netdoctor/A_B"),
        ({"NETDOCTOR_STATE_DIR": "/mine"}, True, "/mine/A_B"),
    ],
)
def test_where_it_lives(environment, root, expected):
    assert str(state_folder("A:B", environment, root=root)) == expected


def test_an_engine_id_never_leaves_its_folder():
    found = state_folder("../../etc/passwd", {"NETDOCTOR_STATE_DIR": "/mine"}, root=True)
    assert str(found) == "/mine/______etc_passwd"
