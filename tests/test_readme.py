"""What the README shows is what the program prints.

Each ```console block starts with ``$ command``; the rest of the block is that command's output on the incident's
stack. NETDOCTOR_UPDATE_README=1 writes the output anew.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdoctor.exits import MEANING

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
INCIDENT = ROOT / "compose" / "incident"
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
NAMES = ("app", "qdrant", "coolify", "qkkkc8kskocgwo0o8c444cgo")


def test_the_exit_table_is_the_programs() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", README.read_text("utf-8"), re.MULTILINE)
    assert {int(code): text for code, text in rows} == {int(code): text for code, text in MEANING.items()}


def test_the_table_has_every_verb() -> None:
    import click

    from netdoctor.cli.main import cli

    verbs = set(cli.list_commands(click.Context(cli)))
    named = set(re.findall(r"^\| `netdoctor (\w+)", README.read_text("utf-8"), re.MULTILINE))
    assert named == verbs


@pytest.mark.parametrize("verb", ["map", "check"])
def test_the_recorded_incident_is_drawn_and_judged_as_the_readme_shows(verb: str, tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    recorded = [block for block in BLOCK.finditer(text) if "--bundle" in block["command"]]
    assert [block["command"].split()[1] for block in recorded] == ["map"]
    words = shlex.split(recorded[0]["command"])
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "PYTHONPATH": str(ROOT)}
    done = run(sys.executable, "-m", "netdoctor", verb, *words[2:], cwd=ROOT, env=nowhere)
    assert "Traceback" not in done.stderr
    if verb == "check":
        assert done.returncode == 1
        assert "ND101 no shared network" in done.stdout
    elif os.environ.get("NETDOCTOR_UPDATE_README"):
        told = f"```console\n$ {recorded[0]['command']}\n"
        README.write_text(text.replace(recorded[0][0], f"{told}{done.stdout}```"), "utf-8")
    else:
        assert recorded[0]["output"] == done.stdout


def run(*words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def incident(plain_names: None, tmp_path: Path) -> Iterator[Path]:
    """The two stacks of the story under their own names, in copies of their compose files."""
    taken = [name for name in NAMES if run("docker", "inspect", name).returncode == 0]
    if taken:
        pytest.skip(f"this engine has something named {taken[0]} already")
    compose = run(str(ROOT / "compose" / "compose.sh"), "--which").stdout.split()
    for project in ("app", "qdrant"):
        shutil.copytree(INCIDENT / project, tmp_path / project)
        (tmp_path / project / ".env").write_text(
            f"COMPOSE_PROJECT_NAME=readme-{project}\nAPP_IMAGE=netdoctor-lab/busybox:1\n"
            "QDRANT_IMAGE=netdoctor-lab/qdrant:1\nQDRANT_NETWORK=qkkkc8kskocgwo0o8c444cgo\n"
        )
    try:
        assert run("docker", "network", "create", "coolify").returncode == 0
        for project in ("app", "qdrant"):
            done = run(*compose, "up", "-d", cwd=tmp_path / project)
            assert done.returncode == 0, done.stderr
        export = run(sys.executable, str(INCIDENT / "make_export.py"), "-o", str(tmp_path / "pinecone_export.json"))
        assert export.returncode == 0, export.stderr
        yield tmp_path
    finally:
        for project in ("app", "qdrant"):
            run(*compose, "down", "-v", "-t", "1", cwd=tmp_path / project)
        run("docker", "rm", "-f", "app", "qdrant")
        run("docker", "network", "rm", "coolify", "qkkkc8kskocgwo0o8c444cgo")


@pytest.mark.docker
def test_what_the_readme_shows_is_what_the_program_prints(incident: Path, tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    blocks = [block for block in BLOCK.finditer(text) if "--bundle" not in block["command"]]
    assert [block["command"].split()[1] for block in blocks] == ["check", "fix", "migrate"]
    said = {}
    for block in blocks:
        words = shlex.split(block["command"])
        state = {"NETDOCTOR_STATE_DIR": str(tmp_path / "state")}
        done = run(sys.executable, "-m", "netdoctor", *words[1:], cwd=incident, env=state)
        assert "Traceback" not in done.stderr
        said[block["command"]] = done.stdout.replace(str(incident), "/srv")
    if os.environ.get("NETDOCTOR_UPDATE_README"):
        README.write_text(BLOCK.sub(lambda found: _block(found, said), text), "utf-8")
        return
    for block in blocks:
        assert steady(block["output"]) == steady(said[block["command"]]), block["command"]


def _block(found: re.Match[str], said: dict[str, str]) -> str:
    return f"```console\n$ {found['command']}\n{said.get(found['command'], found['output'])}```"


def steady(text: str) -> list[str]:
    """Without what differs from run to run: addresses, durations, and the spaces around them."""
    # Whether a resolver outside says no or nothing at all differs from machine to machine.
    text = re.sub(r"dns +(?:no answer|not found) +(\S+):[^\n]*", r"dns UNRESOLVED \1", text)
    text = re.sub(r"(- dns \S+:) (?:no answer|no such name)", r"\1 UNRESOLVED", text)
    text = re.sub(r"\d+\.\d+\.\d+\.\d+", "IP", text)
    text = re.sub(r"\(?\b\d+(\.\d+)? ?(ms|s)\b\)?|\([\d,]+/s\)", "TIME", text)
    text = re.sub(r"-{3} .*|\+{3} .*|diff --git .*", "PATH", text)
    return " ".join(text.split()).split("\n")
