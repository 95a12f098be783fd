"""The diff is one that git applies, and an edit can be taken back from what a journal kept of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from netdoctor.compose_edit import EditRefused, Insertion, leave_network, plan_join, unified_diff

TEXTS = {
    "plain": b"services:\n  web:\n    image: x\n",
    "no final line break": b"services:\n  web:\n    image: x\n    networks:\n      - a\nnetworks:\n  a:",
    "touched last line": b"services:\n  web:\n    image: x\n    networks:",
    "CRLF": b"services:\r\n  web:\r\n    image: x\r\n",
    "byte order mark": b"\xef\xbb\xbfservices:\n  web:\n    image: x",
    "JSON": b'{"services": {"web": {"image": "x"}}}',
    "long": b"services:\n  web:\n    image: x\n" + b"".join(b"  s%d:\n    image: x\n" % n for n in range(400)),
}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("name", ["compose.yml", "a folder/my compose.yml", 'dö"c.yml'])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_git_applies_the_diff(text: bytes, name: str, tmp_path: Path) -> None:
    new = plan_join(text, "web", "shared").result
    assert new != text
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text)
    patch = unified_diff(text, new, name).encode("utf-8", "surrogateescape")
    command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(command, input=patch, cwd=tmp_path, check=True, timeout=30)
    assert file.read_bytes() == new


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_creates_a_file_from_the_diff(tmp_path: Path) -> None:
    patch = unified_diff(b"", b"a: b\n", "compose.override.yaml", created=True)
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "compose.override.yaml").read_bytes() == b"a: b\n"


def test_no_change_is_no_diff() -> None:
    assert unified_diff(b"a\n", b"a\n", "f") == ""


def test_an_edit_survives_a_journal() -> None:
    for text in TEXTS.values():
        edit = plan_join(text, "web", "shared")
        stored = json.dumps([insertion.as_json() for insertion in edit.insertions])
        loaded = [Insertion.from_json(item) for item in json.loads(stored)]
        assert tuple(loaded) == edit.insertions
        assert leave_network(edit.result, loaded) == text


def test_two_edits_are_taken_back_in_reverse_order() -> None:
    text = b"services:\n  web:\n    image: x\n  db:\n    image: y\n"
    first = plan_join(text, "web", "shared")
    second = plan_join(first.result, "db", "shared")
    assert first.undo(second.undo(second.result)) == text


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b"shared", b"other"),
        lambda data: b"# new first line\n" + data,
        lambda data: data[:-5],
        lambda data: b"",
    ],
)
def test_undo_refuses_a_file_that_has_changed(damage: object) -> None:
    edit = plan_join(TEXTS["plain"], "web", "shared")
    assert callable(damage)
    with pytest.raises(EditRefused, match="changed since"):
        edit.undo(damage(edit.result))


@pytest.mark.parametrize(
    "data", [None, [], {}, {"offset": -1, "text": "x"}, {"offset": True, "text": "x"}, {"offset": 1}]
)
def test_a_damaged_record_is_refused(data: object) -> None:
    with pytest.raises(EditRefused, match="damaged"):
        Insertion.from_json(data)
