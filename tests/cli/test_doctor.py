"""``netdoctor doctor``: one line each, and an exit status that says whether netdoctor can work."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from somebody import as_nobody

from .conftest import in_a_child


def test_without_an_engine_it_ends_with_3_and_says_what_to_do():
    ended = in_a_child("-H", "unix:///nonexistent/docker.sock", "doctor")
    assert ended.status == 3
    assert ended.err == ""
    first, remedy = ended.out.splitlines()[:2]
    assert first.startswith("bad   engine")
    assert "-> " in remedy


def test_its_json_says_the_same():
    ended = in_a_child("-H", "unix:///nonexistent/docker.sock", "doctor", "--format", "json")
    found = json.loads(ended.out)
    assert (ended.status, found["schema"], found["works"]) == (3, "netdoctor.doctor/1", False)
    assert found["lines"][0]["state"] == "bad"


@pytest.mark.docker
def test_where_all_is_there_it_ends_with_0(lab, tmp_path):
    ended = in_a_child("doctor", env={"NETDOCTOR_STATE_DIR": str(tmp_path)})
    assert ended.status == 0, ended
    assert "bad" not in {line.split()[0] for line in ended.out.splitlines()}


@pytest.mark.docker
def test_a_member_of_the_group_is_told_what_root_would_add(engine):
    socket = engine.host.socket_path
    if os.geteuid() != 0 or shutil.which("setpriv") is None or socket is None:
        pytest.skip("becoming another user needs root and setpriv")
    before = as_nobody(socket.stat().st_gid)
    notes = in_a_child("doctor", before=before, cwd="/")
    assert notes.status == 0
    assert "note  vantage netns" in notes.out
    assert in_a_child("doctor", "--fail-on", "warning", before=before, cwd="/").status == 1


@pytest.mark.docker
@pytest.mark.parametrize(
    "poor",
    [
        {"PATH": ""},
        {"HOME": "", "XDG_STATE_HOME": ""},
        {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
        {"NETDOCTOR_STATE_DIR": "/etc/passwd/x"},
    ],
    ids=lambda poor: " ".join(poor),
)
def test_in_a_poor_environment_each_line_that_is_not_well_has_its_remedy(engine, poor):
    socket = engine.host.socket_path
    if os.geteuid() != 0 or shutil.which("setpriv") is None or socket is None:
        pytest.skip("becoming another user needs root and setpriv")
    setpriv, *member = as_nobody(socket.stat().st_gid)
    before = (str(shutil.which(setpriv)), *member)
    ended = in_a_child("doctor", "--format", "json", before=before, cwd="/", env=poor)
    found = json.loads(ended.out)["lines"]
    assert ended.err == ""
    assert {line["subject"] for line in found} > {"engine", "vantage sidecar", "packet filter", "journal", "compose"}
    assert [line for line in found if line["state"] != "ok" and not line["remedy"]] == []
    assert ended.status == (3 if "bad" in {line["state"] for line in found} else 0)
