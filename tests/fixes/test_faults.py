"""Whatever happens in the middle: the compose file is the old one or the new one, and the journal always knows.

Each run costs a second, so by default only some of the moments are tried on the real engine (all of them are, in
memory, in test_run.py). All of them: ``NETDOCTOR_FAULTS=every``, or ``make faults``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .live import Incident, incident

pytestmark = pytest.mark.docker

EVERY = os.environ.get("NETDOCTOR_FAULTS") == "every"
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(Path(__file__).with_name("killed_at.py"))
ORIGINAL = b"services:\n  app:\n    image: y\n    networks: [x]\n  qdrant:\n    image: x  # kept\nnetworks: {x: {}}\n"
MOST = 60
"""Moments; a run with more of them has changed what it does."""


def moments(few: tuple[int, ...]) -> list[int]:
    return list(range(MOST)) if EVERY else list(few)


@dataclass
class Story:
    """The incident with a compose file behind one end."""

    told: Incident
    file: Path
    state: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """In a process group of its own, so that nobody else is interrupted."""
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, timeout=120, check=False, start_new_session=True
        )

    def at(self, moment: int, happening: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(PROGRAM, str(moment), happening, *words)

    def fix(self, *more: str) -> tuple[str, ...]:
        return ("fix", *self.told.names, "--isolate", "--persist", "--yes", *more)

    @property
    def before(self) -> bool:
        """Networks and file as they were, and no network left behind."""
        made = [
            each for each in self.told.lab.api.networks() if each["Name"].startswith("netdoctor-") and self.ours(each)
        ]
        return self.told.red() and self.file.read_bytes() == ORIGINAL and not made

    @property
    def whole(self) -> bool:
        """The file is the old one or the new one."""
        data = self.file.read_bytes()
        return data == ORIGINAL or (data.startswith(ORIGINAL[:30]) and data.count(b"external: true") == 1)

    @property
    def alone(self) -> bool:
        """Nothing of ours lies beside it."""
        return [each.name for each in self.file.parent.iterdir()] == [self.file.name]

    def ours(self, network: dict[str, Any]) -> bool:
        return self.told.qdrant.name in network["Name"]


@pytest.fixture
def story(lab, netdoctor, state, tmp_path):
    folder = tmp_path / "stack"
    folder.mkdir()
    file = folder / "compose.yaml"
    file.write_bytes(ORIGINAL)
    labels = {
        "com.docker.compose.project": f"nd{lab.suffix}",
        "com.docker.compose.project.working_dir": str(folder),
        "com.docker.compose.project.config_files": str(file),
    }
    return Story(incident(lab, labels=labels), file, state)


def ended(run: subprocess.CompletedProcess[str]) -> bool:
    """By itself, since there are fewer moments than that."""
    return run.stderr.split()[-1].isdigit()


def cleaned(story: Story, netdoctor) -> None:
    """Whatever the journal has in effect is taken back, and everything is as before."""
    for _ in range(3):
        undone = netdoctor("undo", "--yes")
        assert undone.status == 0, undone
        if "Nothing to undo" in undone.out:
            break
    assert story.before, story.file.read_text()
    assert story.alone


def test_killed_at_any_moment_the_next_run_reverts_it(story, netdoctor):
    for moment in moments((9, 24)):
        killed = story.at(moment, "KILL", *story.fix())
        assert killed.returncode in (-signal.SIGKILL, 0), killed.stderr
        assert story.whole, moment
        if not story.before:
            # The journal knows, and the next fix refuses to begin beside it or finds its work done.
            assert "Nothing to undo" not in netdoctor("undo", "--dry-run").out, moment
        cleaned(story, netdoctor)
        if killed.returncode == 0:
            assert ended(killed)
            return
    assert not EVERY, "it never ended"


def test_killed_at_any_moment_the_next_run_finishes_it(story, netdoctor):
    for moment in moments((13,)):
        killed = story.at(moment, "KILL", *story.fix())
        again = netdoctor(*story.fix())
        if "An earlier fix was interrupted" in again.err:
            assert again.status == 1
            assert netdoctor("fix", "--finish").status == 0, moment
        assert netdoctor("check", *story.told.names).status == 0, moment
        cleaned(story, netdoctor)
        if killed.returncode == 0:
            assert ended(killed)
            return
    assert not EVERY, "it never ended"


def test_an_undo_that_is_killed_at_any_moment_is_completed_by_the_next(story, netdoctor):
    for moment in moments((4,)):
        assert netdoctor(*story.fix()).status == 0
        killed = story.at(moment, "KILL", "undo", "--yes")
        assert killed.returncode in (-signal.SIGKILL, 0), killed.stderr
        assert story.whole, moment
        cleaned(story, netdoctor)
        if killed.returncode == 0:
            assert ended(killed)
            return
    assert not EVERY, "it never ended"


def test_ctrl_c_at_any_moment_ends_with_130_and_nothing_half_done(story, netdoctor):
    for moment in moments((8, 23)):
        done = story.at(moment, "INT", *story.fix())
        assert done.returncode in (130, 0), (moment, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        assert story.whole, moment
        if done.returncode == 130:
            assert "interrupted" in done.stderr
            # Rolled back, or, once it was confirmed and kept, whole.
            if not story.before:
                assert netdoctor("check", *story.told.names).status == 0, (moment, done.stderr)
                assert "Nothing to undo" not in netdoctor("undo", "--dry-run").out, moment
        cleaned(story, netdoctor)
        if done.returncode == 0:
            assert ended(done)
            return
    assert not EVERY, "it never ended"


def test_ctrl_c_while_the_questions_are_asked_leaves_nothing(story, netdoctor):
    """Nothing was changed yet: there is nothing to take back."""
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "9999", "never", "check", *story.told.names, "--wait", "60"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    timer = threading.Timer(1.5, lambda: os.killpg(process.pid, signal.SIGINT))
    timer.start()
    _, err = process.communicate(timeout=60)
    timer.join()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert story.before


def test_two_netdoctors_at_once_one_fixes_and_one_is_turned_away_or_finds_it_done(story, netdoctor):
    """Real processes, started together."""
    command = [sys.executable, "-m", "netdoctor", "fix", *story.told.names, "--persist", "--yes"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=120) for each in both]
    statuses = sorted(each.returncode for each in both)
    assert statuses[0] == 0, said
    for (out, err), each in zip(said, both, strict=True):
        assert each.returncode == 0 or "Another netdoctor" in err or "meanwhile" in out + err, (out, err)
    assert netdoctor("check", *story.told.names).status == 0
    assert story.file.read_bytes().count(b"external: true") == 1
    cleaned(story, netdoctor)


def test_the_second_one_is_turned_away_while_the_first_is_in_the_middle(story, netdoctor, tmp_path):
    """The first one stops in its middle to start the second."""
    said = tmp_path / "said"
    script = tmp_path / "second"
    words = " ".join(story.fix())
    script.write_text(f"#!/bin/sh\n{sys.executable} -m netdoctor {words} >{said} 2>&1\necho $? >>{said}\n")
    script.chmod(0o755)
    assert story.at(8, str(script), *story.fix()).returncode == 0
    assert "Another netdoctor (process " in " ".join(said.read_text().split())
    assert said.read_text().split()[-1] == "3"
    cleaned(story, netdoctor)


def test_a_file_that_was_changed_between_reading_and_writing_is_left_alone(story, netdoctor, tmp_path):
    script = tmp_path / "editor"
    script.write_text(f"#!/bin/sh\necho '# by somebody else' >>{story.file}\n")
    script.chmod(0o755)
    done = story.at(4, str(script), *story.fix())
    assert done.returncode == 1, done.stderr
    assert "was changed by somebody else meanwhile" in " ".join(done.stdout.split())
    assert "NOT permanent: paste this" in done.stdout
    assert story.file.read_bytes() == ORIGINAL + b"# by somebody else\n"
    assert netdoctor("undo", "--yes").status == 0
    assert story.told.red()


def test_a_read_only_file_is_fixed_live_and_the_lines_are_given(story, netdoctor):
    story.file.chmod(0o444)
    said = netdoctor(*story.fix())
    assert said.status == 1
    assert "LIVE fixed. NOT permanent: paste this" in said.out
    assert story.file.read_bytes() == ORIGINAL
    cleaned(story, netdoctor)


@pytest.fixture
def tiny(tmp_path):
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount one")
    folder = tmp_path / "tiny"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, left: int = 0) -> None:
    """Until no more than ``left`` bytes are free."""
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 1024)
        except OSError:
            filler.truncate(max(0, filler.tell() - left))


def test_a_full_disk_under_the_journal_changes_nothing_or_rolls_back(story, netdoctor, tiny, monkeypatch):
    """Without room for the first record nothing is begun; with room for some, what was done is taken back."""
    monkeypatch.setenv("NETDOCTOR_STATE_DIR", str(tiny))
    for room in (0, 4096):
        fill(tiny, room)
        said = netdoctor(*story.fix())
        assert said.status == 3, said
        assert "no space left" in said.err
        assert story.before
        (tiny / "filler").unlink()
        cleaned(story, netdoctor)
    assert netdoctor(*story.fix()).status == 0
    cleaned(story, netdoctor)


def test_a_journal_that_is_damaged_newer_or_unwritable_changes_nothing(story, netdoctor):
    assert netdoctor(*story.fix()).status == 0
    cleaned(story, netdoctor)
    (journal,) = story.state.glob("*/journal.jsonl")
    good = journal.read_bytes()
    lines = good.split(b"\n")
    for bad in (
        good.replace(b'"version": 1', b'"version": 99'),
        b"\n".join([lines[0], b'{"do": "be', *lines[2:]]),
        b"somebody's notes\n",
    ):
        journal.write_bytes(bad)
        said = netdoctor(*story.fix())
        assert said.status == 3, said
        assert "journal" in said.err
        assert netdoctor("undo", "--yes").status == 3
        assert story.before
        assert journal.read_bytes() == bad, "nobody rewrites what he does not understand"
    journal.unlink()
    journal.mkdir()
    assert netdoctor(*story.fix()).status == 3
    assert story.before
    journal.rmdir()
    # A torn last record was never acted upon.
    journal.write_bytes(good[:-30])
    assert netdoctor(*story.fix()).status == 0
    cleaned(story, netdoctor)


# --- the engine goes away ----------------------------------------------------------------------------------------


ENGINE = str(ROOT / "compose" / "engine.sh")
RESTART = """#!/bin/sh
set -e
pid=$(cut -d' ' -f1 {folder}/state/engine)
kill -TERM "$pid"
while [ -d "/proc/$pid" ] && ! grep -q '^State:.Z' "/proc/$pid/status"; do sleep 0.1; done
exec {engine} --private {folder} ensure
"""


@pytest.fixture
def private(lab):
    """The folder of an engine of its own, which may be restarted."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("only root may start an engine")
    image = lab.image("busybox")
    with tempfile.TemporaryDirectory(prefix="ndfault-") as base:
        folder = Path(base, "e")
        subprocess.run([ENGINE, "--private", str(folder), "ensure"], capture_output=True, check=True, timeout=180)
        try:
            saved = subprocess.run(["docker", "save", image], capture_output=True, check=True)
            load = ["docker", "--host", f"unix://{folder}/d.sock", "load"]
            subprocess.run(load, input=saved.stdout, capture_output=True, check=True, timeout=120)
            yield folder
        finally:
            subprocess.run([ENGINE, "--private", str(folder), "stop"], capture_output=True, check=True, timeout=180)


@pytest.mark.parametrize("moment", list(range(8)) if EVERY else [4])
def test_an_engine_that_is_restarted_in_the_middle_leaves_a_fix_or_none(private, tmp_path, moment, monkeypatch):
    """Before and after the join. Either it was confirmed from inside, or the journal knows what to take back."""
    monkeypatch.setenv("NETDOCTOR_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{private}/d.sock")

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)

    def networks(name: str) -> set[str]:
        form = "{{range $k, $_ := .NetworkSettings.Networks}}{{$k}} {{end}}"
        return set(typed("docker", "inspect", "-f", form, name).stdout.split())

    for name, words in (("one", ["sleep", "36000"]), ("two", ["httpd", "-f", "-p", "8080", "-h", "/etc"])):
        made = ["run", "-d", "--restart", "always", "--stop-signal", "KILL", "--name", name, "--network", f"net-{name}"]
        assert typed("docker", "network", "create", f"net-{name}").returncode == 0
        assert typed("docker", *made, "netdoctor-lab/busybox:1", *words).returncode == 0
    script = tmp_path / "restart"
    script.write_text(RESTART.format(folder=private, engine=ENGINE))
    script.chmod(0o755)
    fix = ["fix", "one", "two:8080/hosts", "--yes", "--move", "target"]
    done = typed(sys.executable, PROGRAM, str(moment), str(script), *fix)
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode == 0:
        again = typed(sys.executable, "-m", "netdoctor", "check", "one", "two:8080/hosts", "--wait", "20")
        assert again.returncode == 0, again.stdout
    undone = typed(sys.executable, "-m", "netdoctor", "undo", "--yes")
    assert undone.returncode == 0, (done.stdout, done.stderr, undone.stdout, undone.stderr)
    assert (networks("one"), networks("two")) == ({"net-one"}, {"net-two"}), (done.stdout, done.stderr)
