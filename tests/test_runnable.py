"""What the pages show runs: a ``sh`` block right behind ``<!-- run: SCENE -->``, as one script, to its end.

The scenes: ``files`` (a folder with ``compose.yaml`` and ``export.json``, no engine), ``incident`` (the README's two
stacks, broken), ``fixed`` (the same, mended), ``moved`` (and the vectors are in Qdrant), and those in which a platform
made qdrant: ``coolify``, ``dokploy``, ``portainer``, ``caprover``. A command that fails fails the block, unless its
comment says ``(exit N)``: then it ends with N and with nothing else. A watch and a tunnel stay until their first word,
and are then told to end. Every other block says in the page why no test runs it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
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
PLATFORMS = {
    "coolify": {"coolify.managed": "true", "coolify.type": "service"},
    "dokploy": {"com.docker.compose.project.config_files": "/etc/dokploy/compose/qdrant-x1/code/docker-compose.yml"},
    "portainer": {"com.docker.compose.project.config_files": "/data/compose/7/docker-compose.yml"},
    "caprover": {"com.caprover.managed": "true"},
}
SCENES = ("files", "incident", "fixed", "moved", *PLATFORMS)
NOT_RUN = re.compile(r"(?:<!-- not run: \S.*? -->|\*Not run by a test\b[^*]+\*\n)\n?\Z")
PAGE_NOT_RUN = re.compile(r"^\*Not run by a test as they stand, the examples of this page:", re.MULTILINE)
FENCE = re.compile(r"^```sh$", re.MULTILINE)
INDENTED = re.compile(r"^    (?:sudo |\$ )?(?:netdoctor|docker|make|pytest|pip|pipx|uvx?|export) ", re.MULTILINE)
COLLECTION = "IFxPCgSA8NapEq5W8jh6yHrtJGJ2"
QDRANT_NETWORK = "qkkkc8kskocgwo0o8c444cgo"
MIGRATE = "netdoctor migrate export.json --via app --to qdrant --strip-prefix user_"
STAYS = re.compile(r"^netdoctor (?:watch|tunnel)\b", re.MULTILINE)
STAY = """\
import signal, subprocess, sys, threading
with subprocess.Popen(["netdoctor", *sys.argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as it:
    killer = threading.Timer(60, it.kill)
    killer.start()
    print(it.stdout.readline(), end="")
    it.send_signal(signal.SIGINT)
    print(it.stdout.read(), end="")
    ended = it.wait()
    killer.cancel()
sys.exit(ended != 130 and f"it ended with {ended}")
"""
"""Runs a netdoctor until its first word, then Ctrl-C."""


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


def without_a_word(page: Path) -> list[str]:
    """The first lines of shell blocks that are neither marked to be run, nor said not to be."""
    text, found = page.read_text("utf-8"), []
    if page.name == "commands.md" or PAGE_NOT_RUN.search(text):
        return []  # commands.md is --help: each example is held against the real options
    for fence in FENCE.finditer(text):
        before = text[: fence.start()]
        if not (re.search(r"<!-- (?:run|from): .*? -->\n\Z", before) or NOT_RUN.search(before)):
            found.append(text[fence.end() :].split("\n")[1])
    return found + [match[0].strip() for match in INDENTED.finditer(FENCED.sub("", text))]


FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [*PAGES[:-1]], ids=lambda page: page.stem)
def test_every_shell_block_is_run_or_says_why_not(page):
    assert without_a_word(page) == []


@pytest.mark.parametrize(
    "text",
    ["```sh\nls\n```\n", "Words.\n\n```sh\nls\n```\n", "Run:\n\n    netdoctor check a b\n"],
)
def test_a_block_of_which_nothing_is_said_is_found(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{text}")
    assert without_a_word(page)
    page.write_text("# A page\n\n*Not run by a test: it is long,\nand dear.*\n\n```sh\nls\n```\n")
    assert not without_a_word(page)


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
    (state / "stay.py").write_text(STAY)
    stay = f"{shlex.quote(sys.executable)} {shlex.quote(str(state / 'stay.py'))}"
    script = STAYS.sub(lambda found: found[0].replace("netdoctor", stay), strict(block.script))
    words = {
        "HOME": str(state / "home"),
        "PATH": os.pathsep.join([str(state / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "NETDOCTOR_STATE_DIR": str(state / "journal"),
        "NETDOCTOR_YES": "1",
    }
    done = subprocess.run(
        ["sh", "-eux"],
        input=script,
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
    play(block, folder, tmp_path / "state", **nowhere)


@pytest.mark.docker
def test_what_the_pages_say_about_the_incident_runs_on_it(incident, tmp_path):
    stand = Stand(incident, tmp_path / "state")
    for block in of("incident"):
        stand.play(block)
        stand.broken()
    stand.also("netdoctor fix app qdrant")
    for block in [*of("fixed"), *of("moved")]:
        stand.moved() if block.scene == "moved" else stand.empty()
        # What is learned is of the incident, whatever else this engine runs.
        stand.play(block, **({"NETDOCTOR_PROJECT": "readme-app"} if "expect --learn" in block.script else {}))
    for platform, labels in PLATFORMS.items():
        stand.made_by(labels)
        for block in of(platform):
            stand.play(block)
            stand.broken()
    assert not stand.failed, "\n\n".join(stand.failed)


class Stand:
    """The incident, and what is put back between two blocks. What fails is kept; the rest is played too."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder, self.state = folder, state
        self.failed: list[str] = []
        self.last = self.last_scene = ""
        shutil.copy(folder / "pinecone_export.json", folder / "export.json")
        self.began = set(folder.iterdir())

    def play(self, block: Runnable, **env: str) -> None:
        needs = [name for name in ("curl", "jq", "logger") if name in block.script and shutil.which(name) is None]
        script = block.script.replace("COLLECTION", COLLECTION)
        self.last, self.last_scene = script, block.scene
        try:
            if f"{COLLECTION} NAME" in script:
                script = script.replace(" NAME ", f" {self.snapshot()} ")
            if not needs:
                play(block._replace(script=script), self.folder, self.state, **env)
        except AssertionError as error:
            self.failed.append(str(error))

    def also(self, script: str) -> str:
        """What has to be so before the next block."""
        return play(Runnable("between two blocks", "", script), self.folder, self.state)

    def snapshot(self) -> str:
        """The name of one that is there."""
        at = f"{COLLECTION} --via app --to qdrant"
        self.also(f"netdoctor vectors snapshot create {at}")
        listed = json.loads(self.also(f"netdoctor vectors snapshot list {at} --format json"))
        return str(listed["snapshots"][0]["name"])

    def broken(self) -> None:
        """As it was, whatever was fixed."""
        if "netdoctor fix" in self.last and "netdoctor undo" not in self.last:
            self.undo()
        run("docker", "network", "disconnect", "-f", "coolify", "qdrant")

    def undo(self) -> subprocess.CompletedProcess[str]:
        env = {"NETDOCTOR_STATE_DIR": str(self.state / "journal")}
        return run(sys.executable, "-m", "netdoctor", "undo", "--yes", cwd=ROOT, env=env)

    def empty(self) -> None:
        """No collection, and no file that a block has written."""
        for path in set(self.folder.iterdir()) - self.began:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        command = ["docker", "inspect", "-f", '{{(index .NetworkSettings.Networks "coolify").IPAddress}}', "qdrant"]
        url = f"http://{run(*command).stdout.strip()}:6333/collections"
        with urllib.request.urlopen(url, timeout=20) as answer:
            names = [each["name"] for each in json.load(answer)["result"]["collections"]]
        for name in names:
            urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="DELETE"), timeout=20).close()

    def moved(self) -> None:
        """The vectors are in Qdrant; moved again only where a block took them back."""
        if "rollback" in self.last or self.last_scene != "moved":
            self.empty()
            self.also(MIGRATE)

    def made_by(self, labels: dict[str, str]) -> None:
        """qdrant anew on its own network, as a platform would have made it."""
        run("docker", "rm", "-f", "-v", "qdrant")
        words = [f"--label={key}={value}" for key, value in {**COMPOSED, **labels}.items()]
        image = "netdoctor-lab/qdrant:1"
        made = run(
            "docker",
            "run",
            "-d",
            "--name",
            "qdrant",
            "--network",
            QDRANT_NETWORK,
            "--network-alias",
            "qdrant",
            *words,
            image,
        )
        assert made.returncode == 0, made.stderr


COMPOSED = {"com.docker.compose.project": "qkkkc8kskocgwo0o8c444cgo", "com.docker.compose.service": "qdrant"}
