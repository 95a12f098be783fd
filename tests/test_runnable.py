"""What the pages mark as runnable runs: a ``sh`` block right behind ``<!-- run: SCENE -->``, as one script, to its end.

The scenes: ``files`` (a folder with ``compose.yaml`` and ``export.json``, no engine), ``incident`` (the README's two
stacks, broken) and ``fixed`` (the same, mended). A command that fails fails the block, unless its comment says
``(exit N)``: then it ends with N and with nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from ci.kit import program
from test_readme import incident as incident
from test_readme import run

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
MARK = re.compile(r"^<!-- run: (?P<scene>.*?) -->$", re.MULTILINE)
BLOCK = re.compile(r"\n```sh\n(?P<script>.*?)^```$", re.MULTILINE | re.DOTALL)
SCENES = ("files", "incident", "fixed")


class Runnable(NamedTuple):
    page: str
    scene: str
    script: str


def runnable(page: Path) -> list[Runnable]:
    """Every marked block of a page; a mark without a block right behind it is an error."""
    text, found = FENCED_EXAMPLE.sub("", page.read_text("utf-8")), []
    for mark in MARK.finditer(text):
        block = BLOCK.match(text, mark.end())
        assert block, f"{page.name}: {mark[0]} stands before no sh block"
        assert mark["scene"] in SCENES, f"{page.name}: there is no scene {mark['scene']}"
        found.append(Runnable(page.name, mark["scene"], block["script"]))
    return found


FENCED_EXAMPLE = re.compile(r"`<!-- run: SCENE -->`")
ALL = [each for page in PAGES for each in runnable(page)]


def of(*scenes: str) -> list[Runnable]:
    return [each for each in ALL if each.scene in scenes]


def strict(script: str) -> str:
    """The script with each ``# ... (exit N)`` turned into a check of that status."""
    return re.sub(
        r"^(.+?) +# .*\(exit (\d+)\)$", r'status=0; \1 || status=$?; [ "$status" = \2 ]', script, flags=re.MULTILINE
    )


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("true\n", 0),
        ("false\ntrue\n", 1),
        ("sh -c 'exit 3'   # it fails (exit 3)\ntrue\n", 0),
        ("true # (exit 1)\n", 1),
    ],
)
def test_a_command_ends_as_the_page_says_or_fails_the_block(script, status):
    assert run("sh", "-euc", strict(script)).returncode == status


def play(block: Runnable, cwd: Path, state: Path, **env: str) -> str:
    program(state / "bin")
    if os.geteuid() == 0:
        (state / "bin" / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (state / "bin" / "sudo").chmod(0o755)
    words = {
        "PATH": os.pathsep.join([str(state / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "NETDOCTOR_STATE_DIR": str(state / "journal"),
        "NETDOCTOR_YES": "1",
    }
    done = subprocess.run(
        ["sh", "-eux"],
        input=strict(block.script),
        cwd=cwd,
        env={**os.environ, **words, **env},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{block.page}\n{block.script}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_has_something_to_run(scene):
    assert of(scene)


@pytest.mark.parametrize(
    "damage", ["<!-- run: files -->\n\n```sh\ntrue\n```\n", "<!-- run: moon -->\n```sh\ntrue\n```\n"]
)
def test_a_mark_that_would_run_nothing_is_found(tmp_path, damage):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{damage}")
    with pytest.raises(AssertionError, match=r"page\.md"):
        runnable(page)


@pytest.mark.parametrize("block", of("files"), ids=lambda block: block.page)
def test_what_needs_no_engine_runs(block, tmp_path):
    folder = tmp_path / "here"
    shutil.copytree(ROOT / "compose" / "incident" / "qdrant", folder)
    made = run(sys.executable, str(ROOT / "compose" / "incident" / "make_export.py"), "-o", str(folder / "export.json"))
    assert made.returncode == 0, made.stderr
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock"}
    assert play(block, folder, tmp_path / "state", **nowhere)


@pytest.mark.docker
def test_what_the_pages_say_about_the_incident_runs_on_it(incident, tmp_path):
    state = tmp_path / "state"
    for block in of("incident"):
        play(block, incident, state)
    mend = "netdoctor fix app qdrant"
    play(Runnable("the mended incident", "fixed", mend), incident, state)
    for block in of("fixed"):
        if "curl" not in block.script or shutil.which("curl"):
            play(block, incident, state, NETDOCTOR_PROJECT="readme-app")
